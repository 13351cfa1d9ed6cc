"""Every file of the corpus, sent to a server of its own process: what has errors of the format is refused or fails there, and
everything else trains."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openai

from corpus import broken_bytes, broken_messages, broken_rows, broken_tools, sound_files
from corpus.files import GRADER, File, good_lines
from ftops.datasets.checks import CHECKS
from ftops.datasets.formats import Use
from server_process import start_server

ALL = (*broken_bytes.FILES, *broken_messages.FILES, *broken_tools.FILES, *broken_rows.FILES, *sound_files.FILES)
TOO_FEW = tuple(
    File(name=f"nine-rows-for-{use}", data=good_lines(use, 9), use=use, found=("D060 0:1 : expected at least 10 rows",))
    for use in (Use.SUPERVISED, Use.DPO, Use.REINFORCEMENT)
)
ONCE = {"hyperparameters": {"n_epochs": 1}}
SETTINGS: Mapping[Use, Any] = {
    Use.SUPERVISED: ONCE,
    Use.DPO: ONCE,
    Use.REINFORCEMENT: {**ONCE, "grader": GRADER},
}
ENDED = ("succeeded", "failed", "cancelled")


def begin(client: openai.OpenAI, file: File, validation: str) -> str | None:
    """Uploads a file and makes a job of it; None where that is refused."""
    try:
        sent = client.files.create(file=("rows.jsonl", file.data), purpose="fine-tune")
        more = {"validation_file": validation} if file.use is Use.REINFORCEMENT else {}
        method: Any = {"type": file.use.value, file.use.value: SETTINGS[file.use]}
        return client.fine_tuning.jobs.create(model=file.model, training_file=sent.id, method=method, **more).id
    except openai.BadRequestError:
        return None


def ends(client: openai.OpenAI, jobs: Mapping[str, str | None]) -> dict[str, str]:
    """Waits for all jobs; gives how each file's ended."""
    open_jobs, found = {job: name for name, job in jobs.items() if job is not None}, {}
    until = time.monotonic() + 100
    while open_jobs and time.monotonic() < until:
        for job in client.fine_tuning.jobs.list(limit=100):
            if job.id in open_jobs and job.status in ENDED:
                found[open_jobs.pop(job.id)] = job.status
        time.sleep(0.2)
    return {**dict.fromkeys(jobs, "refused"), **dict.fromkeys(open_jobs.values(), "not ended"), **found}


def test_the_server_agrees_with_the_checks(tmp_path: Path) -> None:
    files = (*ALL, *TOO_FEW)
    with start_server(tmp_path) as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
        validation = client.files.create(file=("v.jsonl", good_lines(Use.REINFORCEMENT, 2)), purpose="fine-tune").id
        ended = ends(client, {file.name: begin(client, file, validation) for file in files})
    wrong = {file.name: any(CHECKS[found[:4]].is_format for found in file.found) for file in files}
    expected = {name: ("refused", "failed") if is_wrong else ("succeeded",) for name, is_wrong in wrong.items()}
    assert {name: end for name, end in ended.items() if end not in expected[name]} == {}
    assert len(ended) == len(files)
    assert sum(wrong.values()) > 250
