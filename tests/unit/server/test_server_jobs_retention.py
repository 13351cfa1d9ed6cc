"""What becomes of jobs that ended long ago."""

from pathlib import Path
from typing import Any

import pytest
from job_outcomes import JOBS, blobs_of, supervised
from server_in_process import Pause, ScriptedEngine, Server

from ftops.server.config_file import ConfigInvalid, read_config
from ftops.server.jobs import retention
from ftops.server.jobs.retention import Retention
from ftops.server.storage import places
from ftops.server.storage.blobs import Blobs

DAY = 24 * 3600


def retention_of(server: Server, *, days: float | None) -> Retention:
    return Retention(Blobs(server.settings.data_dir, server.service.database), days=days)


def counts(server: Server) -> dict[str, int]:
    tables = ("jobs", "job_metadata", "events", "checkpoints", "models", "files")
    with server.service.database.read() as connection:
        return {each: connection.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in tables}


def test_a_job_goes_with_all_but_its_models_and_uploads(server: Server) -> None:
    job = server.wait(server.create_job(metadata={"a": "b"}, **supervised(n_epochs=5)), "succeeded")
    (result,) = job["result_files"]
    old = retention_of(server, days=30)
    old.forget_finished(job["finished_at"] + 30 * DAY)
    assert server.job(job["id"])["status"] == "succeeded"
    old.forget_finished(job["finished_at"] + 30 * DAY + 1)
    assert server.ask("GET", f"{JOBS}/{job['id']}").status_code == 404
    assert server.ask("GET", f"{JOBS}/{job['id']}/events").status_code == 404
    assert server.get(f"{JOBS}?metadata[a]=b")["data"] == []
    assert server.ask("GET", f"/v1/files/{result}").status_code == 404
    assert counts(server) == {"jobs": 0, "job_metadata": 0, "events": 0, "checkpoints": 0, "models": 3, "files": 1}
    assert len(blobs_of(server)) == 4
    body = {"model": job["fine_tuned_model"], "messages": [{"role": "user", "content": "hi"}]}
    assert server.ask("POST", "/v1/chat/completions", json=body).status_code == 200


def test_jobs_that_have_not_ended_stay_however_old(tmp_path: Path) -> None:
    pauses = iter([Pause(at=2), Pause(at=2)])
    pause = next(pauses)
    engine = ScriptedEngine(before_step=pause)
    with Server(tmp_path / "data", engine) as server:
        paused = server.create_job()
        assert pause.reached.wait(30)
        server.ask("POST", f"{JOBS}/{paused}/pause")
        engine.before_step = running_pause = next(pauses)
        running = server.create_job()
        pause.let_on()
        assert running_pause.reached.wait(30)
        queued = server.create_job()
        server.wait(queued, "queued")
        before = counts(server)
        retention_of(server, days=0.001).forget_finished(2**40)
        assert counts(server) == before
        running_pause.let_on()
        server.wait(running, "succeeded")


def test_it_is_done_little_by_little_and_by_upkeep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_EVENTS_AT_ONCE", 5)
    monkeypatch.setattr(retention, "_CHANGES_AT_ONCE", 2)
    with Server(tmp_path / "data", retention_days=1.0, upkeep_seconds=3600.0) as server:
        kept = server.wait(server.create_job(), "succeeded")
        old = server.wait(server.create_job(), "succeeded")
        all_events = counts(server)["events"]
        with server.service.database.write() as connection:
            connection.execute("UPDATE jobs SET finished_at = 1 WHERE id = ?", (old["id"],))
        server.service.upkeep.run()
        assert counts(server)["events"] == all_events - 10
        assert server.job(old["id"])["status"] == "succeeded"  # not before its last events have gone
        for _ in range(3):
            server.service.upkeep.run()
        assert [job["id"] for job in server.get(JOBS)["data"]] == [kept["id"]]
        assert counts(server)["events"] == all_events // 2


def test_a_forgotten_job_still_marks_its_place_for_a_day(server: Server) -> None:
    made = [server.wait(server.create_job([{}]), "failed") for _ in range(3)]
    for job in made[1:]:
        with server.service.database.write() as connection:
            connection.execute("UPDATE jobs SET finished_at = 1 WHERE id = ?", (job["id"],))
    now = made[0]["finished_at"]
    retention_of(server, days=1).forget_finished(now)
    assert [job["id"] for job in server.get(f"{JOBS}?after={made[2]['id']}")["data"]] == [made[0]["id"]]
    places.forget_old(server.service.database, now + DAY)
    assert len(server.get(f"{JOBS}?after={made[1]['id']}")["data"]) == 1
    places.forget_old(server.service.database, now + DAY + 1)
    assert server.ask("GET", f"{JOBS}?after={made[1]['id']}").status_code == 400


def test_without_days_nothing_is_forgotten(server: Server) -> None:
    job = server.wait(server.create_job([{}]), "failed")
    retention_of(server, days=None).forget_finished(2**40)
    assert server.job(job["id"])["status"] == "failed"


@pytest.mark.parametrize(
    ("text", "days"), [("{}", None), ("retention: {}", None), ("retention: {finished_jobs_days: 0.5}", 0.5)]
)
def test_the_days_stand_in_the_configuration_file(tmp_path: Path, text: str, days: Any) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_config(file, {}).retention_days == days


@pytest.mark.parametrize("days", ["0", "-1", "many", ".nan", "40000"])
def test_a_wrong_number_of_days_is_explained(tmp_path: Path, days: str) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(f"retention: {{finished_jobs_days: {days}}}", encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=r"\$\.retention\.finished_jobs_days"):
        read_config(file, {})


def test_the_next_job_to_forget_is_found_by_an_index(server: Server) -> None:
    query = "SELECT * FROM jobs WHERE finished_at < 9 ORDER BY finished_at LIMIT 1"
    with server.service.database.read() as connection:
        (step,) = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert step.startswith("SEARCH jobs USING INDEX jobs_by_end")
