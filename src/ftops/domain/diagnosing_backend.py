"""From what a backend answers to findings: key, address, connection, permissions, organisation, base models.

Pure: ``adapters.doctor_backend`` asks. Nothing here ever holds a key, only what is wrong with one.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, assert_never

from ftops.domain.backend_facts import NOT_ASKED, BackendFacts, Jobs, KeyFault, ServerState
from ftops.domain.diagnosing_git import Trouble
from ftops.domain.diagnosing_ledger import LedgerFacts, trained
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Check, Finding, Unknown, listed, unknown, warning, well, wrong
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.manifest import FineTune, FineTuneName, ModelId
from ftops.domain.observed import ModelInfo

_ASKED: Final = (
    Check.CONNECTION, Check.ACCESS, Check.READING, Check.WRITING, Check.ORGANISATION, Check.BASE_MODELS,
)  # fmt: skip
_FATAL: Final = frozenset({KeyFault.QUOTED, KeyFault.BROKEN, KeyFault.FOREIGN, KeyFault.PREFIXED, KeyFault.PLACEHOLDER})


def diagnose_backend(
    facts: BackendFacts, *, ledger: LedgerFacts | Unknown, project: ProjectFacts, today: date
) -> Iterator[Finding]:
    """Gives the findings about one backend. ``today`` (UTC) decides on shutdown dates."""
    if facts.backend.is_rehearsal:
        yield _server(facts)
        return
    yield _key(facts)
    yield _address(facts)
    yield _connection(facts)
    yield _access(facts)
    yield _reading(facts)
    yield _writing(facts)
    yield _organisation(facts, ledger)
    yield _base_models(facts, project, trained(ledger, project), today)


def unasked_backend(why: Unknown) -> Iterator[Finding]:
    """Gives the findings where no backend could even be named."""
    yield from (unknown(check, why) for check in (Check.KEY, Check.ADDRESS, *_ASKED))


def _key(facts: BackendFacts) -> Finding:
    check, key, name = Check.KEY, facts.key, facts.backend.name
    if key is None:
        return unknown(check, NOT_ASKED, backend=name)
    if key.variable is None:
        return well(check, "a server on this machine, for which no key is named", backend=name)
    variable = visible(key.variable)
    if not key.is_set:
        return wrong(check, f"no key: {variable} is not set", f"export {variable}=…", code=9, backend=name)
    if key.faults:
        says = f"the key in {variable} {' and '.join(fault.value for fault in key.faults)}"
        mends = (f"export {variable}=…  # the key alone, as it was given to you",)
        if _FATAL.isdisjoint(key.faults):
            return warning(check, says, *mends, backend=name)
        return wrong(check, says, *mends, code=9, backend=name)
    return well(check, f"{variable} holds a key", backend=name)


def _address(facts: BackendFacts) -> Finding:
    check, name = Check.ADDRESS, facts.backend.name
    if facts.address is not None:
        says = visible(facts.address.message)
        return wrong(check, says, *facts.address.mends, code=facts.address.exit_code, backend=name)
    if facts.is_url_from_environment:
        says = f"OPENAI_BASE_URL sends calls and OPENAI_API_KEY to {visible(facts.url)}"
        return warning(check, says, "unset OPENAI_BASE_URL, unless that is meant", backend=name)
    return well(check, visible(facts.url), backend=name)


def _connection(facts: BackendFacts) -> Finding:
    check, name, found = Check.CONNECTION, facts.backend.name, facts.connection
    if isinstance(found, Unknown):
        return unknown(check, found, backend=name)
    if found.obstacle is None:
        return well(check, "it answers", backend=name)
    proxies = f"; proxy variables are set: {', '.join(found.proxies)}" if found.proxies else ""
    says = f"{visible(facts.url)} can't be reached: {visible(found.detail)}{proxies}"
    return wrong(check, says, found.obstacle.value, code=1, backend=name)


def _access(facts: BackendFacts) -> Finding:
    check, name, models = Check.ACCESS, facts.backend.name, facts.models
    match models:
        case Unknown():
            return unknown(check, models, backend=name)
        case Trouble():
            says = f"the list of models was refused: {visible(models.message)}"
            return wrong(check, says, *models.mends, code=models.exit_code, backend=name)
        case _:
            return well(check, "it lets us in", backend=name)


def _reading(facts: BackendFacts) -> Finding:
    check, name, jobs = Check.READING, facts.backend.name, facts.jobs
    match jobs:
        case Unknown():
            return unknown(check, jobs, backend=name)
        case Trouble():
            says = f"the list of jobs was refused: {visible(jobs.message)}"
            return wrong(check, says, *jobs.mends, code=jobs.exit_code, backend=name)
        case Jobs():
            return well(check, "jobs can be listed", backend=name)
        case _:
            assert_never(jobs)


def _writing(facts: BackendFacts) -> Finding:
    check, name, writing = Check.WRITING, facts.backend.name, facts.writing
    match writing:
        case Unknown():
            return unknown(check, writing, backend=name)
        case Trouble():
            return wrong(check, visible(writing.message), *writing.mends, code=writing.exit_code, backend=name)
        case None:
            says = "cancelling a job and deleting a file that don't exist was not forbidden; creating one was not tried"
            return well(check, says, backend=name)
        case _:
            assert_never(writing)


def _organisation(facts: BackendFacts, ledger: LedgerFacts | Unknown) -> Finding:
    check, name, jobs = Check.ORGANISATION, facts.backend.name, facts.jobs
    if isinstance(ledger, Unknown):
        return unknown(check, ledger, backend=name)
    if not isinstance(jobs, Jobs):
        return unknown(check, Unknown(why="its jobs can't be seen"), backend=name)
    record = ledger.state.backend(name)
    if record is None:
        return unknown(check, Unknown(why="the ledger knows nothing of this backend yet"), backend=name)
    if record.base_url != facts.url:
        says = f"the ledger knows {visible(name)} at {visible(record.base_url)}, this is {visible(facts.url)}"
        mend = "give the other address a backend of its own in ftops.yaml"
        return wrong(check, says, mend, code=9, backend=name)
    variable = facts.key.variable if facts.key else None
    mend = f"set {visible(variable or 'the key')} to a key of the ledger's organisation and project"
    if None not in {record.organization, jobs.organization} and record.organization != jobs.organization:
        says = f"the ledger is of organisation {quoted(str(record.organization))}, the key of {quoted(str(jobs.organization))}"
        return wrong(check, says, mend, code=9, backend=name)
    recorded = sum(where == name for one in ledger.state.fine_tunes.values() for _, where, _, _ in one.jobs())
    if recorded and not jobs.seen:
        says = f"the key sees no job of this project, the ledger records {recorded}: it is of another organisation or project"
        return warning(check, says, mend, backend=name)
    return well(check, "the key sees what the ledger records", backend=name)


def _base_models(
    facts: BackendFacts, project: ProjectFacts, has_model: frozenset[FineTuneName], today: date
) -> Finding:
    check, name, models = Check.BASE_MODELS, facts.backend.name, facts.models
    if isinstance(models, (Trouble, Unknown)):
        return unknown(check, Unknown(why="its models can't be listed"), backend=name)
    used = [one for one in project.fine_tunes if project.backend_of(one) == facts.backend]
    unlisted = sorted({one.base_model for one in used if one.base_model not in models})
    ending = {one.name: said for one in used if (said := _shutdown(one, models, today)) is not None}
    mend = "another spec.base_model in the manifest"
    if ending:
        says = listed(dict.fromkeys(ending.values()), limit=2)
        if has_model.issuperset(ending):
            return warning(check, says, mend, backend=name)
        return wrong(check, says, mend, code=5, backend=name)
    if unlisted:
        says = f"{visible(name)} doesn't list {listed(quoted(model) for model in unlisted)}: retired, or not yours to train"
        return warning(check, says, mend, backend=name)
    return well(check, "all base models are there, and stay", backend=name)


def _shutdown(one: FineTune, models: Mapping[ModelId, ModelInfo], today: date) -> str | None:
    info = models.get(ModelId(one.base_model))
    if info is None or info.shutdown_date is None:
        return None
    left = (date.fromisoformat(info.shutdown_date) - today).days
    if left >= one.policy.min_days_to_shutdown:
        return None
    when = f"shuts down on {info.shutdown_date}" if left >= 0 else f"was shut down on {info.shutdown_date}"
    return f"{quoted(one.base_model)} {when}: nothing is trained on it any more"


def _server(facts: BackendFacts) -> Finding:
    check, name, state = Check.EMBEDDED_SERVER, facts.backend.name, facts.server
    match state:
        case Unknown():
            return unknown(check, state, backend=name)
        case ServerState.ABSENT:
            return well(check, "no server runs; the next apply starts one", backend=name)
        case ServerState.RUNNING:
            return well(check, "the embedded server runs", backend=name)
        case ServerState.STALE:
            says = "its last server ended without a word; the next command that needs one starts another"
            return well(check, says, backend=name)
        case ServerState.OTHER_VERSION:
            says = f"the embedded server that runs is of ftops {visible(facts.server_version)}, not of this version"
            mend = "let the commands that use it end; stop a ftops serve with Ctrl-C"
            return warning(check, says, mend, backend=name)
        case ServerState.NOT_INSTALLED:
            says = "the embedded server's packages are not installed"
            return wrong(check, says, "pip install --upgrade ftops", code=1, backend=name)
        case _:
            assert_never(state)
