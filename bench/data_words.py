"""Endless text of made-up words, as often each as in a language: for ``data_rows``.

Owns vocabularies of English, German and Japanese looks; none of it means anything.
"""

import random
from collections.abc import Sequence

import numpy as np
from toktok import batch_count

_COMMON = """
the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all were
when we there can an your which their said if do will each about how up out them then she many some so these would other
into has more her two like him see time could no make than first been its who now people my made over did down only way
find use may water long little very after words called just where most know get through back much before go good new
write our used me man too any day same right look think also around another came come work three word must because does
part even place well such here take why things help put years different away again off went old number great tell men
say small every found still between name should home big give air line set own under read last never us left end along
while might next sound below saw something thought both few those always looked show large often together asked house
world going want school important until form food keep children card account payment order customer please cancel
transfer balance refund invoice delivery address change open password error page update version file server request user
data list value function return result check report project team meeting information development available community
including management international government education research university business technology material question
problem service experience example language software product program knowledge analysis performance application
environment possible production property library building section subject position resource structure practice condition
interest physical chemical social national political economic financial industry company market energy process computer
network digital internet security private public original special general personal medical clinical patient treatment
hospital doctor disease method theory science nature history culture travel hotel restaurant station airport ticket
journey summer winter morning evening weather garden kitchen furniture machine engine vehicle electric battery surface
metal plastic wooden paper picture photo camera music concert theatre movie television newspaper article author writer
chapter sentence paragraph letter answer argument statement evidence opinion decision agreement contract policy
insurance employee manager director department office colleague schedule calendar reminder appointment confirm reserve
booking arrive depart deliver package shipment warehouse supplier client receipt discount voucher coupon deposit
withdraw mortgage loan credit debit currency exchange transaction recipient sender verify identity passport document
signature certificate license register enrol subscribe upgrade download install configure connect disconnect restart
restore backup recover delete remove replace repair improve increase decrease reduce expand extend continue complete
finish prepare organise arrange describe explain understand remember consider compare measure calculate estimate predict
suggest recommend require receive accept reject approve refuse provide support protect prevent avoid reach approach
expect believe imagine discover notice recognise realise determine establish maintain operate perform produce create
design develop publish present represent introduce involve include contain combine separate divide collect gather select
choose beautiful difficult dangerous expensive popular successful traditional modern ancient common unusual similar
various several certain necessary essential effective efficient accurate precise simple complex obvious actually
probably usually generally recently finally immediately especially completely exactly directly carefully quickly slowly
easily clearly currently previously eventually however therefore although whether unless despite during towards beyond
against within without behind beneath beside across
"""
_GERMAN = """
der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat
dass sie nach wird bei einer um am sind noch wie einem über einen so zum haben nur oder aber vor zur bis mehr
durch man sein wurde wenn Konto Karte Zahlung Überweisung Bestellung prüfen möchte können müssen Grüße
schließen öffnen Straße natürlich zurück
"""
_ENDINGS = ("", "s", "ed", "ing", "er", "ly", "tion", "ment", "able", "al", "ness")
_ONSETS = (
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "g",
    "gr",
    "h",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
)
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "ou", "ar", "er", "or", "in", "an", "on", "ent", "est")
_KANA = "のにはをたがでてとしれさあるいもするなことからよりまでですますしたんくけきかっうえおつちりらわ"
_KANJI = "人日本国会社年月時分間行見出入大小高新長何方手自分話作用今思言同事者地名前金銀料理支払注文確認変更番号口座"
_VOCABULARY = 10_000
_BLOCK = 1 << 18
_STEEPNESS = 1.05  # how fast frequencies fall: as fast as in English texts

COMMON = tuple(_COMMON.split())
"""The commonest English words first."""


class Words:
    """An endless text of words whose frequencies fall with their rank, as Zipf found."""

    def __init__(self, vocabulary: Sequence[str], seed: int) -> None:
        weights = 1 / (np.arange(len(vocabulary)) + 2.7) ** _STEEPNESS
        self._sums = np.cumsum(weights / weights.sum())
        self._words = np.array(vocabulary, dtype=object)
        self._drawn = np.random.default_rng(seed)
        self._block: list[str] = []
        self._at = 0

    def take(self, count: int) -> list[str]:
        """Gives the next ``count`` words."""
        while self._at + count > len(self._block):
            places = np.searchsorted(self._sums, self._drawn.random(max(count, _BLOCK)))
            self._block = self._words[np.minimum(places, len(self._words) - 1)].tolist()
            self._at = 0
        self._at += count
        return self._block[self._at - count : self._at]


def english(seed: int) -> list[str]:
    """Gives common words, then some that are one token of o200k_base, and then others, all made of words and syllables.

    Of all words that occur about 95 in 100 are one token: in English training data it is 98 (measured in that of orca-dpo and
    of GSM8K), and longer ones cost a tokenizer several times as much.
    """
    drawn = random.Random(seed)
    made = sorted(_made() - set(COMMON))
    drawn.shuffle(made)
    counts = batch_count([f" {word}" for word in made], "o200k_base")
    single = [word for word, count in zip(made, counts, strict=True) if count == 1]
    others = [word for word, count in zip(made, counts, strict=True) if count > 1]
    return [*COMMON, *single, *others][:_VOCABULARY]


def _made() -> set[str]:
    syllables = [onset + nucleus for onset in _ONSETS for nucleus in _NUCLEI]
    endings = {stem + ending for stem in (*COMMON, *syllables) for ending in _ENDINGS}
    return endings | {first + second for first in syllables for second in syllables}


def german(seed: int) -> list[str]:
    """Gives common German words, and then made-up ones with capitals."""
    made = english(seed)[len(COMMON) :]
    return [*_GERMAN.split(), *(word.capitalize() for word in made[:3000])]


def japanese() -> list[str]:
    """Gives single characters, kana before kanji."""
    return [*_KANA, *_KANJI]
