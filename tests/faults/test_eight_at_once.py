"""Eight processes apply one project at once, each in a clone of its own: one job per revision, and nobody fails.

Twenty times with ``FTOPS_KILLS=all`` (make kills), without it once of each kind.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scratch_project import Done, Scratch, git, jobs_at, make_project, opened
from server_process import ServerProcess, start_server

IS_ALL = os.environ.get("FTOPS_KILLS") == "all"
EIGHT = 8


@pytest.fixture(scope="session")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with start_server(tmp_path_factory.mktemp("arena"), "--min-step-seconds", "0.02", "--workers", "8") as running:
        yield running


@pytest.fixture
def clones(arena: ServerProcess, tmp_path: Path) -> Iterator[list[Scratch]]:
    """Eight clones of one project with one bare remote; the first one commits and pushes."""
    with ExitStack() as stack:
        first = stack.enter_context(opened(make_project(tmp_path, arena.base_url)))
        first.manifest(epochs=2, batch=10)
        first.manifest("second", epochs=1, batch=10, least=None)
        first.commit()
        remote = first.add_remote(tmp_path)
        others = (first.clone(remote, tmp_path, str(number)) for number in range(1, EIGHT))
        yield [first, *(stack.enter_context(opened(other)) for other in others)]


def publish(clones: list[Scratch]) -> None:
    """Brings the first clone's commit to the others."""
    git(clones[0].root, "push", "-q", "origin", "main")
    for clone in clones[1:]:
        git(clone.root, "pull", "-q", "--ff-only", "origin", "main")


def apply_at_once(clones: list[Scratch]) -> list[Done]:
    runs = [(clone, clone.start("apply", "--auto-approve")) for clone in clones]
    return [clone.finish(run) for clone, run in runs]


def check_settled(clones: list[Scratch], *names: str) -> None:
    """One job per revision that was ever declared, one ledger, and nothing left to do anywhere."""
    first = clones[0]
    for name in names:
        jobs = jobs_at(first.base_url, first.project_name, name)
        assert [job["status"] for job in jobs] == ["succeeded"], name
        assert {clone.resolve(name) for clone in (first, clones[-1])} == {jobs[0]["fine_tuned_model"]}
    verified = first.ftops("ledger", "verify")
    assert verified.code == 0, verified.text
    clones[-1].plan()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("time", range(20 if IS_ALL else 1))
def test_eight_applies_at_once(clones: list[Scratch], time: int) -> None:
    done = apply_at_once(clones)
    assert [each.code for each in done] == [0] * EIGHT, [each.text for each in done if each.code]
    assert "Traceback" not in "".join(each.text for each in done)
    check_settled(clones, "router", "second")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("time", range(5 if IS_ALL else 1))
def test_eight_applies_of_two_commits(clones: list[Scratch], time: int) -> None:
    """The older commit is applied first or ends in 6; what is declared last is what stands."""
    first, newer, older = clones[0], clones[::2], clones[1::2]
    first.manifest(epochs=3, batch=10)
    first.commit("Newer")
    publish(newer)
    for clone in older:
        git(clone.root, "fetch", "-q", "origin", "main")
    codes = [each.code for each in apply_at_once([*newer, *older])]
    assert codes[: len(newer)] == [0] * len(newer)
    assert set(codes[len(newer) :]) <= {0, 6}
    surviving = Counter(
        job["metadata"]["ftops_revision"] for job in first.jobs() if job["status"] not in {"cancelled", "failed"}
    )
    assert set(surviving.values()) == {1}
    check_settled(clones[:1], "second")
    serving = next(job for job in first.jobs() if job["fine_tuned_model"] == first.resolve())
    assert serving["hyperparameters"]["n_epochs"] == 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("time", range(5 if IS_ALL else 1))
def test_eight_applies_of_a_rename(clones: list[Scratch], time: int) -> None:
    first = clones[0]
    first.apply()
    model = first.resolve()
    first.manifest("support", epochs=2, batch=10, moved_from="[router]", file="router")
    first.manifest("third", epochs=1, batch=10, least=None)
    first.commit("Rename")
    publish(clones)
    done = apply_at_once(clones)
    assert [each.code for each in done] == [0] * EIGHT, [each.text for each in done if each.code]
    assert first.resolve("support") == model
    assert jobs_at(first.base_url, first.project_name, "support") == []
    check_settled(clones, "third")
