"""The words that every ledger record is made of: id patterns, digests, and the strict immutable struct beneath them all."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

FORMAT_VERSION: Final = "1"
ADOPTED: Final = "job:"

# Python's ``$`` also matches before a last newline, which ``(?!\n)`` rules out; ECMAScript reads both the same way.
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._/-]{0,255}$(?!\n)")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$(?!\n)")]
# A dataset's SHA-256, or ``job:ID`` for the data of an adopted job whose file is gone.
TrainedOn = Annotated[str, msgspec.Meta(pattern=r"^(job:[A-Za-z0-9][A-Za-z0-9:._/-]{0,255}|[0-9a-f]{64})$(?!\n)")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
ShortDigest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{12,16}$(?!\n)")]
# A short digest of which a ledger may hold millions: its length is checked as it is read, its digits by the schema alone.
ItemDigest = Annotated[
    str, msgspec.Meta(min_length=12, max_length=16, extra_json_schema={"pattern": r"^[0-9a-f]{12,16}$(?!\n)"})
]
# A base URL, or the word for an embedded backend: one line of visible characters.
Address = Annotated[str, msgspec.Meta(pattern=r"^(embedded|https?://[!-~]{1,500})$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=4096)]
Count = Annotated[int, msgspec.Meta(ge=0)]
# Never without a time zone: such a moment can't be compared with any other.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all records share: immutable, strict on decoding, defaults left out on encoding."""
