"""Threads that carry out work and can be left behind: a detached run does not wait for a call in flight."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOMENT: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished(Generic[Item]):
    """One piece of work that ended: with a sentence, or with the error it raised."""

    item: Item
    said: str = ""
    error: BaseException | None = None


def call_aside(call: Callable[[], Result], check: Callable[[], None]) -> Result:
    """Makes a call in a thread of its own and gives its result; ``check`` may raise to leave it behind."""
    results: queue.SimpleQueue[Result] = queue.SimpleQueue()
    errors: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(call())
        except BaseException as error:  # noqa: BLE001  (raised again in the thread that waits)
            errors.put(error)

    thread = threading.Thread(target=run, name="aside", daemon=True)
    thread.start()
    while thread.is_alive():
        check()
        thread.join(_MOMENT)
    if not errors.empty():
        raise errors.get()
    return results.get()


class Workers(Generic[Item]):
    """Runs ``work`` on items in daemon threads, at most ``parallelism`` at once, first come first served.

    Daemon threads, because the interpreter would otherwise wait at its end for a POST that may take a minute; the intent
    protocol makes it safe to leave one behind.
    """

    def __init__(self, work: Callable[[Item], str], parallelism: int) -> None:
        self._work = work
        self._todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Finished[Item]] = queue.SimpleQueue()
        self._parallelism = parallelism
        self._threads: list[threading.Thread] = []

    def submit(self, item: Item) -> None:
        """Hands over a piece of work."""
        self._todo.put(item)
        if len(self._threads) < self._parallelism:
            thread = threading.Thread(target=self._run, name=f"worker-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def take_back(self) -> list[Item]:
        """Gives what was handed over and no thread has begun: it is not carried out."""
        items: list[Item] = []
        with suppress(queue.Empty):
            while True:
                items.append(self._todo.get_nowait())
        return items

    def wait(self, seconds: float) -> list[Finished[Item]]:
        """Waits until at least one piece has ended, or until the time is up; gives all that have."""
        finished: list[Finished[Item]] = []
        try:
            finished.append(self._done.get(timeout=seconds))
            while True:
                finished.append(self._done.get_nowait())
        except queue.Empty:
            return finished

    def _run(self) -> None:
        while True:
            item = self._todo.get()
            try:
                self._done.put(Finished(item=item, said=self._work(item)))
            except BaseException as error:  # noqa: BLE001  (handed to the loop, which raises or reports it)
                self._done.put(Finished(item=item, error=error))
