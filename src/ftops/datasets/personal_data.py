"""Personal data and secrets in texts: what kind, where, and in a form that gives nothing away.

Owns which values count; ``sensitive_shapes`` has their shapes. Precision goes before recall: a value counts when its checksum,
its issuer's prefix, its country's length or its shape leaves little doubt. What is published for tests counts too (a card
number such as 4242 4242 4242 4242 is as valid as any), but not an e-mail address in a domain that is reserved for examples.

Many texts are searched at once, but no more of them than a processor's cache holds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

from ftops.datasets import sensitive_shapes as shapes

_LONG: Final = 12  # bytes of a value, of which four may be shown
_BETWEEN: Final = b"\n\x00\n"  # what no shape contains
_BLOCK: Final = 128 * 1024
_SHORT: Final = 1024


class Kind(StrEnum):
    """What was found."""

    EMAIL = "e-mail address"
    PHONE = "telephone number"
    CARD = "payment card number"
    IBAN = "IBAN"
    SSN = "US social security number"
    OPENAI_KEY = "OpenAI key"
    ANTHROPIC_KEY = "Anthropic key"
    AWS_KEY = "AWS access key"
    GITHUB_TOKEN = "GitHub token"  # noqa: S105 - its name
    GITLAB_TOKEN = "GitLab token"  # noqa: S105
    SLACK_TOKEN = "Slack token"  # noqa: S105
    GOOGLE_KEY = "Google key"
    STRIPE_KEY = "Stripe key"
    HUGGING_FACE_TOKEN = "Hugging Face token"  # noqa: S105
    NPM_TOKEN = "npm token"  # noqa: S105
    JWT = "JSON web token"
    PRIVATE_KEY = "private key"
    PASSWORD_IN_URL = "password in a URL"  # noqa: S105

    @property
    def is_secret(self) -> bool:
        """Whether it opens something, rather than tells of a person."""
        return self not in _PERSONAL


_PERSONAL: Final = (Kind.EMAIL, Kind.PHONE, Kind.CARD, Kind.IBAN, Kind.SSN)
_KEYS: Final = {
    b"sk-ant-": Kind.ANTHROPIC_KEY,
    b"sk-": Kind.OPENAI_KEY,
    b"AKIA": Kind.AWS_KEY,
    b"ASIA": Kind.AWS_KEY,
    b"ghp_": Kind.GITHUB_TOKEN,
    b"gho_": Kind.GITHUB_TOKEN,
    b"ghs_": Kind.GITHUB_TOKEN,
    b"github_pat_": Kind.GITHUB_TOKEN,
    b"glpat-": Kind.GITLAB_TOKEN,
    b"xox": Kind.SLACK_TOKEN,
    b"AIza": Kind.GOOGLE_KEY,
    b"sk_live_": Kind.STRIPE_KEY,
    b"rk_live_": Kind.STRIPE_KEY,
    b"hf_": Kind.HUGGING_FACE_TOKEN,
    b"npm_": Kind.NPM_TOKEN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensitive:
    """One value: of personal data at most the first and last two characters are shown, of a secret what names its kind."""

    kind: Kind
    masked: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A value's first byte and the one after its last."""

    begin: int
    end: int
    found: Sensitive


def findings(text: str) -> tuple[Sensitive, ...]:
    """Gives all personal data and secrets of a text, in order."""
    return tuple(place.found for place in _places(_bytes(text)))


def findings_in(texts: Iterable[str]) -> Iterator[tuple[int, tuple[Sensitive, ...]]]:
    """Gives the indexes of the texts in which something is, with all of it. Much faster than asking text by text."""
    first = 0
    for block in _blocks(texts):
        places = _places(_BETWEEN.join(block))
        begins = [0, *accumulate(len(data) + len(_BETWEEN) for data in block)] if places else ()
        found: dict[int, list[Sensitive]] = {}
        for place in places:
            found.setdefault(bisect_right(begins, place.begin) - 1, []).append(place.found)
        for index, values in found.items():
            yield first + index, tuple(values)
        first += len(block)


def _blocks(texts: Iterable[str]) -> Iterator[Sequence[bytes]]:
    """Gives texts together as they fit into a processor's cache."""
    block: list[bytes] = []
    size = 0
    for text in texts:
        block.append(data := _bytes(text))
        size += len(data)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    yield block


def without_sensitive(text: str) -> str:
    """Gives the text with every such value masked. Mask before cutting: half a key may not be known for one."""
    data = _bytes(text)
    parts, end = [], 0
    for place in _places(data):
        parts += [data[end : place.begin], place.found.masked.encode("utf-8", "surrogatepass")]
        end = place.end
    return b"".join([*parts, data[end:]]).decode("utf-8", "surrogatepass") if parts else text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _places(data: bytes) -> list[_Place]:
    """Gives what is in ``data`` in order; of two that overlap the one that begins first, then the longer one."""
    if len(data) <= _SHORT and not shapes.SIGN.search(data):
        return []
    found = sorted(_all_places(data), key=lambda place: (place.begin, -place.end))
    kept: list[_Place] = []
    for place in found:
        if not kept or place.begin >= kept[-1].end:
            kept.append(place)
    return kept


def _all_places(data: bytes) -> Iterator[_Place]:
    text = shapes.Searched(data)
    yield from _key_places(text)
    for kind, spans in (
        (Kind.PRIVATE_KEY, shapes.private_keys(text)),
        (Kind.JWT, shapes.web_tokens(text)),
        (Kind.PASSWORD_IN_URL, shapes.url_passwords(text)),
    ):
        for begin, end in spans:
            yield _secret(kind, begin, end, shown=_NAMED[kind])
    yield from _personal_places(Kind.EMAIL, data, shapes.emails(text))
    yield from _personal_places(Kind.IBAN, data, shapes.ibans(text))
    for stretch in shapes.number_stretches(text):
        yield from _personal_places(Kind.CARD, data, shapes.cards(data, *stretch))
        yield from _personal_places(Kind.SSN, data, shapes.social_security_numbers(data, *stretch))
        yield from _personal_places(Kind.PHONE, data, shapes.phones(data, *stretch))


_NAMED: Final = {Kind.PRIVATE_KEY: "-----BEGIN", Kind.JWT: "eyJ", Kind.PASSWORD_IN_URL: "://"}


def _key_places(text: shapes.Searched) -> Iterator[_Place]:
    for prefix, (begin, end) in shapes.keys(text):
        yield _secret(_KEYS[prefix], begin, end, shown=prefix.decode("ascii"))


def _secret(kind: Kind, begin: int, end: int, *, shown: str) -> _Place:
    return _Place(begin=begin, end=end, found=Sensitive(kind=kind, masked=f"{shown}…"))


def _personal_places(kind: Kind, data: bytes, spans: Iterable[tuple[int, int]]) -> Iterator[_Place]:
    for begin, end in spans:
        shown = 2 if end - begin >= _LONG else 1
        masked = f"{data[begin : begin + shown].decode('ascii')}…{data[end - shown : end].decode('ascii')}"
        yield _Place(begin=begin, end=end, found=Sensitive(kind=kind, masked=masked))
