"""Similarities are the reference libraries' numbers, on real texts and on hostile ones."""

import itertools
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import single_meteor_score
from rapidfuzz.distance import Indel
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from ftops.graders.kinds import Metric
from ftops.graders.problems import GradingFailed
from ftops.graders.similarity import LONGEST, similarity
from shared_data import missing, shared_path

COMPUTED = [metric for metric in Metric if metric is not Metric.COSINE]
ROUGES = {f"rouge_{each}": f"rouge{each.upper()}" for each in "12345l"}
ORCA = shared_path("data/orca-dpo/validation.jsonl")
real = pytest.mark.skipif(not ORCA.exists(), reason=missing(ORCA))


def real_pairs(count: int = 60) -> list[tuple[str, str]]:
    """Two models' answers to the same question, up to 2,000 characters of each."""
    with ORCA.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, count)]
    sides = ("non_preferred_output", "preferred_output")
    return [tuple(row[side][0]["content"][:2_000] for side in sides) for row in rows]


@real
def test_rouge_equals_rouge_score_to_the_last_digit_on_real_texts() -> None:
    scorer = RougeScorer(list(ROUGES.values()), use_stemmer=False)
    seen = set()
    for text, reference in real_pairs():
        expected = scorer.score(reference, text)
        for name, theirs in ROUGES.items():
            assert similarity(Metric(name), text, reference) == expected[theirs].fmeasure
            seen.add(expected[theirs].fmeasure)
    assert len(seen) > 200


@real
def test_the_others_equal_their_libraries_to_the_last_digit_on_real_texts() -> None:
    class NoWordNet:
        def synsets(self, word: str) -> list[object]:
            return []

    words = NLTKWordTokenizer().tokenize
    bleu = BLEU(effective_order=True)
    for text, reference in real_pairs():
        assert similarity(Metric.FUZZY_MATCH, text, reference) == pytest.approx(
            Indel.normalized_similarity(text, reference), abs=1e-15
        )
        assert similarity(Metric.BLEU, text, reference) == bleu.sentence_score(text, [reference]).score / 100
        assert similarity(Metric.GLEU, text, reference) == sentence_gleu([words(reference)], words(text))
        assert similarity(Metric.METEOR, text, reference) == single_meteor_score(
            words(reference), words(text), wordnet=NoWordNet()
        )


@pytest.mark.parametrize(
    ("metric", "text", "reference", "score"),
    [
        ("fuzzy_match", "abcd", "abce", 0.75),
        ("fuzzy_match", "", "", 1.0),
        ("bleu", "the cat sat on the mat", "the cat sat on the mat", 1.0),
        # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, no quadruple, which smoothing counts as half of one in 3.
        ("bleu", "the cat sat on the mat", "the cat is on the mat", (5 / 6 * 3 / 5 * 1 / 4 * 1 / 2 / 3) ** 0.25),
        ("bleu", "", "the cat", 0.0),
        # 5 + 3 + 1 + 0 n-grams in common of 6 + 5 + 4 + 3.
        ("gleu", "the cat sat on the mat", "the cat is on the mat", 0.5),
        ("gleu", "", "", 0.0),
        # All four words in one run: 1 - 0.5 * (1 / 4) ** 3.
        ("meteor", "a b c d", "a b c d", 0.9921875),
        ("meteor", "walks", "walking", 0.5),
        ("meteor", "", "a", 0.0),
        ("rouge_1", "the cat sat", "The cat, the dog.", 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)),
        ("rouge_2", "a b c", "a b d b c", 2 * 1 * 0.5 / 1.5),
        ("rouge_3", "a b c d", "a b c", 2 * 0.5 * 1 / 1.5),
        ("rouge_4", "a b c", "a b c", 0.0),
        ("rouge_5", "a b c d e", "A-b C/d e!", 1.0),
        ("rouge_l", "a x b y c", "a b c", 2 * 0.6 * 1 / 1.6),
        ("rouge_l", "...", "a b c", 0.0),
    ],
)
def test_scores_are_what_arithmetic_gives(metric: str, text: str, reference: str, score: float) -> None:
    assert similarity(Metric(metric), text, reference) == pytest.approx(score)


texts = st.text(alphabet="ab cB.,'é你1\n-", max_size=30)


@given(texts, texts, st.sampled_from(COMPUTED))
def test_every_score_is_from_0_to_1(text: str, reference: str, metric: Metric) -> None:
    assert 0 <= similarity(metric, text, reference) <= 1


@given(texts, texts)
def test_rouge_equals_rouge_score_on_any_text(text: str, reference: str) -> None:
    expected = RougeScorer(list(ROUGES.values())).score(reference, text)
    for name, theirs in ROUGES.items():
        assert similarity(Metric(name), text, reference) == expected[theirs].fmeasure


@pytest.mark.parametrize("metric", COMPUTED)
def test_a_text_that_is_too_long_has_no_score(metric: Metric) -> None:
    for text, reference in (("a" * (LONGEST + 1), "a"), ("a", "a" * (LONGEST + 1))):
        with pytest.raises(GradingFailed, match="100,000 characters"):
            similarity(metric, text, reference)


@pytest.mark.parametrize("metric", COMPUTED)
def test_the_longest_texts_are_scored(metric: Metric) -> None:
    text, reference = ("".join(f"w{number * step % 9973} " for number in range(LONGEST // 6)) for step in (1, 7))
    assert 0 <= similarity(metric, text[:LONGEST], reference[:LONGEST]) < 1


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for metric in COMPUTED:
        similarity(metric, "Good muffins cost $3.88 in New York.", "A good muffin costs $3.88 there.")
