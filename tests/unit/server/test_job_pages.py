"""Pages of jobs as JSON: what is kept of them, and what never may be."""

from typing import Any

import msgspec
import pytest
from server_in_process import Server

from ftops.server.jobs import pages as job_pages
from ftops.server.jobs.pages import JobPages
from ftops.server.storage import jobs
from ftops.server.storage.jobs import JobStatus


@pytest.fixture
def ended(server: Server) -> list[str]:
    made = [server.create_job() for _ in range(3)]
    for job_id in made:
        server.wait(job_id)
    return made


def listed(server: Server, pages: JobPages, **given: Any) -> list[Any]:
    asked = {"project": "proj_default", "limit": 10, "after": None, "metadata": {}, **given}
    with server.service.database.read() as connection:
        return [msgspec.json.decode(text) for text in pages.page(connection, **asked).items]


def test_a_kept_page_is_the_page(server: Server, ended: list[str]) -> None:
    pages = JobPages()
    first, second = listed(server, pages), listed(server, pages)
    assert first == second == [server.get(f"/v1/fine_tuning/jobs/{job_id}") for job_id in reversed(ended)]
    assert [job["id"] for job in listed(server, pages, after=ended[1])] == [ended[0]]


def test_a_job_that_has_not_ended_is_read_each_time(server: Server, ended: list[str]) -> None:
    pages = JobPages()
    with server.service.database.write() as connection:
        connection.execute("UPDATE jobs SET status = 'paused', finished_at = NULL WHERE id = ?", (ended[1],))
    assert [job["status"] for job in listed(server, pages)] == ["succeeded", "paused", "succeeded"]
    with server.service.database.write() as connection:
        job = jobs.find(connection, ended[1])
        assert job is not None
        assert jobs.change(connection, job, expect=(JobStatus.PAUSED,), status=JobStatus.CANCELLED, finished_at=7)
    assert [job["status"] for job in listed(server, pages)] == ["succeeded", "cancelled", "succeeded"]


def test_a_forgotten_job_is_on_no_page(server: Server, ended: list[str]) -> None:
    pages = JobPages()
    listed(server, pages)
    with server.service.database.write() as connection:
        job = jobs.find(connection, ended[1])
        assert job is not None
        jobs.delete(connection, job, now=1)
    assert [job["id"] for job in listed(server, pages)] == [ended[2], ended[0]]


def test_a_job_that_goes_while_the_page_is_read_is_left_out(
    server: Server, ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = jobs.several

    def read_after_one_has_gone(connection: Any, seqs: Any) -> Any:
        with server.service.database.write() as writer:
            writer.execute("DELETE FROM jobs WHERE id = ?", (ended[0],))
        return read(connection, seqs)

    monkeypatch.setattr(jobs, "several", read_after_one_has_gone)
    assert [job["id"] for job in listed(server, JobPages())] == [ended[2], ended[1]]


def test_as_many_are_kept_as_may_be(server: Server, ended: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_pages, "_MOST_KEPT", 2)
    read: list[int] = []
    several = jobs.several

    def count(connection: Any, seqs: Any) -> Any:
        read.append(len(seqs))
        return several(connection, seqs)

    monkeypatch.setattr(jobs, "several", count)
    pages = JobPages()
    for _ in range(3):
        assert [job["id"] for job in listed(server, pages)] == ended[::-1]
    assert read == [3, 1, 1]
