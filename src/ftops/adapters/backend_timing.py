"""How long calls to a backend are waited for, and how often those that may be repeated are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Seconds to wait, and how often the SDK repeats what can be repeated: a job's creation never is, and
    neither is a conversation, whose repeating is the runner's.

    ``processing`` bounds the wait for an uploaded file to be processed, ``first_look`` is the first pause in it;
    ``listed`` is for how long a list of all files is used.
    The creation of a job waits ``connect`` for a free connection, for TCP and for TLS, ``send`` for its bytes to leave, and
    ``create`` for the answer: ``longest_creation`` together.
    """

    create: float = 60.0
    send: float = 10.0
    read: float = 60.0
    upload: float = 600.0
    chat: float = 600.0  # as long as the SDK itself: models that reason take minutes
    connect: float = 10.0
    processing: float = 120.0
    first_look: float = 0.5
    listed: float = 15.0
    retries: int = 3

    @property
    def longest_creation(self) -> float:
        """Seconds after which a job's creation is over, however it ended; ``application.claims`` counts on it."""
        return 3 * self.connect + self.send + self.create
