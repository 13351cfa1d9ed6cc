"""The server, which shares no code with the checks of datasets, refuses or fails every file in which they find an error of the
format, and trains on every other one."""

from collections.abc import Mapping
from typing import Any

import pytest
from server_in_process import Server

from corpus import broken_bytes, broken_messages, broken_rows, broken_tools, sound_files
from corpus.files import GRADER, File, good_lines
from ftops.datasets.checks import CHECKS
from ftops.datasets.formats import Use

ALL = (*broken_bytes.FILES, *broken_messages.FILES, *broken_tools.FILES, *broken_rows.FILES, *sound_files.FILES)
METHODS: Mapping[Use, Any] = {
    Use.SUPERVISED: {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    Use.DPO: {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1}}},
    Use.REINFORCEMENT: {
        "type": "reinforcement",
        "reinforcement": {"grader": GRADER, "hyperparameters": {"n_epochs": 1}},
    },
}


def begin(server: Server, file: File, validation: str) -> str | None:
    """Uploads a file and makes a job of it; None where that is refused."""
    response = server.ask("POST", "/v1/files", files={"file": ("rows.jsonl", file.data)}, data={"purpose": "fine-tune"})
    if response.status_code != 200:
        assert response.status_code == 400, response.text
        return None
    body: dict[str, Any] = {"model": file.model, "method": METHODS[file.use], "training_file": response.json()["id"]}
    if file.use is Use.REINFORCEMENT:
        body["validation_file"] = validation
    return server.create_job(**body)


@pytest.fixture(scope="module")
def outcomes(shared_server: Server) -> dict[str, Any]:
    """What became of every file: a job that has ended, or None."""
    validation = shared_server.upload(good_lines(Use.REINFORCEMENT, 2))
    jobs = {file.name: begin(shared_server, file, validation) for file in ALL}
    return {name: None if job is None else shared_server.wait(job) for name, job in jobs.items()}


@pytest.mark.parametrize("file", ALL, ids=str)
def test_the_server_agrees(file: File, outcomes: dict[str, Any]) -> None:
    wrong = [found[:4] for found in file.found if CHECKS[found[:4]].is_format]
    job = outcomes[file.name]
    if wrong and wrong[0] < "D020":
        assert job is None  # a line that is no JSON object is refused at the upload, a row that is wrong by the job
        return
    assert job is not None
    assert job["status"] == ("failed" if wrong else "succeeded"), job["error"]
    if wrong:
        assert (job["error"]["code"], job["error"]["param"]) == ("invalid_training_file", "training_file")
