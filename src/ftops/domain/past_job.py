"""A job that exists already, read for import: what was trained on what, as its backend reports it.

Owns the shape. ``domain.recipe`` says what of it a manifest can state, ``domain.adoption`` what becomes of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ftops.domain.manifest import FineTuneName, JobId, Revision
from ftops.domain.observed import Job

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_REVISION: Final = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PastJob:
    """A job with all that a manifest could say of it. ``suffix`` is empty where it has none.

    ``hyperparameters`` are what the backend reports: OpenAI reports what ``auto`` came to.
    """

    job: Job
    suffix: str = ""
    method: str = "supervised"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    grader: Mapping[str, Any] | None = None
    seed: int | None = None
    training_file: str | None = None
    validation_file: str | None = None
    integrations: tuple[Mapping[str, Any], ...] = ()

    @property
    def id(self) -> JobId:
        """The job's id."""
        return self.job.id

    @property
    def project(self) -> str | None:
        """The project that ftops created it for; None where ftops did not create it, "" where that can't be told."""
        if not any(key.startswith("ftops_") for key in self.job.metadata):
            return None
        return self.job.metadata.get("ftops_project", "")

    @property
    def fine_tune(self) -> FineTuneName | None:
        """The fine-tune that its metadata names."""
        name = self.job.metadata.get("ftops_name", "")
        return FineTuneName(name) if _NAME.fullmatch(name) else None

    @property
    def revision(self) -> Revision | None:
        """The revision that its metadata names."""
        revision = self.job.metadata.get("ftops_revision", "")
        return Revision(revision) if _REVISION.fullmatch(revision) else None
