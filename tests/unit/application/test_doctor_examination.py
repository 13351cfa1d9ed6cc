"""The doctor's round of questions: none stops another, none is waited for longer than it may take."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from ftops.application.doctor import examine
from ftops.domain.backend_facts import BackendFacts, Connection
from ftops.domain.diagnosing_git import GitFacts, RepositoryFacts, Trouble
from ftops.domain.diagnosing_hosting import HostFacts, WorkflowFacts
from ftops.domain.diagnosing_ledger import LedgerFacts, PendingFacts
from ftops.domain.diagnosing_machine import Dated, MachineFacts
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Check, Finding, State, Unknown
from ftops.domain.manifest import (
    Backend,
    BackendName,
    BackendType,
    DatasetPaths,
    EvalSpec,
    FineTune,
    FineTuneName,
    Project,
)
from ftops.errors import LedgerCorrupt

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OPENAI = Backend(name=BackendName("openai"), type=BackendType.OPENAI, api_key_env="OPENAI_API_KEY")


class World:
    """Surroundings that are well; a question named in ``troubles`` raises that, or waits for ``over``."""

    secrets = ("topsecret",)

    def __init__(self, **troubles: BaseException | None) -> None:
        self.troubles = troubles
        self.over = threading.Event()
        self.fine_tunes: tuple[FineTune, ...] = ()
        self.is_configured = True

    def _asked(self, what: str) -> None:
        if what in self.troubles:
            trouble = self.troubles[what]
            if trouble is None:
                self.over.wait(30)
            else:
                raise trouble

    def project(self) -> ProjectFacts:
        self._asked("project")
        project = Project(name="acme", backends={OPENAI.name: OPENAI}, backend=OPENAI.name)
        return ProjectFacts(project=project, backends=(OPENAI,), fine_tunes=self.fine_tunes)

    def git(self) -> GitFacts:
        self._asked("git")
        return GitFacts(version=(2, 44, 0), repository=RepositoryFacts())

    def workflows(self) -> tuple[WorkflowFacts, ...]:
        self._asked("workflows")
        return ()

    def remotes(self, wanted: str) -> tuple[bool, tuple[str, ...]]:
        self._asked("remotes")
        return self.is_configured, ()

    def ledger(self, project: Project, **how: Any) -> LedgerFacts | Trouble:
        self._asked("ledger")
        return LedgerFacts(branch="ftops-ledger")

    def push(self, project: Project) -> Trouble | Unknown | None:
        self._asked("push")
        return None

    def host(self, project: Project) -> HostFacts | Unknown:
        self._asked("host")
        return Unknown(why="no GitHub")

    def host_clock(self, project: Project) -> Dated | None:
        self._asked("host_clock")
        return Dated(host="git.example", theirs=NOW, ours=NOW)

    def pending(self) -> PendingFacts:
        self._asked("pending")
        return PendingFacts()

    def backend(self, backend: Backend, *, project: str, is_offline: bool) -> BackendFacts:
        self._asked("backend")
        return BackendFacts(backend=backend, connection=Connection(their_time=NOW, our_time=NOW))

    def machine(self) -> MachineFacts:
        self._asked("machine")
        return MachineFacts(python=(3, 12, 0), version="0.1.0")

    def sandbox(self) -> str | None:
        self._asked("sandbox")
        return None


QUESTIONS = [
    "project", "git", "workflows", "remotes", "ledger", "push", "host", "host_clock", "pending", "backend", "machine",
]  # fmt: skip


def look(world: World, **how: Any) -> dict[Check, Finding]:
    try:
        return {one.check: one for one in examine(world, now=NOW, **how)}
    finally:
        world.over.set()


def states(found: dict[Check, Finding]) -> dict[Check, State]:
    return {check: one.state for check, one in found.items()}


def graded() -> FineTune:
    spec = EvalSpec(name="own", dataset="d", grader={"type": "python", "source": "x"})
    name = FineTuneName("a")
    return FineTune(name=name, base_model="m", dataset=DatasetPaths(train="t"), path="a.yaml", evals=(spec,))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (LedgerCorrupt("topsecret broke"), "*** broke"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (KeyError("x"), "unexpected KeyError, a fault in ftops"),
    ],
)
def test_a_question_that_fails_leaves_the_others_alone(question: str, trouble: Exception, says: str) -> None:
    well, found = states(look(World())), look(World(**{question: trouble}))
    assert set(found) == set(well)
    told = {check for check, one in found.items() if one.says.endswith(says)}
    differing = {check for check, state in states(found).items() if state is not well[check]}
    assert told or question == "host_clock"
    assert State.WRONG not in states(found).values()
    if question not in {"project", "git", "remotes"}:  # what others hang on
        assert differing <= told | {Check.CLOCK, Check.ORGANISATION}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_hangs_is_not_waited_for(question: str) -> None:
    began = time.monotonic()
    found = look(World(**{question: None}), seconds=0.05)
    assert time.monotonic() - began < 20  # it would hang for 30
    hung = [one for one in found.values() if "it took too long" in one.says]
    assert hung or question == "host_clock"


def test_a_python_grader_is_a_reason_to_try_the_sandbox() -> None:
    world = World()
    assert look(world)[Check.SANDBOX].state is State.NOT_ASKED
    world = World()
    world.fine_tunes = (graded(),)
    assert look(world)[Check.SANDBOX].state is State.WELL


def test_offline_asks_no_host_and_no_clock_also_without_a_remote() -> None:
    world = World(push=AssertionError(), host=AssertionError(), host_clock=AssertionError())
    found = look(world, is_offline=True)
    assert {found[check].says for check in (Check.PUSH, Check.CLOCK)} == {"asked for with --offline"}
    world.is_configured = False
    assert look(world, is_offline=True)[Check.REMOTE].state is State.WARNING
