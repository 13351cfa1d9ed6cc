"""How alike two texts are: the metrics of ``text_similarity``.

Owns which library and which of its options stand for each of OpenAI's names, which say no more than the metric's family:

- ``fuzzy_match``: ``rapidfuzz.fuzz.ratio``, the normalised Indel similarity, 1 - (insertions + deletions) / (sum of the
  lengths), on the characters as they are. Two empty texts score 1.
- ``bleu``: sacrebleu's sentence BLEU, 13a tokens, exponential smoothing, only the orders that the texts are long enough for.
- ``gleu``: NLTK's sentence GLEU (Wu et al. 2016), orders 1 to 4, on NLTK's Treebank-style words.
- ``meteor``: NLTK's METEOR on the same words, without the synonym stage: WordNet would have to be downloaded.
- ``rouge_1`` … ``rouge_5``, ``rouge_l``: F1 of common n-grams, and of the longest common subsequence (Lin 2004), on
  lower-cased runs of ASCII letters and digits. The numbers are those of the package rouge-score, without stemming. It isn't
  used itself: there is no wheel of it nor a release since 2022, and its table for ``rouge_l`` is quadratic.
- ``cosine``: of two embeddings that the caller's function gives, by the model that the grader names; below 0, which texts
  that have nothing in common may be by a trifle, it counts as 0. An empty text has no embedding: it is like another such only.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from operator import mul
from typing import Final, assert_never

from ftops.graders.kinds import Metric
from ftops.graders.problems import Failure, FailureKind, GradingFailed

Embed = Callable[[str, str], Sequence[float]]
"""Gives a model's embedding of a text: called with the model's name and the text. Raises GradingFailed where it has none."""

LONGEST: Final = 100_000
"""Characters of either text: fuzzy_match and rouge_l take time that grows with their product, 0.1 s at this length."""

_ROUGE_WORD: Final = re.compile(r"[a-z0-9]+")


def similarity(
    metric: Metric, text: str, reference: str, *, embed: Embed | None = None, embedding_model: str | None = None
) -> float:
    """Gives a score from 0 to 1. Raises GradingFailed where these texts have none.

    ``cosine`` needs ``embed`` and a model to embed with.
    """
    if len(text) > LONGEST:
        raise _failed(f"the text to compare has more than {LONGEST:,} characters")
    if len(reference) > LONGEST:
        raise _failed(f"the reference has more than {LONGEST:,} characters")
    match metric:
        case Metric.FUZZY_MATCH:
            from rapidfuzz.fuzz import ratio

            return float(ratio(text, reference)) / 100
        case Metric.BLEU:
            return _bleu(text, reference)
        case Metric.GLEU:
            return _gleu(text, reference)
        case Metric.METEOR:
            return _meteor(text, reference)
        case Metric.ROUGE_1 | Metric.ROUGE_2 | Metric.ROUGE_3 | Metric.ROUGE_4 | Metric.ROUGE_5:
            return _rouge_n(text, reference, int(metric[-1]))
        case Metric.ROUGE_L:
            return _rouge_l(text, reference)
        case Metric.COSINE:
            if embed is None or embedding_model is None:
                raise _failed("cosine needs a model that embeds texts, and there is none here")
            if not text or not reference:
                return float(text == reference)
            return _cosine(embed(embedding_model, text), embed(embedding_model, reference))
        case _:
            assert_never(metric)


def _bleu(text: str, reference: str) -> float:
    from sacrebleu.metrics.bleu import BLEU

    # Rounding may leave a trifle above 100.
    return min(1.0, float(BLEU(effective_order=True).sentence_score(text, [reference]).score) / 100)


def _gleu(text: str, reference: str) -> float:
    from nltk.translate.gleu_score import sentence_gleu

    return float(sentence_gleu([_words(reference)], _words(text)))


def _meteor(text: str, reference: str) -> float:
    from nltk.translate.meteor_score import single_meteor_score

    return float(single_meteor_score(_words(reference), _words(text), wordnet=_NoSynonyms()))


class _NoSynonyms:
    """Stands where NLTK asks WordNet for a word's synonyms."""

    def synsets(self, _: str) -> Sequence[object]:
        """No word has any."""
        return ()


def _words(text: str) -> list[str]:
    from nltk.tokenize import NLTKWordTokenizer

    return [str(word) for word in NLTKWordTokenizer().tokenize(text)]


def _rouge_n(text: str, reference: str, order: int) -> float:
    said, expected = _ngrams(text, order), _ngrams(reference, order)
    common = (said & expected).total()
    return _f1(common / max(said.total(), 1), common / max(expected.total(), 1))


def _ngrams(text: str, order: int) -> Counter[tuple[str, ...]]:
    words = _ROUGE_WORD.findall(text.lower())
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def _rouge_l(text: str, reference: str) -> float:
    from rapidfuzz.distance import LCSseq

    said, expected = _ROUGE_WORD.findall(text.lower()), _ROUGE_WORD.findall(reference.lower())
    if not said or not expected:
        return 0.0
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*said, *expected]))}
    common = LCSseq.similarity([numbers[word] for word in said], [numbers[word] for word in expected])
    return _f1(common / len(said), common / len(expected))


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    if len(left) != len(right):
        raise _failed("the embeddings have different lengths")
    lengths = math.hypot(*left) * math.hypot(*right)
    if not math.isfinite(lengths) or lengths == 0:
        raise _failed("an embedding has no direction")
    return max(0.0, min(1.0, float(sum(map(mul, left, right))) / lengths))


def _failed(message: str) -> GradingFailed:
    return GradingFailed(Failure(kind=FailureKind.OTHER, message=message))
