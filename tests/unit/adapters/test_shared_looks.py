"""Looks that threads share: none is served by one that began before it asked."""

import threading

import pytest

from ftops.adapters.shared_looks import SharedLooks


def test_a_thread_alone_looks_each_time() -> None:
    looks: SharedLooks[int] = SharedLooks()
    made = iter(range(3))
    assert [looks.look(lambda: next(made)) for _ in range(3)] == [0, 1, 2]


def test_threads_that_wait_share_the_next_look_not_the_one_under_way() -> None:
    looks: SharedLooks[int] = SharedLooks()
    is_begun, may_end, lock = threading.Event(), threading.Event(), threading.Lock()
    made: list[int] = []

    def slowly() -> int:
        is_begun.set()
        assert may_end.wait(30)
        return quickly()

    def quickly() -> int:
        with lock:
            made.append(len(made))
            return made[-1]

    seen: list[int] = []
    first = threading.Thread(target=lambda: seen.append(looks.look(slowly)))
    first.start()
    assert is_begun.wait(30)
    asking = threading.Barrier(6)

    def ask() -> None:
        asking.wait(30)
        seen.append(looks.look(quickly))

    others = [threading.Thread(target=ask) for _ in range(5)]
    for thread in others:
        thread.start()
    asking.wait(30)
    may_end.set()
    for thread in (first, *others):
        thread.join(30)
    assert seen.count(0) == 1
    assert len(made) <= 6


def test_a_look_that_fails_fails_for_one_thread() -> None:
    looks: SharedLooks[int] = SharedLooks()

    def fail() -> int:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        looks.look(fail)
    assert looks.look(lambda: 7) == 7
