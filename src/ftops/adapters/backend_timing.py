"""How long calls to a backend are waited for, and how often those that may be repeated are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Seconds to wait, and how often the SDK repeats what can be repeated: a job's creation never is.

    ``processing`` bounds the wait for an uploaded file to be processed, ``first_look`` is the first pause in it.
    """

    create: float = 60.0
    read: float = 60.0
    upload: float = 600.0
    chat: float = 120.0
    connect: float = 10.0
    processing: float = 120.0
    first_look: float = 0.5
    retries: int = 3
    chat_retries: int = 4
