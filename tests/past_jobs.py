"""Past jobs for tests of import."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.observed import Job
from ftops.domain.past_job import PastJob

BEGAN = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
MINI = "gpt-4.1-mini-2025-04-14"


def past_job(
    name: str,
    *,
    suffix: str = "",
    day: int = 0,
    status: str = "succeeded",
    base_model: str = MINI,
    metadata: dict[str, str] | None = None,
    **others: Any,
) -> PastJob:
    """A job named ``ftjob-NAME`` that ended on that day after the first, with a model where it succeeded."""
    ended = JobStatus(status)
    return PastJob(
        job=Job(
            id=JobId(f"ftjob-{name}"),
            status=ended,
            base_model=base_model,
            created_at=BEGAN + timedelta(days=day),
            metadata=metadata or {},
            model=ModelId(f"ft:{name}") if ended is JobStatus.SUCCEEDED else None,
        ),
        suffix=suffix,
        **{"training_file": f"file-{name}", **others},
    )


def ours(
    name: str, *, project: str = "acme", revision: str | None = None, ledger: str = "L1", **others: Any
) -> PastJob:
    """A job that ftops created for the fine-tune ``router``."""
    metadata = {"ftops_project": project, "ftops_name": "router", "ftops_ledger": ledger}
    if revision is not None:
        metadata["ftops_revision"] = revision
    return past_job(name, suffix="router", metadata=metadata | others.pop("more", {}), **others)
