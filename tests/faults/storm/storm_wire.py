"""What lies between a run and the world: calls take time, meet incidents and weather, and may be a run's last.

Owns how a call fails. Errors of backends are made by the real adapter's rules out of answers that repeat the key, so that
a key which comes through anywhere is seen by the storm's invariants.
"""

import inspect
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from storm_ledger import PushFailed
from storm_script import Incident
from storm_time import VirtualTime

from ftops.adapters import backend_failures
from ftops.adapters.backend_address import Address

KEY = "sk-storm-0123456789abcdef"
WITH_EFFECT = frozenset({"training.create", "training.cancel", "files.upload", "files.delete", "models.delete"})
SECONDS = {"ledger.fetch": 0.3, "ledger.push": 0.6, "ledger.keep": 0.0, "outputs.put": 0.0, "outputs.get": 0.0}
# Incidents that let a call through.
QUIET = frozenset({"", "stall", "suspend", "stall after", "suspend after", "interrupt", "kill after"})
PARTS = frozenset({"jobs", "training", "files", "models"})
_ADDRESS = Address(base_url="https://storm.invalid/v1", key=KEY, is_loopback=False)


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may catch it, and nothing is called after it."""


@dataclass
class Sky:
    """The weather of all places, as (from, until, what), and how often something struck."""

    time: VirtualTime
    struck: Counter[str]
    spells: dict[str, list[tuple[float, float, str]]] = field(default_factory=dict)

    def turn(self, place: str, what: str, seconds: float) -> None:
        now = self.time.monotonic()
        self.spells.setdefault(place, []).append((now, now + seconds, what))

    def over(self, place: str) -> str | None:
        now = self.time.monotonic()
        return next((what for since, until, what in self.spells.get(place, ()) if since <= now < until), None)


@dataclass
class Wire:
    """One run's calls. ``on_call`` hears of each, with its outcome, ``on_act`` when one is about to take effect, with the
    moment at which it was begun. ``suspended`` is how long the machine slept, its monotonic clock standing still.
    """

    sky: Sky
    incidents: tuple[Incident, ...]
    stop: threading.Event
    pace: random.Random
    on_call: Callable[[str, str], None] = lambda operation, what: None
    on_act: Callable[[float], None] = lambda began: None
    suspended: float = 0.0
    is_dead: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def sleep(self, seconds: float) -> None:
        self.call("clock.sleep", "disk", lambda: None, seconds=seconds)

    def call(self, operation: str, place: str, act: Callable[[], Any], *, seconds: float | None = None) -> Any:
        """Carries a call out, unless something befalls it."""
        if self.is_dead:
            raise Killed(operation)
        incident = self._due(operation)
        what = incident.what if incident else ""
        self._strike(operation, what)
        began = self.sky.time.monotonic()
        if incident is not None and what in {"stall", "suspend"}:
            self._pause(incident)
        if what == "interrupt":
            self.stop.set()
        if what == "kill before":
            raise self._death(operation)
        took = SECONDS.get(operation, 0.2) if seconds is None else seconds
        took *= self.pace.uniform(0.5, 1.5) if seconds is None else 1.0
        self.sky.time.sleep(took / 2)
        failure = self._failure(operation, place, incident, lambda: self._take_effect(began, act))
        if failure is not None:
            self.sky.time.sleep(took / 2)
            self.on_call(operation, what or "weather")
            raise failure
        result = self._take_effect(began, act)
        self.on_call(operation, what)
        self.sky.time.sleep(took / 2)
        if incident is not None and what in {"stall after", "suspend after"}:
            self._pause(incident)
        if what == "kill after":
            raise self._death(operation)
        if what.startswith("lost"):
            raise failure_of(operation, what.removeprefix("lost").strip() or "drop")
        return result

    def _take_effect(self, began: float, act: Callable[[], Any]) -> Any:
        self.on_act(began)
        return act()

    def _pause(self, incident: Incident) -> None:
        """The process stands still, or the whole machine with the clock that counts its seconds."""
        self.suspended += incident.seconds if incident.what.startswith("suspend") else 0.0
        self.sky.time.sleep(incident.seconds)

    def _due(self, operation: str) -> Incident | None:
        self.counts[operation] += 1
        self.counts["*"] += 1
        return next((i for i in self.incidents if i.on in {operation, "*"} and self.counts[i.on] == i.nth), None)

    def _failure(
        self, operation: str, place: str, incident: Incident | None, act: Callable[[], Any]
    ) -> Exception | None:
        """Gives the error of a call that is not carried out now, None where it is."""
        weather = self.sky.over(place)
        if weather is not None:
            self.sky.struck[f"weather: {weather}"] += 1
            return failure_of(operation, weather)
        if incident is None or incident.what in QUIET:
            return None
        match incident.what.split():
            case ["kill", "in", "flight"]:
                self._take_effect_later(place, incident, act)
                raise self._death(operation)
            case ["late"]:
                self._take_effect_later(place, incident, act)
                return failure_of(operation, "drop")
            case ["lost", *_]:
                return None
            case _:
                return failure_of(operation, incident.what)

    def _take_effect_later(self, place: str, incident: Incident, act: Callable[[], Any]) -> None:
        # A rehearsal's settle time is 0: its server is on this host, and carries out at once what reached it.
        seconds = 0.0 if place == "twin" else incident.seconds
        self.sky.time.after(seconds, lambda: _ignoring_errors(act))

    def _strike(self, operation: str, what: str) -> None:
        if what:
            self.sky.struck[f"{what} at {operation}"] += 1

    def _death(self, operation: str) -> Killed:
        self.is_dead = True
        self.on_call(operation, "killed")
        return Killed(operation)

    def wrap(self, port: Any, place: str, name: str = "") -> Any:
        """Gives a port whose calls go over this wire."""
        return _Wired(self, port, place, name)


class _Wired:
    """Passes everything on: methods over the wire, the parts of a session wrapped like itself."""

    def __init__(self, wire: Wire, port: Any, place: str, name: str) -> None:
        self._wire = wire
        self._port = port
        self._place = place
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        full = f"{self._name}.{name}".lstrip(".")
        if name in PARTS:
            return _Wired(self._wire, value, self._place, full)
        if name == "open_chat":
            return lambda: _Wired(self._wire, value(), self._place, "chat")
        if not callable(value) or name == "close":
            return value
        if inspect.iscoroutinefunction(value):
            return self._coroutine(value, full)
        return lambda *args, **options: self._wire.call(full, self._place, lambda: value(*args, **options))

    def _coroutine(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        async def method(*args: Any, **options: Any) -> Any:
            self._wire.call(name, self._place, lambda: None)
            return await call(*args, **options)

        return method


class ReadError(Exception):
    """Stands for the transport's error of that name: the connection broke while the answer was awaited."""


class ConnectError(Exception):
    """Stands for the transport's error of that name: nothing was sent."""


def failure_of(operation: str, what: str) -> Exception:
    """Gives the error that an operation ends with: a status, or ``drop``, ``refuse``, ``cut``, ``forbidden``."""
    if operation.startswith("ledger."):
        return PushFailed(f"git: {what}", is_forbidden=what == "forbidden")
    if operation.startswith("outputs."):
        return OSError(28, "No space left on device")
    has_effect = operation in WITH_EFFECT
    match what:
        case "drop":
            return backend_failures.unsent(_ADDRESS, ReadError(f"reset {KEY}"), has_effect=has_effect)
        case "refuse":
            return backend_failures.unsent(_ADDRESS, ConnectError("refused"), has_effect=has_effect)
        case "cut":
            return backend_failures.unreadable(_ADDRESS, f'{{"key": "{KEY}', has_effect=has_effect)
        case _:
            body = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": None}}
            return backend_failures.refused(_ADDRESS, status=int(what), body=body, headers={}, has_effect=has_effect)


def _ignoring_errors(act: Callable[[], Any]) -> None:
    """A call that nobody waits for any more takes effect, or is refused unheard."""
    with suppress(Exception):
        act()
