"""Threads that carry out work and can be left behind."""

import threading

import pytest

from ftops.application.workers import Finished, Workers, call_aside
from ftops.errors import Interrupted


def test_results_and_errors_come_back() -> None:
    workers: Workers[int] = Workers(lambda n: str(1 // n), parallelism=2)
    for n in (1, 0):
        workers.submit(n)
    found: list[Finished[int]] = []
    while len(found) < 2:
        found += workers.wait(10)
    by_item = {done.item: done for done in found}
    assert (by_item[1].said, by_item[1].error) == ("1", None)
    assert isinstance(by_item[0].error, ZeroDivisionError)


def test_no_more_than_so_many_at_once_first_come_first_served() -> None:
    gate, running, most, order = threading.Semaphore(0), [0], [0], []
    lock = threading.Lock()

    def work(n: int) -> str:
        with lock:
            order.append(n)
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.acquire(timeout=10)
        with lock:
            running[0] -= 1
        return ""

    workers = Workers(work, parallelism=2)
    for n in range(6):
        workers.submit(n)
    found: list[Finished[int]] = []
    while len(found) < 6:
        gate.release()
        found += workers.wait(10)
    assert most[0] <= 2
    assert sorted(order) == list(range(6))
    assert set(order[:2]) == {0, 1}


def test_what_no_thread_has_begun_can_be_taken_back() -> None:
    gate, is_begun = threading.Event(), threading.Event()

    def work(_n: int) -> str:
        is_begun.set()
        assert gate.wait(30)
        return "done"

    workers = Workers(work, parallelism=1)
    for n in range(3):
        workers.submit(n)
    assert is_begun.wait(30)
    assert workers.take_back() == [1, 2]
    gate.set()
    assert [done.item for done in workers.wait(30)] == [0]
    assert workers.wait(0.05) == []


def test_waiting_in_vain_gives_nothing() -> None:
    assert Workers(str, parallelism=1).wait(0.01) == []


def test_its_threads_do_not_keep_the_interpreter() -> None:
    seen: list[bool] = []
    workers: Workers[int] = Workers(lambda _: str(seen.append(threading.current_thread().daemon)), parallelism=1)
    workers.submit(1)
    assert workers.wait(10)
    assert seen == [True]


def test_a_call_aside_gives_its_result_or_its_error() -> None:
    assert call_aside(lambda: 7, lambda: None) == 7
    with pytest.raises(KeyError):
        call_aside(lambda: {}["missing"], lambda: None)


def test_a_call_aside_is_left_behind_once_the_check_raises() -> None:
    never, is_called = threading.Event(), threading.Event()

    def call() -> bool:
        is_called.set()
        return never.wait(60)

    def check() -> None:
        if is_called.is_set():
            raise Interrupted("interrupted")

    with pytest.raises(Interrupted):
        call_aside(call, check)
    never.set()
