"""Ports that end the process at a chosen call: before it is carried out, or after, with its answer lost."""

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The process is gone. No ``except Exception`` may catch it, and nothing is called after it."""


@dataclass
class Killer:
    """Counts the calls of all ports that it wraps; ends everything at one of them."""

    at: int | None = None
    is_after: bool = False
    calls: list[str] = field(default_factory=list)
    is_dead: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def wrap(self, port: Any, name: str = "") -> Any:
        return _Port(self, port, name)

    def before(self, name: str) -> bool:
        """Notes a call; gives whether to kill after it."""
        with self._lock:
            if self.is_dead:
                raise Killed(name)
            self.calls.append(name)
            is_now = self.at == len(self.calls) - 1
            if is_now and not self.is_after:
                self.is_dead = True
                raise Killed(name)
            return is_now

    def die(self, name: str) -> None:
        self.is_dead = True
        raise Killed(name)


class _Port:
    """Passes everything on: methods under the killer's eyes, the parts of a session wrapped like itself."""

    def __init__(self, killer: Killer, port: Any, name: str) -> None:
        self._killer = killer
        self._port = port
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        full = f"{self._name}.{name}".lstrip(".")
        if name in {"jobs", "training", "files", "models"}:
            return _Port(self._killer, value, full)
        if not callable(value):
            return value
        if inspect.iscoroutinefunction(value):
            return self._coroutine(value, full)
        return self._method(value, full)

    def _method(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def method(*args: Any, **options: Any) -> Any:
            is_last = self._killer.before(name)
            result = call(*args, **options)
            if is_last:
                self._killer.die(name)
            return _Port(self._killer, result, "chat") if name.endswith("open_chat") else result

        return method

    def _coroutine(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        async def method(*args: Any, **options: Any) -> Any:
            is_last = self._killer.before(name)
            result = await call(*args, **options)
            if is_last:
                self._killer.die(name)
            return result

        return method
