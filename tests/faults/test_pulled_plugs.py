"""What befalls a run from outside: the network, the key, the disk, the clock, the lid of the laptop.

Whatever the run itself ends in, it says so in a sentence, and one clean apply after it ends in the state of an undisturbed run
with one job.
"""

import itertools
import json
import os
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forking_ftops import Nursery, Run, open_nursery
from kill_scenarios import APPLY, check_recovery, end_of, make_stage
from pulled_plug import Break, open_wire

from server_process import ServerProcess, start_server, wait_for

JOBS = "/v1/fine_tuning/jobs"
# Each kind of request that an apply makes.
REQUESTS = (
    "GET /v1/models",
    rf"GET {JOBS}\?.*",
    r"GET /v1/files\?.*",
    "POST /v1/files",
    f"POST {JOBS}",
    f"GET {JOBS}/[^/]+/checkpoints.*",
    f"GET {JOBS}/[^/]+",
    "POST /v1/chat/completions",
)
IS_ALL = os.environ.get("FTOPS_KILLS") == "all"


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("nursery")
    environment = {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}
    with open_nursery(folder / "runs", environment) as opened:
        yield opened


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("faults") / "faults.yaml"
    file.write_text("faults: []\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory, faults: Path) -> Iterator[ServerProcess]:
    with start_server(tmp_path_factory.mktemp("troubled"), "--workers", "8", "--faults", str(faults)) as running:
        yield running


@pytest.fixture(scope="module")
def wanted(troubled: ServerProcess, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a run comes to that nothing befalls."""
    stage = make_stage(tmp_path_factory.mktemp("calm"), troubled.base_url, nursery, "new-revision")
    stage.apply()
    return end_of(stage)


@pytest.fixture
def strike(troubled: ServerProcess, faults: Path) -> Iterator[Callable[..., None]]:
    """Puts rules of ``ftops serve --faults`` into force, instead of those before; none after the test."""
    numbers = itertools.count()

    def put(*rules: dict[str, Any]) -> None:
        named = [{"name": f"{next(numbers)}-{secrets.token_hex(4)}", **rule} for rule in rules]
        draft = faults.with_suffix(".new")
        draft.write_text(json.dumps({"faults": named}), encoding="utf-8")
        draft.replace(faults)
        names = [rule["name"] for rule in named]
        wait_for(lambda: [each["name"] for each in fired(troubled) if not each.get("removed")] == names)

    yield put
    put()


def fired(server: ServerProcess) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.url}/faults", timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["faults"]
    return found


def check_said(run: Run, *codes: int) -> None:
    """A run ended in one of these codes, and said why in a sentence where that is not 0."""
    assert run.code in codes, run.said
    assert "Traceback" not in run.said
    assert run.code == 0 or "Error: " in run.said or "failed" in run.said, run.said


@pytest.mark.parametrize("kind", Break)
def test_a_wire_breaks_under_each_request(
    troubled: ServerProcess, nursery: Nursery, tmp_path: Path, wanted: Any, kind: Break
) -> None:
    with open_wire(troubled.url) as wire:
        stage = make_stage(tmp_path, wire.base_url, nursery, "new-revision", server=troubled.base_url)
        wire.breaks = dict.fromkeys(REQUESTS, kind)
        for _ in REQUESTS:
            check_said(stage.run(*APPLY, answer_seconds=1), 0, 1)
            if not wire.breaks:
                break
        assert len(wire.struck) == len(REQUESTS), wire.struck
        check_recovery(stage, wanted)


STORMS = {
    "429": {"fault": "throttle", "retry_after": 1},
    "500": {"fault": "status", "status": 500},
    "503": {"fault": "status", "status": 503},
    "500 after all": {"fault": "status", "status": 500, "after": True},
    "no answer": {"fault": "drop-after"},
    "no connection": {"fault": "drop-before"},
    "half an answer": {"fault": "cut", "part": 0.5},
}


@pytest.mark.parametrize("skip", range(0, 40, 4) if IS_ALL else (7,))
@pytest.mark.parametrize("kind", STORMS)
def test_a_storm_passes_over_a_run(
    troubled: ServerProcess,
    nursery: Nursery,
    tmp_path: Path,
    wanted: Any,
    strike: Callable[..., None],
    kind: str,
    skip: int,
) -> None:
    stage = make_stage(tmp_path, troubled.base_url, nursery, "new-revision")
    strike({**STORMS[kind], "match": {"path": "/v1/**"}, "skip": skip, "count": 40})
    check_said(stage.run(*APPLY, answer_seconds=5), 0, 1)
    assert fired(troubled)[-1]["fired"] > 0
    strike()
    check_recovery(stage, wanted)


@pytest.mark.parametrize("calls", range(40) if IS_ALL else (2, 14))
def test_the_key_expires_half_way(
    troubled: ServerProcess, nursery: Nursery, tmp_path: Path, wanted: Any, strike: Callable[..., None], calls: int
) -> None:
    stage = make_stage(tmp_path, troubled.base_url, nursery, "new-revision")
    expired = {"fault": "status", "status": 401, "code": "invalid_api_key", "message": "Incorrect API key provided."}
    strike({**expired, "match": {"path": "/v1/**"}, "skip": calls})
    run = stage.run(*APPLY)
    has_struck = fired(troubled)[-1]["fired"] > 0
    check_said(run, 9 if has_struck else 0)
    strike()
    check_recovery(stage, wanted)
