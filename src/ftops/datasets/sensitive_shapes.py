"""The shapes of personal data and secrets in UTF-8, and where they stand.

Owns patterns, checksums and tables of prefixes; ``personal_data`` says what they mean. All give spans: the first byte, and
the one after the last. No pattern runs over a whole text: ``byte_runs`` or a literal byte say where one may begin, and it is
looked at over a bounded number of bytes, so that no text takes long.

Sources: ISO/IEC 7812-1 (Luhn's checksum), ISO 13616 and SWIFT's IBAN registry (checksum, lengths), RFC 2606 and 6761 (domains
for examples), the US Social Security Administration and the North American Numbering Plan (numbers that are never given out),
RFC 7468 and 4880 (armoured keys), RFC 7519 (web tokens), and the issuers' own words on their keys.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np

from ftops.datasets.byte_runs import Flags, Span, any_of, between, codes_of, equal, in_turn, places, runs

# What is in every text with one of them; for short texts, which are searched sooner than their bytes are flagged.
SIGN: Final = re.compile(rb"@|-----BEGIN|[A-Za-z0-9_-]{12}|[0-9][0-9 ().-]{7}|[A-Z]{2}[0-9]{2}")
_BACK: Final = 64  # bytes that a name before an @, a user or a scheme may take
_AHEAD: Final = 256
_TOKEN_BYTES: Final = 8192
_LEAST_LETTERS: Final = 8  # different characters: fewer are a placeholder

_BODIES: Final = {
    b"sk-ant-": rb"[A-Za-z0-9_-]{32,200}",
    b"sk-": rb"(?!ant-)(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,300}",
    b"AKIA": rb"[A-Z2-7]{16}",
    b"ASIA": rb"[A-Z2-7]{16}",
    b"ghp_": rb"[A-Za-z0-9]{36}",
    b"gho_": rb"[A-Za-z0-9]{36}",
    b"ghs_": rb"[A-Za-z0-9]{36}",
    b"github_pat_": rb"[A-Za-z0-9_]{40,120}",
    b"glpat-": rb"[A-Za-z0-9_-]{20,64}",
    b"xox": rb"[abeoprs]-[A-Za-z0-9-]{16,250}",
    b"AIza": rb"[A-Za-z0-9_-]{35}",
    b"sk_live_": rb"[A-Za-z0-9]{16,250}",
    b"rk_live_": rb"[A-Za-z0-9]{16,250}",
    b"hf_": rb"[A-Za-z0-9]{30,64}",
    b"npm_": rb"[A-Za-z0-9]{36}",
}
_KEYS: Final = {prefix: re.compile(body + rb"(?![A-Za-z0-9])") for prefix, body in _BODIES.items()}
_WORD_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_PREFIXES: Final = tuple(_BODIES)
_LEAST_KEY: Final = 20
_DIGITS: Final = frozenset(b"0123456789")
_ARMOUR: Final = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:[\s\\nr]|[A-Z][A-Za-z-]{1,20}: [^\n]{0,100}\n){0,20}"
    rb"[A-Za-z0-9+/=]{24,}"
)
_WEB_TOKEN: Final = re.compile(rb"(eyJ[A-Za-z0-9_-]{9,2000})\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,2000}")
_AUTHORITY: Final = 3 + 64 + 1 + 128  # bytes of ``://``, a user, a colon and a password
_USER_AND_PASSWORD: Final = re.compile(rb"[^\s/:@'\"<>\x00]{0,64}:([^\s/@'\"<>\x00]{3,128})@[A-Za-z0-9\[]")
_PLACEHOLDER: Final = re.compile(
    rb"(?i)[\W_]*(?:your|my|the|db|user)?[\W_]*(?:pass|password|passwd|pwd|pw|secret|token)[\W_]*|[*.x_-]+|[$%{(].*"
)
_AT_HOST: Final = re.compile(rb"(?<=[A-Za-z0-9_%+'-])@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.[A-Za-z0-9]")
_LOCAL_REVERSED: Final = re.compile(rb"[A-Za-z0-9_%+'-](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_])?(?![A-Za-z0-9._%+'-])")
_DOMAIN: Final = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9_@-])"
)
_OTHER_BEFORE: Final = re.compile(rb"://[^\s/]*\Z|@\Z")  # a URL whose host is to come, or a handle
_NO_PERSON: Final = re.compile(rb"(?i)git|(?:no|do-?not)[._-]?reply")
_FOR_EXAMPLES: Final = re.compile(
    rb"(?i)(?:.*\.)?(?:example\.(?:com|org|net|edu)|test|invalid|example|localhost|local)"
)
_FILE_ENDINGS: Final = (b".png", b".jpg", b".jpeg", b".gif", b".webp", b".svg")

_LEAST_NUMBER: Final = 9
_STRETCH: Final = re.compile(rb"[0-9][0-9 ().-]{7,}[0-9]")
_CARD: Final = re.compile(
    rb"(?<![0-9A-Za-z_.-])(?:[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5}|[0-9]{14,19})"
    rb"(?![0-9A-Za-z_]|[.-][0-9])"
)
_ISSUERS: Final = re.compile(
    rb"4[0-9]{15}(?:[0-9]{3})?"  # Visa
    rb"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard
    rb"|3[47][0-9]{13}"  # American Express
    rb"|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}"  # Discover
    rb"|3(?:0[0-5]|[68][0-9])[0-9]{11}"  # Diners Club
    rb"|35(?:2[89]|[3-8][0-9])[0-9]{12}"  # JCB
    rb"|62[0-9]{14,17}"  # UnionPay
)
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_SSN: Final = re.compile(
    rb"(?<![0-9A-Za-z_.-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9A-Za-z_]|[.-][0-9])"
)
_AMERICAN_PHONE: Final = re.compile(
    rb"(?<![0-9A-Za-z_.+-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}([.-]))(?!555.01)[2-9][0-9]{2}(?(1)\1|[.-])[0-9]{4}"
    rb"(?![0-9A-Za-z_]|[.-][0-9])"
)
_WORLD_PHONE: Final = re.compile(rb"\+[1-9](?:[ .-]?(?:\([0-9]{1,5}\)|[0-9]{1,6})){2,8}(?![0-9A-Za-z_]|[.-][0-9])")

_COUNTRIES: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 "
    "FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
    "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 "
    "RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS: Final = {country[:2].encode(): int(country[2:]) for country in _COUNTRIES.split()}


class Searched:
    """A text that is searched, with the classes of bytes that several shapes are made of."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.codes = codes_of(data)

    @cached_property
    def digits(self) -> Flags:
        """Flags digits."""
        return between(self.codes, "0", "9")

    @cached_property
    def letters(self) -> Flags:
        """Flags letters, capitals among them."""
        return between(self.codes | np.uint8(0x20), "a", "z")

    @cached_property
    def hyphens(self) -> Flags:
        """Flags hyphens."""
        return equal(self.codes, "-")

    def hosts(self) -> Iterator[int]:
        """Gives the places of each ``@`` that a host may follow."""
        if b"@" in self.data:
            begins = self.letters | self.digits | equal(self.codes, "[")
            yield from places(in_turn(equal(self.codes, "@"), begins))


def keys(text: Searched) -> Iterator[tuple[bytes, Span]]:
    """Gives keys with the prefix that names their kind.

    A body without a digit, or of few different characters, is a placeholder.
    """
    members = text.letters | text.digits | text.hyphens | equal(text.codes, "_")
    for begin, end in runs(members, _LEAST_KEY, first=members):
        if text.data.startswith(_PREFIXES, begin):
            for prefix in _PREFIXES:
                at = begin + len(prefix)
                match = _KEYS[prefix].match(text.data, at, end) if text.data.startswith(prefix, begin) else None
                if match and len(set(match[0])) >= _LEAST_LETTERS and not _DIGITS.isdisjoint(match[0]):
                    yield prefix, (begin, match.end())


def private_keys(text: Searched) -> Iterator[Span]:
    """Gives armoured private keys, from their first line to where the text of the key breaks off."""
    if any_of(in_turn(text.hyphens, equal(text.codes, "B"))):
        for at in _occurrences(text.data, b"-----BEGIN "):
            if match := _ARMOUR.match(text.data, at, at + _TOKEN_BYTES):
                yield match.span()


def web_tokens(text: Searched) -> Iterator[Span]:
    """Gives signed web tokens, whose head names an algorithm."""
    data = text.data
    for at in places(in_turn(*(equal(text.codes, sign) for sign in "eyJ"))):
        match = None if at and data[at - 1] in _WORD_BYTES else _WEB_TOKEN.match(data, at, at + _TOKEN_BYTES)
        if match is not None and b'"alg"' in _decoded(match[1]):
            yield match.span()


def url_passwords(text: Searched) -> Iterator[Span]:
    """Gives what stands between ``://`` and the host of a URL, with both, where it is a user and a password."""
    data = text.data
    for at in text.hosts():
        begin = data.rfind(b"://", max(at - _AUTHORITY, 0), at)
        match = _USER_AND_PASSWORD.match(data, begin + 3, at + 2) if begin >= 0 else None
        if match is not None and match.end() == at + 2 and not _PLACEHOLDER.fullmatch(match[1]):
            yield begin, at + 1


def emails(text: Searched) -> Iterator[Span]:
    """Gives addresses of people: none in a domain for examples, no ``noreply``, no user of a URL or of git."""
    data = text.data
    for at in text.hosts():
        domain = _DOMAIN.match(data, at + 1, at + _AHEAD) if _AT_HOST.match(data, at) else None
        local = _LOCAL_REVERSED.match(data[max(at - _BACK, 0) : at][::-1]) if domain else None
        if domain is None or local is None:
            continue
        begin = at - local.end()
        if _OTHER_BEFORE.search(data, max(begin - _BACK, 0), begin):
            continue
        name = domain[0].lower()
        if not (_NO_PERSON.fullmatch(data, begin, at) or _FOR_EXAMPLES.fullmatch(name) or name.endswith(_FILE_ENDINGS)):
            yield begin, domain.end()


def ibans(text: Searched) -> Iterator[Span]:
    """Gives account numbers of their country's length and with a valid checksum, in one piece or in groups of four."""
    data = text.data
    capitals = between(text.codes, "A", "Z")
    for at in places(in_turn(capitals, capitals, text.digits, text.digits)):
        length = _IBAN_LENGTHS.get(data[at : at + 2])
        if length is None or (at and data[at - 1] in _WORD_BYTES):
            continue
        for blanks in (0, (length - 1) // 4):
            end = at + length + blanks
            number = data[at:end]
            if blanks:
                number = b"".join(number[place : place + 4] for place in range(0, len(number), 5))
                if data[at + 4 : end : 5] != b" " * blanks:
                    continue
            if len(number) == length and data[end : end + 1] not in _WORDS and _is_iban(number):
                yield at, end


def number_stretches(text: Searched) -> Iterator[Span]:
    """Gives stretches of digits, blanks, dots, hyphens and brackets, in which the numbers below may stand."""
    brackets = between(text.codes, "(", ")")
    members = text.digits | text.hyphens | brackets | equal(text.codes, " ") | equal(text.codes, ".")
    for begin, end in runs(members, _LEAST_NUMBER, first=text.digits):
        if match := _STRETCH.match(text.data, begin, end):
            yield match.span()


def cards(data: bytes, begin: int, end: int) -> Iterator[Span]:
    """Gives numbers of payment cards of a stretch: a known issuer's prefix and length, its groups, and Luhn's checksum."""
    for match in _CARD.finditer(data, begin, end + 1):
        number = match[0].replace(b" ", b"").replace(b"-", b"")
        if _ISSUERS.fullmatch(number) and _has_luhn_checksum(number):
            yield match.span()


def social_security_numbers(data: bytes, begin: int, end: int) -> Iterator[Span]:
    """Gives US social security numbers of a stretch, with hyphens, but those that are never given out."""
    return (match.span() for match in _SSN.finditer(data, begin, end + 2))


def phones(data: bytes, begin: int, end: int) -> Iterator[Span]:
    """Gives telephone numbers of a stretch: with ``+`` and 8 to 15 digits, or American ones but 555-01XX."""
    before = data[begin - 1 : begin]
    if before == b"+" and data[begin - 2 : begin - 1] not in _WORDS:
        match = _WORLD_PHONE.match(data, begin - 1, end + 2)
        if match is not None and 8 <= sum(byte in _DIGITS for byte in match[0]) <= 15:
            yield match.span()
            return
    for found in _AMERICAN_PHONE.finditer(data, begin - (before == b"("), end + 2):
        yield found.span()


_WORDS: Final = frozenset(bytes([byte]) for byte in _WORD_BYTES)


def _occurrences(data: bytes, literal: bytes) -> Iterator[int]:
    at = data.find(literal)
    while at >= 0:
        yield at
        at = data.find(literal, at + 1)


def _decoded(part: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        return b""


def _has_luhn_checksum(number: bytes) -> bool:
    digits = [byte - 48 for byte in reversed(number)]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0


def _is_iban(number: bytes) -> bool:
    try:
        value = int("".join(str(int(chr(byte), 36)) for byte in number[4:] + number[:4]))
    except ValueError:
        return False
    return value % 97 == 1 and number.isupper()
