"""From what the project's files say to findings: the project file, manifests, data, backends in force, prices.

Pure: ``adapters.doctor_project`` reads the files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ftops.domain.diagnosis import Check, Finding, Unknown, counted, listed, unknown, warning, well, wrong
from ftops.domain.foreign_text import quoted, shell_word, visible
from ftops.domain.manifest import Backend, FineTune, FineTuneName, MethodType, Project
from ftops.domain.pricing import training_price

_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectFacts:
    """What the files of the project say.

    ``problems`` are sentences with file and line, those of the project file in ``file_problems``. ``pointers`` are data
    files of which git-LFS has only the pointer here. ``redirected`` is the backend that the command line or FTOPS_BACKEND
    names. ``backends`` are those in force.
    """

    project: Project
    fine_tunes: tuple[FineTune, ...] = ()
    file_problems: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    data_files: int = 0
    pointers: tuple[str, ...] = ()
    redirected: str | None = None
    backends: tuple[Backend, ...] = ()

    @property
    def has_python_graders(self) -> bool:
        """Whether an evaluation runs code of the repository."""
        return any(_runs_code(spec.grader) for one in self.fine_tunes for spec in one.evals)

    @property
    def is_rehearsal(self) -> bool:
        """Whether all that runs here is a rehearsal, with a ledger that never leaves this clone."""
        return bool(self.backends) and all(backend.is_rehearsal for backend in self.backends)

    def backend_of(self, one: FineTune) -> Backend | None:
        """Gives the backend in force for a fine-tune; None where its name is not known."""
        name = self.redirected or one.backend or self.project.backend
        return next((backend for backend in self.backends if backend.name == name), None)


def _runs_code(grader: object) -> bool:
    match grader:
        case {"type": "python"}:
            return True
        case dict():
            return any(_runs_code(part) for part in grader.values())
        case _:
            return False


def diagnose_project(
    facts: ProjectFacts | Unknown, *, trained: frozenset[FineTuneName] = frozenset()
) -> Iterator[Finding]:
    """Gives the findings about the project's files. ``trained`` are the fine-tunes that have a model already."""
    if isinstance(facts, Unknown):
        checks = (Check.PROJECT_FILE, Check.MANIFESTS, Check.DATA_FILES, Check.BACKEND_CHOICE, Check.PRICES)
        yield from (unknown(check, facts) for check in checks)
        return
    yield _project_file(facts)
    yield _manifests(facts)
    yield _data_files(facts)
    yield _choice(facts)
    yield _prices(facts, trained)


def _project_file(facts: ProjectFacts) -> Finding:
    if facts.file_problems:
        says = f"ftops.yaml has {counted(len(facts.file_problems), 'problem')}: {visible(facts.file_problems[0])}"
        return wrong(Check.PROJECT_FILE, says, "ftops validate", code=2)
    if facts.project.is_implicit:
        return well(Check.PROJECT_FILE, "there is none: manifests are rehearsed on the embedded backend")
    return well(Check.PROJECT_FILE, f"ftops.yaml declares the project {facts.project.name}")


def _manifests(facts: ProjectFacts) -> Finding:
    if facts.problems:
        says = f"{counted(len(facts.problems), 'problem')} in manifests, such as {visible(facts.problems[0])}"
        return wrong(Check.MANIFESTS, says, "ftops validate", code=2)
    if not facts.fine_tunes:
        folders = listed(map(visible, facts.project.manifests))
        return warning(Check.MANIFESTS, f"no manifest lies in {folders}", "ftops init")
    return well(Check.MANIFESTS, f"{counted(len(facts.fine_tunes), 'fine-tune')} declared")


def _data_files(facts: ProjectFacts) -> Finding:
    if facts.pointers:
        names = listed(quoted(path, limit=80) for path in facts.pointers)
        pulls = tuple(f"git lfs pull --include={shell_word(path)}" for path in facts.pointers[:_SHOWN])
        says = f"of {counted(len(facts.pointers), 'data file')} only git-LFS' pointer is here: {names}"
        return wrong(Check.DATA_FILES, says, *pulls, code=2)
    if not facts.data_files:
        return unknown(Check.DATA_FILES, Unknown(why="no manifest names any"))
    return well(
        Check.DATA_FILES, f"{counted(facts.data_files, 'data file')} there; ftops validate reads what is in them"
    )


def _choice(facts: ProjectFacts) -> Finding:
    known = sorted(facts.project.backends)
    if facts.redirected is not None and facts.redirected not in known:
        says = f"--backend or FTOPS_BACKEND names {quoted(facts.redirected)}, which is no backend of this project"
        return wrong(Check.BACKEND_CHOICE, says, f"name one of {listed(map(visible, known), limit=8)}", code=2)
    if facts.redirected is not None and not facts.is_rehearsal:
        says = f"everything is redirected to {visible(facts.redirected)}: plan may be, apply ends in exit 2"
        return warning(Check.BACKEND_CHOICE, says, "unset FTOPS_BACKEND")
    where = " and ".join(visible(backend.name) for backend in facts.backends)
    why = " as --backend or FTOPS_BACKEND says" if facts.redirected is not None else ""
    return well(Check.BACKEND_CHOICE, f"models are trained on {where}{why}")


def _prices(facts: ProjectFacts, trained: frozenset[FineTuneName]) -> Finding:
    limited = facts.project.training_budget_usd is not None
    priceless = [
        (one, backend.name)
        for one in facts.fine_tunes
        if (backend := facts.backend_of(one)) is not None
        and (limited or one.training_budget_usd is not None)
        and (one.method.type is MethodType.REINFORCEMENT or training_price(one.base_model, backend) is None)
        and not backend.is_rehearsal
    ]
    if not priceless:
        return well(Check.PRICES, "every price that a budget needs is known")
    names = dict.fromkeys(f"{quoted(one.base_model)} on {visible(backend)}" for one, backend in priceless)
    says = f"a budget is set, but the price of training {listed(names)} is not known"
    line = f"in ftops.yaml: spec.backends.{visible(priceless[0][1])}.price: {{training_usd_per_million: …}}"
    if all(one.name in trained for one, _ in priceless):
        return warning(Check.PRICES, f"{says}: a new revision would be refused", line)
    return wrong(Check.PRICES, says, line, "ftops apply --allow unknown-cost", code=5)
