"""A model that retires, an organisation that may not train any more, and what ``retry`` and ``cancel`` do about it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scratch_project import Done, Scratch
from server_process import ServerProcess, start_server

LATER = Path(__file__).parents[1] / "later_ftops.py"
MINUTES = 60
RETIRED = {"fault": "retire", "model": "gpt-4.1-mini-2025-04-14", "at": "2020-01-01"}
DENIED = {"fault": "deny-training"}


class Faulty:
    """A project on a server whose faults a test changes, and whose time passes when it is told to."""

    def __init__(self, scratch: Scratch, server: ServerProcess, faults: Path) -> None:
        self.scratch = scratch
        self._server = server
        self._faults = faults
        self.later = 0

    def set(self, *faults: dict[str, Any]) -> None:
        fresh = self._faults.with_suffix(".new")
        fresh.write_text(json.dumps({"faults": faults}), encoding="utf-8")
        fresh.replace(self._faults)

    def ftops(self, *words: str) -> Done:
        process = subprocess.Popen(
            [sys.executable, str(LATER), *words],
            cwd=self.scratch.root,
            env=self.scratch._environment({"LATER_SECONDS": str(self.later)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.scratch._started.append(process)
        return self.scratch.finish(process)

    def apply(self, *, code: int = 0) -> Done:
        done = self.ftops("apply", "--auto-approve")
        assert done.code == code, f"exit {done.code}\n{done.text}"
        return done

    def delete_model(self, model: str) -> None:
        request = urllib.request.Request(f"{self._server.base_url}/models/{model}", method="DELETE")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["deleted"]


@pytest.fixture
def faulty(tmp_path: Path, make: Callable[..., Scratch]) -> Iterator[Faulty]:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults: []\n", encoding="utf-8")
    with start_server(tmp_path, "--faults", str(faults)) as server:
        yield Faulty(make(server.base_url), server, faults)


def test_a_model_retires_training_is_denied_and_a_retry_brings_it_back(faulty: Faulty) -> None:
    faulty.apply()
    model = faulty.scratch.resolve()
    tip = faulty.scratch.tip()

    faulty.set(RETIRED)
    assert "was not found" not in faulty.apply().text, "a job that has just ended is not judged"
    assert faulty.scratch.tip() == tip
    faulty.later = 15 * MINUTES
    assert "was not found at lab, last seen on" in faulty.apply().out
    faulty.later = 26 * MINUTES
    assert "ftops retry router trains it again" in faulty.apply().out
    resolved = faulty.scratch.ftops("resolve", "router")
    assert (resolved.code, resolved.out.strip()) == (0, model)
    assert "is gone at lab" in resolved.err
    assert len(faulty.scratch.jobs()) == 1

    faulty.delete_model(model)
    faulty.set(DENIED)
    assert "the next apply makes attempt 2" in faulty.scratch.ftops("retry", "router").out
    faulty.apply(code=9)
    assert "may not train any more" in faulty.apply().out

    faulty.set()
    assert "may not train any more" in faulty.apply().out, "nobody asked again"
    assert "asks again, once" in faulty.scratch.ftops("retry", "router").out
    faulty.apply()
    assert faulty.scratch.resolve() != model
    assert [job["status"] for job in faulty.scratch.jobs()] == ["succeeded", "succeeded"]
    assert faulty.scratch.ftops("retry", "router").code == 1


def test_a_job_is_cancelled_when_asked_for_and_forgotten_work_is_not_paid_for_again(slow: Scratch) -> None:
    slow.manifest(epochs=10)
    slow.commit()
    slow.apply("--no-wait", code=8)
    assert slow.ftops("cancel", "router").code == 0
    done = slow.apply()
    assert "(requested)" in done.out
    assert [job["status"] for job in slow.jobs()] == ["cancelled"]
    slow.manifest(epochs=1)
    slow.commit()
    slow.apply()
    model = slow.resolve()
    assert slow.ftops("forget", "router", "--auto-approve").code == 0
    assert slow.ftops("resolve", "router").code != 0
    slow.apply()
    assert slow.resolve() == model
    assert len(slow.jobs()) == 2
