"""Jobs that pause and go on."""

import errno
import random
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from job_outcomes import JOBS, blobs_of, csv_of, supervised, weights_of
from server_in_process import ROW, Pause, ScriptedEngine, Server, jsonl

from ftops.server.engines.interface import Prepared, TrainingSpec
from ftops.server.jobs import turns
from ftops.server.jobs.workshop import Workshop
from ftops.server.storage.jobs import JobRow

BODY: dict[str, Any] = {"seed": 1, **supervised(n_epochs=3)}
PAUSED, RESUMED, CANCELLED = "Fine-tuning job paused", "Fine-tuning job resumed", "Fine-tuning job cancelled"
ENDS = {"succeeded": "The job has successfully completed", "cancelled": CANCELLED}


@dataclass
class SlowToCheck(ScriptedEngine):
    """Takes its time over a job's files, until it is let on."""

    is_checking: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)

    def prepare(self, spec: TrainingSpec) -> Prepared:
        self.is_checking.set()
        assert self.may_go_on.wait(30)
        return super().prepare(spec)


def turn(server: Server, job_id: str, name: str) -> Any:
    answer = server.ask("POST", f"{JOBS}/{job_id}/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(server: Server, job_id: str, name: str) -> str:
    answer = server.ask("POST", f"{JOBS}/{job_id}/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_job_status")
    return str(answer.json()["error"]["message"])


def paused_at(server: Server, pause: Pause, **body: Any) -> str:
    """A job that was paused while it made the step at which its engine waits."""
    job_id = server.create_job(**body)
    assert pause.reached.wait(30)
    job = turn(server, job_id, "pause")
    assert (job["status"], job["estimated_finish"], job["finished_at"]) == ("pausing", None, None)
    pause.let_on()
    server.wait(job_id, "paused")
    return job_id


@pytest.mark.parametrize(("step", "resumed_from"), [(1, None), (3, None), (4, 4), (6, 4), (12, 12)])
def test_a_paused_job_goes_on_and_ends_as_if_undisturbed(tmp_path: Path, step: int, resumed_from: int | None) -> None:
    with Server(tmp_path / "calm") as calm:
        expected = calm.wait(calm.create_job(**BODY))
        expected_csv, expected_weights = csv_of(calm, expected), weights_of(calm, expected)
        expected_messages = [each for each in calm.messages(expected["id"]) if each.startswith(("Step", "Fine-tuning"))]
    pause = Pause(at=step)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        job_id = paused_at(server, pause, **BODY)
        assert server.messages(job_id)[-2:] == [expected_messages[step], PAUSED]
        assert turn(server, job_id, "resume")["status"] == "queued"
        job = server.wait(job_id)
        assert job["status"] == "succeeded"
        assert (csv_of(server, job), weights_of(server, job)) == (expected_csv, expected_weights)
        messages = server.messages(job_id)
        assert messages.count(PAUSED) == messages.count(RESUMED) == 1
        assert [each for each in messages if each.startswith(("Step", "Fine-tuning job started"))] == expected_messages
        # A job whose last step was done has nothing left to train.
        assert server.engine.resumed_from[1:] == ([] if step == 12 else [resumed_from])


def test_a_job_may_pause_again_and_again(tmp_path: Path) -> None:
    pauses = [Pause(at=step) for step in (2, 6, 11)]
    current = iter(pauses)
    engine = ScriptedEngine(before_step=next(current))
    with Server(tmp_path / "data", engine) as server:
        job_id = paused_at(server, pauses[0], **BODY)
        for pause in pauses[1:]:
            engine.before_step = pause
            turn(server, job_id, "resume")
            assert pause.reached.wait(30)
            turn(server, job_id, "pause")
            pause.let_on()
            server.wait(job_id, "paused")
        turn(server, job_id, "resume")
        job = server.wait(job_id, "succeeded")
        assert [line[0] for line in csv_of(server, job)[1:]] == [str(step) for step in range(1, 13)]


def test_a_paused_job_holds_no_worker_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    pause = Pause(at=2)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause), workers=1) as server:
        job_id = paused_at(server, pause)
        assert not server.service.has_unfinished_work()
        server.wait(server.create_job(), "succeeded")
        assert server.job(job_id)["status"] == "paused"
        turn(server, job_id, "resume")
        server.wait(job_id, "succeeded")


def test_a_waiting_job_pauses_at_once_and_keeps_its_place_for_later(tmp_path: Path) -> None:
    pause = Pause(at=1)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        first = server.create_job(seed=1)
        assert pause.reached.wait(30)
        second = server.create_job(seed=2)
        server.wait(second, "queued")
        assert turn(server, second, "pause")["status"] == "paused"
        third = server.create_job(seed=3)
        pause.let_on()
        server.wait(first, "succeeded")
        server.wait(third, "succeeded")
        assert [spec.seed for spec in server.engine.specs] == [1, 3]
        turn(server, second, "resume")
        server.wait(second, "succeeded")
        assert server.messages(second)[2:6] == [
            "Files validated, moving job to queued state",
            PAUSED,
            RESUMED,
            "Fine-tuning job started",
        ]


def test_a_job_may_pause_before_its_files_are_checked(tmp_path: Path) -> None:
    engine = SlowToCheck()
    with Server(tmp_path / "data", engine) as server:
        job_id = server.create_job()
        assert engine.is_checking.wait(30)
        assert turn(server, job_id, "pause")["status"] == "paused"
        # Resumed while the first check is still under way: whichever ends first settles it, and once.
        assert turn(server, job_id, "resume")["status"] == "validating_files"
        engine.may_go_on.set()
        server.wait(job_id, "succeeded")
        assert server.messages(job_id).count("Files validated, moving job to queued state") == 1
        assert len(engine.specs) == 1


def test_a_paused_job_does_not_fail_before_it_goes_on(tmp_path: Path) -> None:
    engine = SlowToCheck(resolve_error=ValueError("no"))
    with Server(tmp_path / "data", engine) as server:
        job_id = server.create_job()
        assert engine.is_checking.wait(30)
        turn(server, job_id, "pause")
        engine.may_go_on.set()
        other = server.create_job()
        assert server.wait(other)["status"] == "failed"
        assert server.job(job_id)["status"] == "paused"
        turn(server, job_id, "resume")
        assert server.wait(job_id)["status"] == "failed"


def test_a_paused_job_can_be_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    pause = Pause(at=6)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        job_id = paused_at(server, pause)
        assert turn(server, job_id, "cancel")["status"] == "cancelled"
        assert server.messages(job_id)[-2:] == [PAUSED, "Fine-tuning job cancelled"]
        assert len(blobs_of(server)) == 1  # the training file
        assert refusal(server, job_id, "resume") == f"Job can't be resumed: {job_id} is cancelled."


def test_a_job_that_is_pausing_can_be_cancelled(tmp_path: Path) -> None:
    pause = Pause(at=6)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        job_id = server.create_job()
        assert pause.reached.wait(30)
        turn(server, job_id, "pause")
        assert refusal(server, job_id, "resume") == f"Job can't be resumed: {job_id} is pausing."
        assert turn(server, job_id, "pause")["status"] == "pausing"  # whoever lost the answer may ask again
        turn(server, job_id, "cancel")
        pause.let_on()
        server.wait(server.create_job(), "succeeded")
        assert server.messages(job_id)[-1] == "Fine-tuning job cancelled"
        assert PAUSED not in server.messages(job_id)


def test_a_job_that_fails_while_it_is_to_pause_has_failed(tmp_path: Path) -> None:
    pause = Pause(at=6)

    def fail(step: int) -> None:
        pause(step)
        if step == 6:
            raise RuntimeError

    with Server(tmp_path / "data", ScriptedEngine(before_step=fail)) as server:
        job_id = server.create_job()
        assert pause.reached.wait(30)
        turn(server, job_id, "pause")
        pause.let_on()
        assert server.wait(job_id)["status"] == "failed"


def test_a_long_step_does_not_keep_a_job_from_pausing(tmp_path: Path) -> None:
    with Server(tmp_path / "data", min_step_seconds=3600.0) as server:
        job_id = server.create_job()
        server.wait(job_id, "running")
        assert turn(server, job_id, "pause")["status"] in ("pausing", "paused")
        server.wait(job_id, "paused")


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_a_job_that_has_ended_neither_pauses_nor_goes_on(server: Server, name: str) -> None:
    job_id = server.wait(server.create_job(), "succeeded")["id"]
    assert refusal(server, job_id, name) == f"Job can't be {name}d: {job_id} is succeeded."
    assert server.ask("POST", f"{JOBS}/ftjob-none/{name}").status_code == 404
    assert server.ask("POST", f"{JOBS}/{job_id}/{name}?colour=blue").status_code == 400


def test_a_paused_job_does_not_pause_twice(tmp_path: Path) -> None:
    pause = Pause(at=1)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        job_id = paused_at(server, pause)
        assert refusal(server, job_id, "pause") == f"Job can't be paused: {job_id} is paused."


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_a_job_that_was_to_pause_when_the_process_ended_has_paused(tmp_path: Path, how: str) -> None:
    pause = Pause(at=6)
    first = Server(tmp_path / "data", ScriptedEngine(before_step=pause))
    job_id = first.create_job(**BODY)
    assert pause.reached.wait(30)
    turn(first, job_id, "pause")
    if how == "crash":
        # The thread's next change meets a status that another process has left.
        second = Server(tmp_path / "data")
        assert second.job(job_id)["status"] == "paused"
        pause.let_on()
        first.service.stop()
    else:
        first.service.queue.dismiss()
        pause.let_on()
        first.service.stop()
        second = Server(tmp_path / "data")
    with second:
        assert second.job(job_id)["status"] == "paused"
        assert second.messages(job_id).count(PAUSED) == 1
        turn(second, job_id, "resume")
        assert second.wait(job_id)["status"] == "succeeded"
        assert second.engine.resumed_from == [4]
        assert len([each for each in second.messages(job_id) if each.startswith("Step")]) == 12


def test_a_paused_job_stays_paused_over_a_restart(tmp_path: Path) -> None:
    pause = Pause(at=6)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as first:
        job_id = paused_at(first, pause)
    with Server(tmp_path / "data") as second:
        second.wait(second.create_job(training_file=second.upload(jsonl([ROW] * 10))), "succeeded")
        assert second.job(job_id)["status"] == "paused"
        assert second.engine.resumed_from == [None]


def test_a_job_that_the_disk_stops_while_it_is_to_pause_has_paused(tmp_path: Path) -> None:
    pause = Pause(at=6)
    is_full = True

    def fail_once(step: int) -> None:
        nonlocal is_full
        pause(step)
        if step == 6 and is_full:
            is_full = False
            raise OSError(errno.ENOSPC, "No space left on device")

    with Server(tmp_path / "data", ScriptedEngine(before_step=fail_once), retry_seconds=0.01) as server:
        job_id = paused_at(server, pause)
        turn(server, job_id, "resume")
        server.wait(job_id, "succeeded")
        assert server.engine.resumed_from == [None, 4]


def test_whoever_comes_first_a_job_ends_once(tmp_path: Path) -> None:
    """Many hands pause, resume and cancel the same jobs while they train; each job ends once, with what belongs to it."""
    with Server(tmp_path / "data", min_step_seconds=0.002, workers=3) as server:
        training_file = server.upload(jsonl([ROW] * 10))
        made = [server.create_job(training_file=training_file) for _ in range(12)]

        def meddle(seed: int) -> None:
            generator = random.Random(seed)
            for _ in range(40):
                name = generator.choice(("pause", "resume", "pause", "resume", "resume", "cancel"))
                few = made if name != "cancel" else made[:4]
                answer = server.ask("POST", f"{JOBS}/{generator.choice(few)}/{name}")
                assert answer.status_code in (200, 400), answer.text

        hands = [threading.Thread(target=meddle, args=(seed,)) for seed in range(4)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join(60)
        for job_id in made:
            if server.wait(job_id, "paused", *ENDS)["status"] == "paused":
                turn(server, job_id, "resume")
            job = server.wait(job_id)
            messages = server.messages(job_id)
            ends = [each for each in messages if each in ("The job has successfully completed", CANCELLED)]
            assert ends == messages[-1:] == [ENDS[job["status"]]]
            steps = [each for each in messages if each.startswith("Step")]
            assert len(steps) == len(set(steps))
            assert messages.count(RESUMED) <= messages.count(PAUSED) <= messages.count(RESUMED) + 1
            assert len(weights_of(server, job)) == (3 if job["status"] == "succeeded" else 0)


def test_a_full_disk_at_the_start_keeps_no_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(tmp_path / "data") as server:
        job_id = server.wait(server.create_job(), "succeeded")["id"]
        with server.service.database.write() as connection:
            connection.execute("UPDATE jobs SET status = 'pausing', finished_at = NULL")
    settle, refused = turns.settle_pause, threading.Event()

    def refuse_once(workshop: Workshop, job: JobRow) -> bool:
        if not refused.is_set():
            refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        return settle(workshop, job)

    monkeypatch.setattr(turns, "settle_pause", refuse_once)
    with Server(tmp_path / "data") as server:
        assert refused.is_set()
        server.wait(job_id, "paused")
        assert server.messages(job_id)[-1] == PAUSED
