"""From facts to findings: what is not gone wrong for real in ``tests/unit/cli/test_doctor*.py``."""

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ftops.domain.attempts import Attempt, JobRecord, JobStatus
from ftops.domain.backend_facts import BackendFacts, KeyFacts, KeyFault, ServerState, key_faults
from ftops.domain.diagnoses import Facts, diagnose
from ftops.domain.diagnosing_git import GitFacts, RepositoryFacts
from ftops.domain.diagnosing_hosting import BranchRules, HostFacts, RemoteFacts
from ftops.domain.diagnosing_ledger import LedgerFacts, PendingFacts
from ftops.domain.diagnosing_machine import MachineFacts, Package
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Check, Finding, State, Unknown, exit_code, listed, without_secrets, wrong
from ftops.domain.doctor_catalogue import catalogue_table
from ftops.domain.manifest import (
    Backend,
    BackendName,
    BackendType,
    DatasetPaths,
    EvalSpec,
    FineTune,
    FineTuneName,
    ModelId,
    Project,
)
from ftops.domain.observed import ModelInfo
from ftops.domain.records import DatasetRecord, FineTuneRecord, LedgerState, RevisionRecord

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WHY = Unknown(why="nobody asked")
OPENAI = Backend(name=BackendName("openai"), type=BackendType.OPENAI, api_key_env="OPENAI_API_KEY")
EMBEDDED = Backend(name=BackendName("embedded"), type=BackendType.EMBEDDED)
PROJECT = Project(name="acme", backends={OPENAI.name: OPENAI, EMBEDDED.name: EMBEDDED}, backend=OPENAI.name)
HOST = HostFacts(
    settings="https://example.com/settings", main=None, may_push=None, ledger_rules=BranchRules(), main_rules=WHY
)
MACHINE = MachineFacts(python=(3, 11, 4), version="0.1.0")
FACTS = Facts(
    now=NOW,
    project=ProjectFacts(project=PROJECT, backends=(OPENAI,)),
    git=GitFacts(version=(2, 44, 0), repository=RepositoryFacts()),
    remote=RemoteFacts(),
    host=HOST,
    workflows=(),
    ledger=LedgerFacts(branch="ftops-ledger"),
    pending=PendingFacts(),
    backends=(BackendFacts(backend=OPENAI),),
    machine=MACHINE,
    clocks=(),
    sandbox=None,
)
KINDS = "project git remote host workflows ledger pending backends machine clocks sandbox"
UNKNOWN = dict.fromkeys(KINDS.split(), WHY)


def found(check: Check, **changes: Any) -> Finding:
    return next(one for one in diagnose(replace(FACTS, **changes)) if one.check is check)


def test_where_nothing_is_known_every_check_says_why() -> None:
    findings = diagnose(replace(FACTS, **UNKNOWN))
    assert {one.state for one in findings if one.check is not Check.CI_TOKEN} == {State.NOT_ASKED}
    assert {one.check for one in findings} == set(Check) - {Check.EMBEDDED_SERVER}
    assert {one.says for one in findings if one.check is not Check.CI_TOKEN} == {"nobody asked"}


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_a_group_that_failed_leaves_the_others_alone(name: str) -> None:
    findings = diagnose(replace(FACTS, **{name: Unknown(why="it broke", is_trouble=True)}))
    troubled = [one for one in findings if one.says == "can't be told: it broke"]
    assert troubled
    assert {one.state for one in troubled} == {State.WARNING}
    assert len(findings) == len(diagnose(FACTS))


def test_the_exit_code_is_that_of_what_apply_meets_first() -> None:
    def of(*codes: int) -> int:
        return exit_code([wrong(Check.KEY, "x", code=code) for code in codes])

    assert [of(), of(1), of(1, 6), of(6, 5), of(5, 9, 1), of(9, 2, 5), of(77)] == [0, 1, 6, 5, 9, 2, 1]


def test_secrets_are_blotted_out_of_sentences_and_mends() -> None:
    finding = wrong(
        Check.KEY, "abc s3cr\x1bet sk-abcdefghijk https://a:b@c/d", "export s3cr\\x1bet ghp_abcdefghij", code=9
    )
    clean = without_secrets(finding, ["s3cr\x1bet"])
    assert (clean.says, clean.mends) == ("abc *** *** https://***@c/d", ("export *** ***",))
    assert (clean.check, clean.exit_code) == (Check.KEY, 9)


def test_names_are_listed_with_how_many_more() -> None:
    assert [listed("ab"), listed("abcd"), listed("abcd", limit=1)] == ["a, b", "a, b, c and 1 more", "a and 3 more"]


def test_an_old_python_and_an_early_ftops() -> None:
    assert found(Check.PYTHON, machine=replace(MACHINE, python=(3, 10, 1))).exit_code == 1
    assert found(Check.VERSIONS, machine=replace(MACHINE, version="1.0rc1")).state is State.WARNING
    assert found(Check.VERSIONS, machine=replace(MACHINE, version="1.0"), workflows=WHY).state is State.WELL
    fits = Package(name="openai", least="3.0", installed="3.0.1")
    assert found(Check.PACKAGES, machine=replace(MACHINE, packages=(fits,))).says == "1 package as ftops needs them"


@pytest.mark.parametrize(("encoding", "state"), [("UTF-8", State.WELL), ("latin-1", State.WARNING)])
def test_the_encoding_of_a_terminal(encoding: str, state: State) -> None:
    assert found(Check.TERMINAL, machine=replace(MACHINE, encoding=encoding)).state is state


def test_a_sandbox_that_can_be_had_and_one_that_cannot() -> None:
    assert found(Check.SANDBOX).state is State.WELL
    assert found(Check.SANDBOX, sandbox="no namespaces").state is State.WARNING


def test_a_token_of_which_github_says_nothing_and_one_that_may_push() -> None:
    in_ci = GitFacts(version=(2, 44, 0), repository=RepositoryFacts(is_ci=True))
    assert found(Check.CI_TOKEN, git=in_ci).state is State.NOT_ASKED
    assert found(Check.CI_TOKEN, git=in_ci, host=WHY).says == "nobody asked"
    assert found(Check.CI_TOKEN, git=in_ci, host=replace(HOST, may_push=True)).state is State.WELL
    assert found(Check.CI_TOKEN, git=in_ci, host=replace(HOST, may_push=False)).state is State.WARNING


@pytest.mark.parametrize(
    ("check", "changes", "is_ci", "state"),
    [
        (Check.IDENTITY, {"has_email": False}, True, State.NOT_ASKED),
        (Check.CHECKOUT, {"branch": None}, True, State.WELL),
        (Check.CHECKOUT, {"branch": None}, False, State.WARNING),
        (Check.WORK_TREE, {"is_dirty": True}, False, State.WRONG),
    ],
)
def test_what_a_ci_run_minds_less(check: Check, changes: dict[str, Any], is_ci: bool, state: State) -> None:
    facts = GitFacts(version=(2, 44, 0), repository=RepositoryFacts(is_ci=is_ci, **changes))
    assert found(check, git=facts).state is state


def test_a_rehearsal_minds_no_dirty_work_tree_and_a_newer_git_is_safer() -> None:
    facts = GitFacts(version=(2, 34, 1), repository=RepositoryFacts(is_dirty=True))
    rehearsed = ProjectFacts(project=PROJECT, backends=(EMBEDDED,))
    assert found(Check.WORK_TREE, git=facts, project=rehearsed).state is State.WELL
    assert found(Check.GIT, git=facts).state is State.WARNING


def test_rules_that_cannot_be_read() -> None:
    assert found(Check.LEDGER_PROTECTION, host=replace(HOST, ledger_rules=WHY)).state is State.NOT_ASKED
    open_main = replace(HOST, main_rules=BranchRules())
    assert "the default branch is not protected" in found(Check.MAIN_PROTECTION, host=open_main).says


@pytest.mark.parametrize("state", list(ServerState))
def test_the_embedded_server_in_each_state(state: ServerState) -> None:
    facts = ProjectFacts(project=PROJECT, backends=(EMBEDDED,), redirected="embedded")
    about = BackendFacts(backend=EMBEDDED, server=state, server_version="0.0.1")
    finding = found(Check.EMBEDDED_SERVER, project=facts, backends=(about,))
    assert finding.backend == "embedded"
    expected = {ServerState.OTHER_VERSION: State.WARNING, ServerState.NOT_INSTALLED: State.WRONG}
    assert finding.state is expected.get(state, State.WELL)
    unasked = found(Check.EMBEDDED_SERVER, project=facts, backends=(replace(about, server=WHY),))
    assert unasked.state is State.NOT_ASKED


def test_a_backend_that_needs_no_key() -> None:
    about = BackendFacts(backend=OPENAI, key=KeyFacts(variable=None), url="http://127.0.0.1:1/v1", models={})
    assert found(Check.KEY, backends=(about,)).state is State.WELL
    assert found(Check.ACCESS, backends=(about,)).state is State.WELL


def test_a_grader_within_a_grader_runs_code() -> None:
    inner = {"type": "multi", "graders": {"a": {"type": "python", "source": "x"}}}
    specs = [EvalSpec(name="e", dataset="d", grader=grader) for grader in (inner, {"type": "string_check"})]
    made = [
        FineTune(name=FineTuneName("a"), base_model="m", dataset=DatasetPaths(train="t"), path="a.yaml", evals=(spec,))
        for spec in specs
    ]
    graded, plain = (ProjectFacts(project=PROJECT, backends=(OPENAI,), fine_tunes=(one,)) for one in made)
    assert (graded.has_python_graders, plain.has_python_graders) == (True, False)


@pytest.mark.parametrize(
    "key", ["sk-proj-0123456789abcdefghijklmnop", "sk-your0123456789012345678901234567890123456789"]
)
def test_keys_of_openai_s_shape(key: str) -> None:
    assert key_faults(key, is_openai=True) == ()


def trained_ledger() -> LedgerFacts:
    job = JobRecord(id="ftjob-1", status=JobStatus.SUCCEEDED, seen_at=NOW, model="ft:x")
    attempts = {"openai": (Attempt(number=1, job=job),)}
    train = DatasetRecord(path="t", sha256="0" * 64, rows=1)
    revision = RevisionRecord(spec={}, train=train, declared_at=NOW, attempts=attempts)
    record = FineTuneRecord(format_version="1", name="old", revisions={"3f9a1c2b7d10": revision})
    return LedgerFacts(branch="ftops-ledger", state=LedgerState(fine_tunes={FineTuneName("old"): record}))


@pytest.mark.parametrize("names", [(), ("old",)])
def test_what_forbids_training_is_wrong_where_nothing_was_trained_yet(names: tuple[str, ...]) -> None:
    former = tuple(map(FineTuneName, names))
    one = FineTune(
        name=FineTuneName("new"), base_model="m", dataset=DatasetPaths(train="t"), path="a.yaml",
        moved_from=former, training_budget_usd=1.0,
    )  # fmt: skip
    project = ProjectFacts(project=PROJECT, backends=(OPENAI,), fine_tunes=(one,))
    models = {ModelId("m"): ModelInfo(id=ModelId("m"), shutdown_date="2026-11-22")}
    known = {
        "project": project,
        "backends": (BackendFacts(backend=OPENAI, models=models),),
        "ledger": trained_ledger(),
    }
    expected = State.WARNING if names else State.WRONG
    assert found(Check.BASE_MODELS, **known).state is expected
    assert found(Check.PRICES, **known).state is expected
    assert found(Check.PRICES, **known).mends[0].startswith("in ftops.yaml: spec.backends.openai.price:")


def test_a_budget_of_nothing_is_kept_where_nothing_is_spent() -> None:
    facts = ProjectFacts(project=replace(PROJECT, training_budget_usd=0.0), backends=(OPENAI,))
    assert found(Check.BUDGET, project=facts).state is State.WELL


HOSTILE_PATH = "a b;$(touch x)`y`'\"\\.jsonl"


def test_a_mend_is_one_command_whatever_a_file_is_called() -> None:
    facts = ProjectFacts(project=PROJECT, backends=(OPENAI,), pointers=(HOSTILE_PATH,))
    assert shlex.split(found(Check.DATA_FILES, project=facts).mends[0])[-1] == f"--include={HOSTILE_PATH}"
    left = replace(MACHINE, leftovers=(HOSTILE_PATH, "b"))
    assert shlex.split(found(Check.LEFTOVERS, machine=left).mends[0]) == ["rm", "--", HOSTILE_PATH, "b"]


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ('"sk-0123456789abcdef0123456789"', KeyFault.QUOTED),
        ("two words of a key", KeyFault.BROKEN),
        ("Bearer sk-0123456789abcdef0123456789", KeyFault.PREFIXED),
        ("schlüssel-0123456789", KeyFault.FOREIGN),
        ("sk-...", KeyFault.PLACEHOLDER),
        ("<yourkey>", KeyFault.PLACEHOLDER),
    ],
)
def test_keys_of_no_shape(key: str, fault: KeyFault) -> None:
    assert key_faults(key, is_openai=False) == (fault,)
    about = BackendFacts(backend=OPENAI, key=KeyFacts(variable="OPENAI_API_KEY", faults=(fault,)))
    assert found(Check.KEY, backends=(about,)).exit_code == 9
    assert fault.value in found(Check.KEY, backends=(about,)).says


def test_the_table_has_a_row_for_each_check() -> None:
    lines = catalogue_table().splitlines()
    assert len(lines) == 2 + len(Check)
    assert all(line.count("|") == 5 for line in lines)
