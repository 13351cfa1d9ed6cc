"""What ``ftops eval`` opens and asks: manifests, the ledger as it is read, the backends, and consent to what may cost money.

Imported by the command when it runs, as it brings the application along.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ftops.application.evaluate import Evaluations
from ftops.application.failure_exports import FailureExport, export_failures
from ftops.application.item_reports import ItemReport, item_reports
from ftops.application.judge_agreement import JudgeReport, judge_agreement, read_labels
from ftops.application.model_figures import ModelFigures, model_figures
from ftops.application.training_reports import TrainingReport, training_report
from ftops.application.trials import (
    FilesWithPrompt,
    Quote,
    Trial,
    Tried,
    choose_evals,
    find_declared,
    is_free_of_charge,
    make_trial,
    models_asked,
    quote,
    run_trial,
)
from ftops.application.workspace import Workspace
from ftops.bootstrap import load_desired, open_workspace
from ftops.bootstrap_place import find_place
from ftops.cli.approval import confirm_trust
from ftops.cli.confirmation import check_somebody_is_there, is_confirmed
from ftops.cli.live import open_progress
from ftops.cli.main import Globals
from ftops.cli.style import safe, tell
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.guard import Policy
from ftops.domain.manifest import PromptFile
from ftops.domain.records import FineTuneRecord
from ftops.errors import LedgerUnreachable, Rejected, Unauthorized, UsageProblem
from ftops.evaluation.prompts import PromptProblem, read_prompt
from ftops.ports import ProgramMode


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the command's words ask for. ``is_asking`` False approves of calls beforehand.

    ``python_graders`` None runs none of them.
    """

    name: str
    backend: str | None
    model: str | None
    evals: tuple[str, ...]
    prompt: Path | None
    is_asking: bool
    python_graders: ProgramMode | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A trial with its figures by evaluation, its items and the training; ``export`` where failed items were asked for."""

    tried: Tried
    figures: Mapping[str, tuple[ModelFigures, ...]]
    items: tuple[ItemReport, ...]
    training: TrainingReport | None
    export: FailureExport | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedTrial:
    """A trial that can be run, and what it would take."""

    workspace: Workspace
    evaluations: Evaluations
    trial: Trial
    is_asking: bool

    def run(self, underway: Callable[[], AbstractContextManager[None]], *, exports_failures: bool) -> Result | None:
        """Runs it, once the calls are approved; None where a person said no.

        Raises UsageProblem where nobody is there to ask, Unauthorized where the key is refused, and Interrupted.
        """
        quoted = quote(self.evaluations, self.trial)
        if not quoted.is_nothing:
            if not self._is_approved(_told(quoted), is_free=quoted.is_free):
                return None
            self._check_key()
        with underway():
            tried = run_trial(self.evaluations, self.trial, stop=self.workspace.stop, progress=self._show)
        declared, candidate = self.trial.declared, self.trial.candidate
        items = item_reports(self.evaluations, tried.record, declared, candidate)
        is_declared = candidate.revision == declared.revision
        return Result(
            tried=tried,
            figures={
                one.spec.name: model_figures(self.evaluations, tried.record, declared, candidate, one)
                for one in declared.evals
            },
            items=items,
            training=training_report(self.workspace, declared, tried.record, tried.judgement, items)
            if is_declared
            else None,
            export=export_failures(self.evaluations, tried) if exports_failures else None,
        )

    def compare_with_people(
        self, file: Path, underway: Callable[[], AbstractContextManager[None]]
    ) -> JudgeReport | None:
        """Grades the answers that people labelled, and compares; None where a person said no. Raises as ``run`` does."""
        one = self._the_one()
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageProblem(f"{file} is no UTF-8 text") from error
        labels = read_labels(text, file=str(file), rows=self.evaluations.files.rows(one.dataset))
        judges = models_asked(one.spec)
        if judges:
            told = f"{_counted(len(labels), 'answer')} judged by {_listed(judges)}, of unknown cost"
            if not self._is_approved(told, is_free=is_free_of_charge(self.trial.declared.backend)):
                return None
            self._check_key()
        with underway():
            backend = self.trial.candidate.backend
            return judge_agreement(self.evaluations, one, labels, backend=backend, stop=self.workspace.stop)

    def _the_one(self) -> DeclaredEval:
        found = self.trial.declared.evals
        if len(found) != 1:
            names = ", ".join(one.spec.name for one in found)
            raise UsageProblem("people label the answers to one evaluation", remedy=f"name it with --eval: {names}")
        return found[0]

    def _is_approved(self, told: str, *, is_free: bool) -> bool:
        """Whether calls may be made: nothing is asked where they cost nothing."""
        tell(f"{safe(self.trial.declared.name)}: {told}")
        if not self.is_asking or is_free:
            return True
        instead = "give --auto-approve"
        check_somebody_is_there(f"approve {told}", instead=instead)
        return is_confirmed(f"Go on with {told}?", instead=instead)

    def _show(self, what: str, done: int, total: int) -> None:
        name = self.trial.declared.name
        self.workspace.progress.update(name, "evaluating", done=done, total=total, detail=what)

    def _check_key(self) -> None:
        """Asks for the model once, so that a refused key is told as such and not as the failure of every item."""
        session = self.workspace.sessions.get(self.trial.candidate.backend)
        if session is None:
            return
        try:
            session.models.retrieve(self.trial.candidate.model)
        except Unauthorized:
            raise
        except Rejected:
            return  # not every backend lists what it serves: the calls will tell


@contextmanager
def opened_trial(context: Globals, wanted: Wanted, stop: threading.Event) -> Iterator[OpenedTrial]:
    """Opens what a trial needs, starting the embedded server where it is used, and says which model is tried.

    Raises Invalid, UsageProblem, MissingKey, LedgerError.
    """
    place = find_place(context.directory)
    desired = load_desired(place, backend=wanted.backend)
    declared = choose_evals(find_declared(desired.fine_tunes, wanted.name), wanted.evals)
    if declared.name != wanted.name:
        tell(f"Warning: {safe(wanted.name)} is called {declared.name} now")
    asks, prompt = _read_prompt_file(wanted.prompt)
    alone = dataclasses.replace(desired, fine_tunes=(declared,))
    with (
        open_progress() as progress,
        open_workspace(
            place,
            alone,
            policy=Policy(),
            progress=progress,
            stop=stop,
            for_apply=True,
            confirm=confirm_trust,
            python_graders=wanted.python_graders,
        ) as workspace,
    ):
        today = workspace.clock.now().date()
        trial = make_trial(declared, _record(workspace, declared), model=wanted.model, today=today, asks=asks)
        for notice in trial.notices:
            tell(f"Note: {safe(notice)}")
        yield OpenedTrial(
            workspace=workspace,
            evaluations=_with_prompt(workspace.evaluations, asks, prompt),
            trial=trial,
            is_asking=wanted.is_asking,
        )


def _read_prompt_file(path: Path | None) -> tuple[PromptFile | None, str]:
    """Gives a prompt as a declared one, and its text, read once: it may be a pipe.

    Raises UsageProblem where the file holds no messages.
    """
    if path is None:
        return None, ""
    try:
        text = path.read_text(encoding="utf-8")
        read_prompt(text)
    except (PromptProblem, UnicodeDecodeError) as problem:
        raise UsageProblem(f"--prompt {path}: {problem}") from problem
    # Declared prompts are named from the project's root, so that no name of one is this one's.
    return PromptFile(path=str(path) if path.is_absolute() else f"./{path}"), text


def _with_prompt(evaluations: Evaluations, asks: PromptFile | None, text: str) -> Evaluations:
    if asks is None:
        return evaluations
    return dataclasses.replace(evaluations, files=FilesWithPrompt(files=evaluations.files, path=asks.path, prompt=text))


def _record(workspace: Workspace, declared: Declared) -> FineTuneRecord | None:
    """What the ledger knows of a fine-tune; where it can't be fetched the copy here, and a warning."""
    ledger = workspace.ledgers[declared.backend.name]
    try:
        state = ledger.read().state
    except LedgerUnreachable as error:
        tell(f"Warning: the ledger could not be fetched ({safe(error.message)}); the copy here is used")
        state = ledger.read_cached().state
    names = (declared.name, *declared.fine_tune.moved_from)
    return next((record for known in names if (record := state.named(known)) is not None), None)


def _told(quoted: Quote) -> str:
    parts = []
    if quoted.calls:
        usd = "of unknown cost" if quoted.usd is None else f"about ${quoted.usd:,.2f}"
        parts.append(f"{_counted(quoted.calls, 'call')}, about {quoted.tokens:,} tokens, {usd}")
    if quoted.judged:
        parts.append(
            f"up to {_counted(quoted.judged, 'answer')} judged by {_listed(quoted.judges)}, whose cost is not counted"
        )
    return "; ".join(parts)


def _listed(models: Sequence[str]) -> str:
    return ", ".join(map(safe, models))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
