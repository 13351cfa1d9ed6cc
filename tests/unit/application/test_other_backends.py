"""Backends that baselines alone are called on: opened once, when they are needed."""

from typing import cast

from ftops.application.other_backends import OtherBackends
from ftops.domain.manifest import Backend, BackendName, BackendType
from ftops.ports import BackendSession

LAB, LOCKED = (Backend(name=BackendName(name), type=BackendType.OPENAI) for name in ("lab", "locked"))


def test_a_backend_is_opened_once_and_not_before_it_is_needed() -> None:
    opened: list[Backend] = []

    def open_one(backend: Backend) -> BackendSession | str:
        opened.append(backend)
        return "no key" if backend == LOCKED else cast("BackendSession", object())

    others = OtherBackends(backends={LAB.name: LAB, LOCKED.name: LOCKED}, open=open_one)
    assert opened == []
    assert others.reach(LAB.name) is others.reach(LAB.name)
    assert others.reach(LOCKED.name) == others.reach(LOCKED.name) == "no key"
    assert opened == [LAB, LOCKED]
    assert others.reach(BackendName("gone")) == "ftops.yaml has it no more"
