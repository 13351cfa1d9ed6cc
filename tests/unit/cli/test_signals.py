"""What a signal does: before anything is under way, during a run, and the second one."""

import os
import signal
import threading

import pytest

from ftops.cli import signals
from ftops.cli.signals import INTERRUPTED, Ears, listening

SIGHUP = getattr(signal, "SIGHUP", None)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exit codes with which the process would have been left for good."""
    monkeypatch.setattr(signals, "LEAVE_SECONDS", 0.01)
    monkeypatch.setattr(signals, "LEAVE_AT_ONCE_SECONDS", 0.01)
    return []


def test_before_anything_is_under_way_the_first_signal_interrupts_at_once(left: list[int]) -> None:
    ears = Ears(left.append)
    with pytest.raises(KeyboardInterrupt):
        ears.handle(signal.SIGTERM, None)
    assert not ears.stop.is_set()


def test_the_first_signal_of_a_run_asks_for_an_orderly_end_and_the_second_leaves(left: list[int]) -> None:
    ears = Ears(left.append)
    with ears.underway():
        ears.handle(signal.SIGINT, None)
        assert ears.stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            ears.handle(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        ears.handle(signal.SIGINT, None)


def test_whatever_hangs_the_process_is_left(left: list[int]) -> None:
    gone = threading.Event()
    ears = Ears(lambda code: (left.append(code), gone.set()))
    with ears.underway():
        ears.handle(signal.SIGINT, None)
    assert gone.wait(30)
    assert left == [INTERRUPTED]


@pytest.mark.skipif(SIGHUP is None, reason="this system has no SIGHUP")
def test_a_hang_up_that_the_environment_ignores_stays_ignored() -> None:
    assert SIGHUP is not None
    before = signal.signal(SIGHUP, signal.SIG_IGN)
    try:
        with listening() as ears, ears.underway():
            assert signal.getsignal(signal.SIGTERM) == ears.handle
            os.kill(os.getpid(), SIGHUP)
            assert not ears.stop.is_set()
        assert signal.getsignal(SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(SIGHUP, before)


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with listening():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
