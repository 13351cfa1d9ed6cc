"""The phrases by which an answer puts its user off: promises for later, flat refusals, and what chatbots say of themselves.

Owns the list, in English, German, Spanish and French, and the search for it; not where it is applied.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from ftops.datasets.byte_runs import Literals


class _Phrase(NamedTuple):
    """One way to put somebody off, and pieces of text of which one is in whatever the pattern matches."""

    pattern: re.Pattern[str]
    anchors: tuple[bytes, ...]


class _Language(NamedTuple):
    """Phrases of one language. ``sign`` is in every text that has one of them."""

    sign: bytes
    phrases: tuple[_Phrase, ...]


def _phrase(pattern: str, *anchors: str) -> _Phrase:
    return _Phrase(re.compile(pattern), tuple(anchor.encode() for anchor in anchors))


_ENGLISH: Final = (
    _phrase(
        r"\b(?:(?:i|we)(?:'ll| will| shall)|let me),? (?:[\w,]+ ){0,6}(?:get|come|circle|report) back\b",
        "get back",
        "come back",
        "circle back",
        "report back",
    ),
    _phrase(
        r"\b(?:i|we)(?:'ll| will) (?:\w+ ){1,5}(?:tomorrow|next week|later today|as soon as (?:i|we) can)\b",
        "tomorrow",
        "next week",
        "later today",
        "as soon as",
    ),
    _phrase(r"\bas an (?:ai|artificial intelligence)\b", "as an a"),
    _phrase(r"\bas a (?:large )?language model\b", "language model"),
    _phrase(
        r"\b(?:can't|cannot|can not|unable to|not able to) (?:help|assist)(?: you)? with (?:that|this)\b",
        "with that",
        "with this",
    ),
)
_GERMAN: Final = (
    _phrase(r"\bich melde mich (?:\w+ ){0,3}(?:bei (?:dir|ihnen|euch)|wieder|zurück)\b", "melde mich"),
    _phrase(r"\b(?:ich komme|komme ich) (?:\w+ ){0,3}darauf zurück\b", "darauf zurück"),
    _phrase(
        r"\b(?:(?:mache|erledige|prüfe) ich|ich (?:mache|erledige|prüfe)) (?:(?:das|es) )?(?:morgen|später)\b",
        "morgen",
        "später",
    ),
    _phrase(r"\b(?:dabei|damit) kann ich (?:\w+ ){0,2}nicht (?:weiter)?helfen\b", "helfen"),
    _phrase(r"\bich kann (?:\w+ ){0,2}(?:dabei|damit) (?:\w+ )?nicht (?:weiter)?helfen\b", "helfen"),
)
_GERMAN_MODEL: Final = (_phrase(r"\bals (?:ki|(?:großes |ki-)?sprachmodell)\b", "als ki", "sprachmodell"),)
_SPANISH: Final = (
    _phrase(
        r"\bcomo (?:un )?(?:modelo de lenguaje|(?:una )?(?:ia|inteligencia artificial))\b",
        "modelo de lenguaje",
        "como ia",
        "como una ia",
        "inteligencia artificial",
    ),
    _phrase(r"\bme pondré en contacto\b", "me pondré"),
    _phrase(
        r"\b(?:te|le|lo) (?:aviso|respondo|responderé|haré|hago|revisaré) (?:luego|más tarde|mañana)\b",
        " mañana",
        "más tarde",
        " luego",
    ),
    _phrase(r"\bno puedo ayudar(?:te|le)? con (?:eso|esto|ello)\b", "no puedo ayudar"),
)
_FRENCH: Final = (
    _phrase(r"\bje (?:reviens|reviendrai) vers (?:vous|toi)\b", "vers vous", "vers toi"),
    _phrase(
        r"\bje (?:vous|te) (?:recontacte|recontacterai|rappelle|rappellerai|tiens au courant|tiendrai au courant)\b",
        "recontacte",
        "rappelle",
        "au courant",
    ),
    _phrase(r"\bje (?:le |la )?(?:ferai|fais) (?:ça |cela )?(?:demain|plus tard)\b", "demain", "plus tard"),
    _phrase(r"\bje ne peux pas (?:vous |t'|te )?aider (?:avec|sur|à) (?:ça|cela|ce)\b", "aider "),
)
_FRENCH_MODEL: Final = (_phrase(r"\ben tant qu(?:e (?:grand )?modèle|'ia|'intelligence artificielle)\b", "en tant qu"),)
_AT_ONCE: Final = 512  # texts, which a processor's cache holds with the flags of their letters
_ANYWHERE: Final = (*_ENGLISH, *_GERMAN_MODEL, *_SPANISH, *_FRENCH_MODEL)
_LANGUAGES: Final = (_Language(b" ich ", _GERMAN), _Language(b" je ", _FRENCH))


def deferrals_in(texts: Sequence[str]) -> Mapping[int, str]:
    """Gives, by the place of the text, the first phrase of the list that each text has, in lower case."""
    found: dict[int, str] = {}
    for first in range(0, len(texts), _AT_ONCE):
        block = texts[first : first + _AT_ONCE]
        for number, phrases in _suspects(block).items():
            lowered = _lowered(block[number])
            match = next((match for phrase in phrases if (match := phrase.pattern.search(lowered))), None)
            if match is not None:
                found[first + number] = match[0]
    return found


def _lowered(text: str) -> str:
    return text.lower().replace("’", "'")


def _suspects(texts: Sequence[str]) -> Mapping[int, Sequence[_Phrase]]:
    """Gives the phrases that texts may have, by their places: those of which a piece is found in all texts at once."""
    encoded = [(text if text.isascii() else _lowered(text)).encode("utf-8", "surrogatepass") for text in texts]
    data = b" " + b"\n ".join(encoded).lower()
    starts = (0, *accumulate(len(text) + 2 for text in encoded))
    literals = Literals(data)
    suspects: dict[int, list[_Phrase]] = {}
    for phrase in _ANYWHERE:
        for number in {bisect_right(starts, at) - 1 for piece in phrase.anchors for at in literals.places(piece)}:
            suspects.setdefault(number, []).append(phrase)
    for language in _LANGUAGES:
        for number in {bisect_right(starts, at) - 1 for at in literals.places(language.sign)}:
            text = data[starts[number] : starts[number + 1]]
            for phrase in language.phrases:
                if any(piece in text for piece in phrase.anchors):
                    suspects.setdefault(number, []).append(phrase)
    return suspects
