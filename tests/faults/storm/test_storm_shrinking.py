"""A broken promise is found by the storm and shrinks to a few lines, which are a test that fails for the same reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from storm_generator import script_of
from storm_play import Played, play
from storm_report import MUST_STRIKE, never_struck, reproducing_test, shrunk
from storm_script import Script
from storm_wire import KEY

from ftops.application import train
from ftops.application.train import Training
from ftops.errors import BackendError

SEEDS = 60


@contextmanager
def without_listing() -> Iterator[None]:
    """ftops as it must not be: it never looks for a job whose answer was lost."""
    with mock.patch.object(Training, "_find", return_value=None):
        yield


@contextmanager
def with_retries_at_creation() -> Iterator[None]:
    """ftops as it must not be: a creation whose answer is lost is simply sent again, as an SDK does by itself."""
    from storm_backend import LaggingTraining

    once = LaggingTraining.create

    def twice(self: Any, body: Any, metadata: Any) -> Any:
        once(self, body, metadata)
        return once(self, body, metadata)

    with mock.patch.object(LaggingTraining, "create", twice):
        yield


@contextmanager
def telling_the_key() -> Iterator[None]:
    """ftops as it must not be: a message that repeats the key is passed on."""
    closing = Training._closing

    def leaking(self: Any, intent: str, closed: Any, error: BackendError) -> Any:
        return closing(self, intent, closed, BackendError(f"{error.message} {KEY}"))

    with mock.patch.object(train.Training, "_closing", leaking):
        yield


def first_broken(kind: str) -> Played:
    for seed in range(SEEDS):
        played = play(script_of(seed))
        if kind in played.kinds:
            return played
    pytest.fail(f"the storm did not notice in {SEEDS} worlds")


@pytest.mark.parametrize(
    ("broken", "kind"),
    [(without_listing, "one job"), (with_retries_at_creation, "one job"), (telling_the_key, "secret")],
)
def test_what_breaks_a_promise_shrinks_to_a_test_that_fails_for_it_alone(broken: Any, kind: str) -> None:
    with broken():
        played = first_broken(kind)
        small = shrunk(played.script, tries=200)
        assert len(small.steps) <= 4
        assert len(repr(small)) < len(repr(played.script)) / 2
        text = reproducing_test(small, play(small).wrong)
        with pytest.raises(AssertionError):
            run(text)
    run(text)  # and without the fault it passes


def run(text: str) -> None:
    """Runs the one test of a pasted file."""
    names: dict[str, Any] = {}
    exec(compile(text, "pasted.py", "exec"), names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test()


def test_a_script_that_is_right_has_nothing_to_shrink() -> None:
    script = Script(lag=2.0)
    assert shrunk(script, tries=5) == script


def test_a_storm_in_which_something_never_happened_is_no_storm() -> None:
    from collections import Counter

    assert never_struck(Counter(dict.fromkeys(MUST_STRIKE, 1))) == []
    assert never_struck(Counter(dict.fromkeys(MUST_STRIKE[1:], 1))) == [MUST_STRIKE[0]]
