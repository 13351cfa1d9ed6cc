"""Whose job is next: projects take turns, and no job is in two pairs of hands."""

import threading
from pathlib import Path
from typing import Any

from job_outcomes import JOBS
from server_in_process import ROW, Pause, ScriptedEngine, Server, jsonl

from ftops.server.fair_queue import FairQueue
from ftops.server.settings import ProjectKey

CROWD = ProjectKey(project="proj_crowd", organization=None, key="key-of-the-crowd")
LONER = ProjectKey(project="proj_loner", organization=None, key="key-of-the-loner")


def filled(*items: str) -> FairQueue:
    """A queue with items like ``a1``, whose first letter is the lane."""
    queue = FairQueue()
    for item in items:
        queue.put(item, lane=item[0])
    return queue


def drained(queue: FairQueue, count: int) -> list[str | None]:
    taken = []
    for _ in range(count):
        item = queue.take()
        assert item is not None
        queue.release(item)
        taken.append(item)
    return taken


def test_lanes_take_turns_and_keep_their_order() -> None:
    queue = filled("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert drained(queue, 7) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_a_lane_that_comes_late_waits_for_one_turn_of_each_other() -> None:
    queue = filled("a1", "a2", "a3", "b1", "b2")
    assert drained(queue, 1) == ["a1"]
    queue.put("c1", lane="c")
    assert drained(queue, 5) == ["b1", "a2", "c1", "b2", "a3"]


def test_what_is_urgent_goes_first() -> None:
    queue = filled("a1", "b1")
    queue.put("b9", lane="b", is_urgent=True)
    queue.put("a9", lane="a", is_urgent=True)
    assert drained(queue, 4) == ["b9", "a9", "a1", "b1"]


def test_an_item_that_waits_is_not_put_twice() -> None:
    queue = filled("a1", "a2", "a1")
    assert drained(queue, 2) == ["a1", "a2"]
    queue.put("a1", lane="a")
    assert drained(queue, 1) == ["a1"]


def test_an_item_in_hand_waits_until_it_is_released() -> None:
    queue = filled("a1", "a2")
    assert queue.take() == "a1"
    queue.put("a1", lane="a")
    assert drained(queue, 1) == ["a2"]
    queue.release("a1")
    assert drained(queue, 1) == ["a1"]


def test_a_closed_queue_sends_everybody_home() -> None:
    queue = FairQueue()
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(queue.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    queue.close()
    for thread in threads:
        thread.join(30)
    assert found == [None] * 3
    queue.put("a1", lane="a")
    assert queue.take() is None


def create(server: Server, team: ProjectKey, *, seed: int, rows: int = 10) -> str:
    headers = {"authorization": f"Bearer {team.key}"}
    form: dict[str, Any] = {"files": {"file": ("r.jsonl", jsonl([ROW] * rows))}, "data": {"purpose": "fine-tune"}}
    file = server.ask("POST", "/v1/files", headers=headers, **form).json()["id"]
    body = {"model": "gpt-4o-mini-2024-07-18", "training_file": file, "seed": seed}
    return str(server.ask("POST", JOBS, headers=headers, json=body).json()["id"])


def wait_until_idle(server: Server) -> None:
    from server_process import wait_for

    wait_for(lambda: not server.service.has_unfinished_work())


def test_a_project_with_many_jobs_keeps_no_other_waiting(tmp_path: Path) -> None:
    pause = Pause(at=1)
    engine = ScriptedEngine(before_step=pause)
    with Server(tmp_path / "data", engine, keys=(CROWD, LONER), workers=1) as server:
        create(server, CROWD, seed=100)
        assert pause.reached.wait(30)
        for seed in range(101, 106):
            create(server, CROWD, seed=seed)
        for seed in (1, 2):
            create(server, LONER, seed=seed)
        _wait_until_all_are_queued(server, 7)
        pause.let_on()
        wait_until_idle(server)
    assert [spec.seed for spec in engine.specs] == [100, 101, 1, 102, 2, 103, 104, 105]


def test_after_a_restart_the_job_that_ran_is_first_and_projects_take_turns_again(tmp_path: Path) -> None:
    pause = Pause(at=6)
    first = Server(tmp_path / "data", ScriptedEngine(before_step=pause), keys=(CROWD, LONER), workers=1)
    create(first, LONER, seed=1)
    assert pause.reached.wait(30)
    for seed in (100, 101, 102):
        create(first, CROWD, seed=seed)
    create(first, LONER, seed=2)
    _wait_until_all_are_queued(first, 4)
    first.service.queue.dismiss()
    pause.let_on()
    first.service.stop()
    with Server(tmp_path / "data", keys=(CROWD, LONER), workers=1) as second:
        wait_until_idle(second)
        assert [spec.seed for spec in second.engine.specs] == [1, 100, 2, 101, 102]
        assert second.engine.resumed_from[0] == 4


def test_the_estimate_is_the_engines_until_a_pace_is_measured(tmp_path: Path) -> None:
    pause = Pause(at=1)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause), min_step_seconds=100.0) as server:
        job_id = server.create_job()
        assert pause.reached.wait(30)
        job = server.job(job_id)
        # 12 steps of which the engine says that each takes a second, and 100 s of rest after each.
        assert 12 * 101 - 60 < job["estimated_finish"] - job["created_at"] < 12 * 101 + 60
        pause.let_on()
        server.ask("POST", f"{JOBS}/{job_id}/cancel")
        assert server.job(job_id)["estimated_finish"] is None


def _wait_until_all_are_queued(server: Server, count: int) -> None:
    from server_process import wait_for

    def are_queued() -> bool:
        with server.service.database.read() as connection:
            found = connection.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchone()[0]
        return bool(found == count)

    wait_for(are_queued)
