"""Object ids in OpenAI's formats.

Owns how ids, model hashes and model names are spelled. An id says nothing about order: the store keeps its own sequence.
"""

import re
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_UNFIT_FOR_SUFFIX = re.compile(r"[^A-Za-z0-9._-]+")
# With organisation, suffix, hash and step around it a name stays below 256 characters.
_BASE_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/-]{0,99}")


def new_file_id() -> str:
    """An id like ``file-`` and 22 characters."""
    return "file-" + _random(22)


def new_upload_id() -> str:
    """An id like ``upload_`` and 32 hexadecimal digits."""
    return "upload_" + secrets.token_hex(16)


def new_part_id() -> str:
    """An id like ``part_`` and 32 hexadecimal digits."""
    return "part_" + secrets.token_hex(16)


def new_job_id() -> str:
    """An id like ``ftjob-`` and 24 characters."""
    return "ftjob-" + _random(24)


def new_event_id() -> str:
    """An id like ``ftevent-`` and 24 characters."""
    return "ftevent-" + _random(24)


def new_checkpoint_id() -> str:
    """An id like ``ftckpt_`` and 24 characters: with an underscore, as OpenAI writes it."""
    return "ftckpt_" + _random(24)


def new_completion_id() -> str:
    """An id like ``chatcmpl-`` and 24 characters."""
    return "chatcmpl-" + secrets.token_hex(12)


def new_batch_id() -> str:
    """An id like ``batch_`` and 32 hexadecimal digits."""
    return "batch_" + secrets.token_hex(16)


def new_batch_request_id() -> str:
    """An id like ``batch_req_`` and 32 hexadecimal digits: one line of a batch's results."""
    return "batch_req_" + secrets.token_hex(16)


def new_call_id() -> str:
    """An id like ``call_`` and 24 characters."""
    return "call_" + _random(24)


def new_request_id() -> str:
    """An id like ``req_`` and 32 hexadecimal digits, sent as ``x-request-id``."""
    return "req_" + secrets.token_hex(16)


def new_organization_id() -> str:
    """The organisation of a data folder that was given none: ``org-ftops-`` and 12 characters."""
    return "org-ftops-" + _random(12)


def new_webhook_event_id() -> str:
    """An id like ``evt_`` and 32 hexadecimal digits: what webhooks are told of."""
    return "evt_" + secrets.token_hex(16)


def new_delivery_id() -> str:
    """An id like ``wh_`` and 32 hexadecimal digits, sent as ``webhook-id``."""
    return "wh_" + secrets.token_hex(16)


def new_data_dir_id() -> str:
    """The random name of a data folder, by which clients tell one from another at the same address."""
    return secrets.token_hex(16)


def new_model_hash() -> str:
    """The eight characters that end a fine-tuned model's name."""
    return _random(8)


def model_name(*, base: str, organization: str, suffix: str | None, model_hash: str) -> str:
    """``ft:BASE:ORG:SUFFIX:HASH``; no suffix leaves its place empty.

    Characters that would break the name apart are replaced by hyphens; the job still shows the suffix as it was given.
    """
    fit = _UNFIT_FOR_SUFFIX.sub("-", suffix or "")
    return f"ft:{base}:{organization}:{fit}:{model_hash}"


def checkpoint_name(model: str, step: int) -> str:
    """The name of a model taken before the last step: ``MODEL:ckpt-step-STEP``."""
    return f"{model}:ckpt-step-{step}"


def is_base_model(name: str) -> bool:
    """Whether a name may be that of a base model: plain, and of none of the forms that this server gives out itself."""
    return _BASE_MODEL.fullmatch(name) is not None and not name.startswith(("ft:", "ftjob"))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
