"""A backend's jobs as past jobs: what each was trained on and how, for import.

Owns what is believed of foreign data that was written years ago: fields beyond OpenAI's document, deprecated ones, and none.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ftops.adapters.openai_records import job_of
from ftops.adapters.plain_values import mapping, member, sequence
from ftops.ports import PastJob

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
# OpenAI's form, ft:BASE:ORGANISATION:SUFFIX:HASH. A base that is tuned itself has colons of its own.
_MODEL: Final = re.compile(r"ft:.*:[^:]*:([^:]+):[^:]+")
_SUFFIX_LIMIT: Final = 200


def past_job_of(record: object) -> PastJob:
    """Reads a job. Raises UnreadableRecord where it has no usable id.

    Hyperparameters stand under the method, or, deprecated, beside it; the suffix in a field of its own, or in the model's id.
    """
    job = job_of(record)
    plain = _plain(record)
    method = member(plain, "method")
    kind = _text(member(method, "type")) or "supervised"
    settings = mapping(member(method, kind))
    seed = plain.get("seed")
    return PastJob(
        job=job,
        suffix=_suffix(plain, job.model),
        method=kind,
        hyperparameters=mapping(settings.get("hyperparameters")) or mapping(plain.get("hyperparameters")),
        grader=mapping(settings.get("grader")) or None,
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
        training_file=_file(plain.get("training_file")),
        validation_file=_file(plain.get("validation_file")),
        integrations=tuple(entry for entry in sequence(plain.get("integrations")) if isinstance(entry, Mapping)),
    )


def _plain(record: object) -> Mapping[str, Any]:
    """The record as the JSON that came, whatever the SDK makes of it."""
    if isinstance(record, Mapping):
        return record
    to_dict = getattr(record, "to_dict", None)
    return mapping(to_dict(mode="json", warnings=False)) if callable(to_dict) else {}


def _suffix(plain: Mapping[str, Any], model: str | None) -> str:
    stated = _text(plain.get("user_provided_suffix"))
    named = None if stated else _MODEL.fullmatch(model or "")
    return (stated or (named[1] if named else ""))[:_SUFFIX_LIMIT]


def _file(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
