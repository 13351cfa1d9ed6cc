"""Each metric in a gate, alone and against a baseline: values, intervals, verdicts, items needed, and the words for them."""

import math
from collections.abc import Sequence

import pytest

from ftops.domain.judgement import ConditionResult, Verdict
from ftops.domain.manifest import Baseline, Condition, Price, Test
from ftops.domain.scores import ItemScore
from ftops.evaluation.gates import judge, judge_choices, stricter, threshold_of
from ftops.evaluation.intervals import PairedTable, paired_interval, wilson, wilson_of_mean
from ftops.evaluation.metrics import Reading, is_less_better, score_bounds, why_never

FAIL, INSUFFICIENT, PASS, ERROR = Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE, Verdict.PASS, Verdict.ERROR
BASE = Baseline(base=True)
MINI = Price(input=0.4, output=1.6)


def answer(row: int, score: float | None = 1.0, **more: object) -> ItemScore:
    return ItemScore(row=f"{row:016x}", score=score, output="0" * 16, **more)  # type: ignore[arg-type]


def scored(scores: Sequence[float]) -> list[ItemScore]:
    return [answer(row, score) for row, score in enumerate(scores)]


def marked(counts: dict[str, int]) -> list[ItemScore]:
    marks = [mark for mark, count in counts.items() for _ in range(count)]
    return [answer(row, float(mark == "correct"), mark=mark) for row, mark in enumerate(marks)]


def classes(pairs: dict[tuple[str, str], int]) -> list[ItemScore]:
    each = [pair for pair, count in pairs.items() for _ in range(count)]
    return [answer(row, float(due == given), expected=due, mark=given) for row, (due, given) in enumerate(each)]


def alone(condition: Condition, answers: Sequence[ItemScore], **reading: object) -> ConditionResult:
    return judge(condition, answers, None, seed=1, reading=Reading(**reading))  # type: ignore[arg-type]


def against(condition: Condition, first: Sequence[ItemScore], second: Sequence[ItemScore]) -> ConditionResult:
    return judge(condition, first, second, seed=1)


def better(metric: str = "mean", margin: float = 0.0, confidence: float | None = 0.95) -> Condition:
    return Condition(metric=metric, baseline=BASE, test=Test.SUPERIORITY, margin=margin, confidence=confidence)


def no_worse(metric: str = "mean", margin: float = 0.0) -> Condition:
    return Condition(metric=metric, baseline=BASE, test=Test.NON_INFERIORITY, margin=margin, confidence=0.95)


def test_outcomes_are_shares_of_marks() -> None:
    answers = marked({"correct": 180, "wrong": 8, "abstained": 10, "hallucinated": 2})
    few = alone(Condition(metric="hallucinated", max=0.04, confidence=0.95), answers)
    expected = wilson(2, 200, 0.95)
    assert (few.verdict, few.observed, few.low, few.high) == (PASS, 0.01, expected.low, expected.high)
    assert few.sentence == ("2 of 200 hallucinated; the true rate is between 0.3 % and 3.6 %; 0.04 is kept")
    assert alone(Condition(metric="abstained", max=0.04, confidence=0.95), answers).verdict is FAIL


@pytest.mark.parametrize("marks", [{"correct": 2, "no match": 1}, {"value_error": 3}])
def test_outcomes_of_a_grader_that_marks_something_else_are_an_error(marks: dict[str, int]) -> None:
    result = alone(Condition(metric="hallucinated", max=0.5), marked(marks))
    assert (result.verdict, result.sentence) == (ERROR, "hallucinated needs a grader of type outcome")
    assert alone(Condition(metric="abstained", max=0.5), scored([1.0])).verdict is ERROR


def test_less_is_better_where_it_is() -> None:
    """A candidate that hallucinates less is the better one: the difference has to be below minus the margin."""
    many, few = marked({"correct": 60, "hallucinated": 40}), marked({"correct": 90, "hallucinated": 10})
    result = against(better("hallucinated", 0.1), few, many)
    assert (result.verdict, result.observed, result.threshold) == (PASS, -0.3, -0.1)
    assert result.high is not None
    assert result.high < -0.1
    assert result.sentence.startswith("better on 30 and worse on 0 of 100 items, -30.0 points; the true difference is")
    assert result.sentence.endswith("better than the baseline by more than 0.10 (less is better): shown")
    assert against(better("hallucinated"), few, many).verdict is PASS
    assert against(better("hallucinated"), many, few).verdict is FAIL
    assert against(no_worse("hallucinated", 0.02), many, few).verdict is FAIL
    assert against(no_worse("hallucinated", 0.05), few, many).verdict is PASS
    assert threshold_of(no_worse("hallucinated", 0.05)) == 0.05
    undecided = against(no_worse("hallucinated", 0.05), many, marked({"correct": 62, "hallucinated": 38}))
    assert undecided.verdict is INSUFFICIENT
    assert undecided.needed_n is not None
    assert [is_less_better(metric) for metric in ("mean", "abstained", "usd_per_1k")] == [False, True, True]


F1 = {("a", "a"): 80, ("a", "b"): 10, ("b", "b"): 50, ("b", "a"): 10, ("c", "c"): 40, ("c", "(none)"): 10}


def test_f1_of_classes() -> None:
    of_a, of_b, of_c = 2 * 80 / (90 + 90), 2 * 50 / (60 + 60), 2 * 40 / (50 + 40)
    macro = alone(Condition(metric="macro_f1", min=0.8, confidence=0.95), classes(F1))
    assert macro.observed == pytest.approx((of_a + of_b + of_c) / 3)
    assert macro.verdict is PASS
    assert "macro-F1 0.870 over 200 items; the true macro-F1 is between 0.8" in macro.sentence
    one = alone(Condition(metric="f1[c]", min=0.95, confidence=0.95), classes(F1))
    assert (one.verdict, one.observed) == (FAIL, pytest.approx(of_c))
    assert one.sentence.startswith("F1 of c 0.889 over 200 items")
    assert alone(Condition(metric="f1[c]", min=0.8), classes(F1)).verdict is PASS
    short = alone(Condition(metric="macro_f1", min=0.86, confidence=0.95), classes(F1))
    assert short.verdict is INSUFFICIENT
    assert short.needed_n is not None
    assert short.needed_n > 1000


@pytest.mark.parametrize(
    ("metric", "answers", "why"),
    [
        ("macro_f1", scored([1.0, 0.0]), "macro_f1 needs a grader of type label"),
        ("f1[z]", classes(F1), "no item's reference is the class z"),
        ("f1[\x1b]", classes(F1), "no item's reference is the class \\x1b"),
        ("macro_f1", [answer(0, None, expected="a")], "1 of 1 items have no score"),
    ],
)
def test_f1_of_what_has_no_classes_is_an_error(metric: str, answers: list[ItemScore], why: str) -> None:
    result = alone(Condition(metric=metric, min=0.5), answers)
    assert (result.verdict, result.sentence) == (ERROR, why)


def test_all_classes_right_is_no_certainty() -> None:
    """The bootstrap of perfect answers has no width: the rarest class may still be missed where nobody looked."""
    answers = classes({("a", "a"): 40, ("b", "b"): 4})
    result = alone(Condition(metric="macro_f1", min=0.9, confidence=0.95), answers)
    assert (result.verdict, result.observed) == (INSUFFICIENT, 1.0)
    assert result.low is not None
    assert 0.6 < result.low < 0.8
    few = alone(Condition(metric="macro_f1", min=0.1, confidence=0.95), classes({("a", "a"): 29}))
    assert (few.verdict, few.needed_n) == (INSUFFICIENT, 30)
    assert "29 items are too few to be resampled: 30 at least" in few.sentence


def test_f1_against_a_baseline() -> None:
    worse = [answer(row, 0.0, expected=one.expected, mark="b") for row, one in enumerate(classes(F1))]
    result = against(better("macro_f1", 0.2), classes(F1), worse)
    assert (result.verdict, result.mcnemar_p) == (PASS, None)
    assert result.sentence.startswith("a difference in macro-F1 of +0.717 over 200 items")
    assert against(better("macro_f1"), worse, classes(F1)).verdict is FAIL
    assert against(no_worse("f1[a]", 0.1), classes(F1), classes(F1)).verdict is PASS


def timed(times: Sequence[int], **more: object) -> list[ItemScore]:
    return [answer(row, milliseconds=time, **more) for row, time in enumerate(times)]


def test_the_percentile_of_times_is_bounded_by_times_that_were_seen() -> None:
    answers = timed(range(1, 1001))
    result = alone(Condition(metric="latency_p95_ms", max=970, confidence=0.95), answers)
    assert (result.verdict, result.observed) == (PASS, 950.0)
    assert wilson_of_mean(0.962, 1000, 0.95).low < 0.95 <= wilson_of_mean((result.high or 0) / 1000, 1000, 0.95).low
    assert result.sentence == (
        "95 % of the answers to 1000 items took at most 950 ms; the true 95th percentile is between "
        f"{result.low:.0f} ms and {result.high:.0f} ms; 970 ms is kept"
    )
    tight = alone(Condition(metric="latency_p95_ms", max=960, confidence=0.95), answers)
    assert tight.verdict is INSUFFICIENT
    assert tight.needed_n is not None
    assert 1_700 < tight.needed_n < 1_900
    assert alone(Condition(metric="latency_p95_ms", max=940, confidence=0.95), answers).verdict is FAIL
    assert alone(Condition(metric="latency_p95_ms", min=900, confidence=0.95), answers).verdict is PASS
    assert alone(Condition(metric="latency_p95_ms", max=950), answers).verdict is PASS


def test_few_times_bound_nothing_above() -> None:
    few = alone(Condition(metric="latency_p95_ms", max=10_000, confidence=0.95), timed(range(1, 73)))
    assert (few.verdict, few.high, few.needed_n) == (INSUFFICIENT, None, 73)
    assert "with so few answers nothing bounds it above" in few.sentence
    assert alone(Condition(metric="latency_p95_ms", max=10_000, confidence=0.95), timed(range(1, 74))).verdict is PASS


def test_clusters_of_times_count_less() -> None:
    answers = [answer(row, milliseconds=row, cluster=f"{row // 10:016x}") for row in range(1000)]
    apart = alone(Condition(metric="latency_p95_ms", max=970, confidence=0.95), timed(range(1000)))
    together = alone(Condition(metric="latency_p95_ms", max=970, confidence=0.95), answers)
    assert (apart.verdict, together.verdict) == (PASS, INSUFFICIENT)


def test_times_against_a_baseline() -> None:
    fast, slow = timed(range(1, 501)), timed([time + 300 for time in range(1, 501)])
    result = against(better("latency_p95_ms", 200), fast, slow)
    assert (result.verdict, result.observed, result.threshold) == (PASS, -300.0, -200)
    assert result.sentence.startswith("a difference of -300 ms in the 95th percentile over 500 items")
    assert against(better("latency_p95_ms"), slow, fast).verdict is FAIL
    assert against(better("latency_p95_ms", 1, None), fast, slow).verdict is PASS
    few = against(no_worse("latency_p95_ms", 100), fast[:50], fast[:50])
    assert (few.verdict, few.high) == (INSUFFICIENT, None)
    assert "not bounded by so few answers" in few.sentence
    assert few.needed_n is not None


def costing(*tokens: tuple[int, int]) -> list[ItemScore]:
    return [answer(row, input_tokens=read, output_tokens=written) for row, (read, written) in enumerate(tokens)]


def test_costs_are_tokens_by_prices() -> None:
    answers = costing(*((1_000 + row, 100) for row in range(100)))
    result = alone(Condition(metric="usd_per_1k", max=0.6, confidence=0.95), answers, price=MINI)
    assert result.observed == pytest.approx(0.4 * 1.0495 + 1.6 * 0.1)
    assert result.verdict is PASS
    assert result.sentence.startswith("$0.5798 per 1,000 requests over 100 items; the true cost is between $0.57")
    assert alone(Condition(metric="usd_per_1k", max=0.6), answers).sentence == (
        "usd_per_1k needs the model's price of input and output tokens: state it for the backend"
    )
    free = alone(Condition(metric="usd_per_1k", max=0.0), answers, price=Price(input=0.0, output=0.0))
    assert (free.verdict, free.observed) == (PASS, 0.0)


def test_costs_against_a_baseline_are_each_by_its_own_price() -> None:
    short, long = costing(*[(100, 10)] * 40), costing(*[(1_000, 10)] * 40)
    tuned, untuned = Reading(price=Price(input=0.8, output=3.2)), Reading(price=MINI)
    result = judge(better("usd_per_1k"), short, long, seed=1, reading=tuned, baseline_reading=untuned)
    assert (result.verdict, result.observed) == (PASS, pytest.approx(0.112 - 0.416))
    assert result.sentence.startswith("a difference of -$0.3040 per 1,000 requests over 40 items")
    assert judge(better("usd_per_1k"), short, long, seed=1, reading=tuned).verdict is ERROR


def choices(won: int, tied: int, lost: int) -> list[ItemScore]:
    return scored([1.0] * won + [0.5] * tied + [0.0] * lost)


def test_choices_between_two_models() -> None:
    alone_won = judge_choices(Condition(metric="win_rate", min=0.5, confidence=0.95), choices(60, 10, 30), seed=1)
    assert (alone_won.verdict, alone_won.observed) == (PASS, 0.65)
    assert alone_won.sentence.startswith("65.0 % won over 100 items, ties by half; the true rate is between 55.3 %")
    paired = judge_choices(better("win_rate"), choices(60, 10, 30), seed=1)
    table = PairedTable(both=0, only_first=60, only_second=30, neither=10)
    assert (paired.verdict, paired.observed, paired.low) == (PASS, 0.3, paired_interval(table, 0.95).low)
    assert paired.sentence.startswith("won 60 and lost 30 of 100 items, +30.0 points; the true difference is between")
    assert judge_choices(better("win_rate"), choices(5, 10, 0), seed=1).verdict is INSUFFICIENT
    assert judge_choices(better("win_rate"), [], seed=1).verdict is INSUFFICIENT
    assert judge_choices(better("win_rate"), scored([0.7]), seed=1).verdict is ERROR
    assert judge(better("win_rate"), scored([1.0]), scored([0.0]), seed=1).verdict is ERROR


def test_choices_made_several_times_are_units_of_their_items() -> None:
    twice = [answer(row, score, repeat=repeat) for row in range(40) for repeat, score in enumerate((1.0, 0.5))]
    result = judge_choices(better("win_rate", 0.2), twice, seed=1)
    assert (result.verdict, result.observed, result.mcnemar_p) == (PASS, 0.5, None)
    assert "a difference in wins less losses of +0.500 over 40 items" in result.sentence
    assert judge_choices(better("win_rate", 0.2, None), twice, seed=1).verdict is PASS


def repeated(rows: int, scores: Sequence[float]) -> list[ItemScore]:
    return [answer(row, score, repeat=repeat) for row in range(rows) for repeat, score in enumerate(scores)]


def test_repeats_are_no_further_items() -> None:
    """34 items right three times over are 34 items: Wilson's 102 answers would have cleared 0.9."""
    condition = Condition(min=0.9, confidence=0.95)
    result = alone(condition, repeated(34, (1.0, 1.0, 1.0)))
    assert (result.verdict, result.n) == (INSUFFICIENT, 34)
    assert alone(condition, repeated(40, (1.0, 1.0, 1.0))).verdict is PASS
    few = alone(Condition(min=0.1, confidence=0.95), repeated(29, (1.0, 1.0)))
    assert (few.verdict, few.needed_n) == (INSUFFICIENT, 30)


def test_the_spread_of_repeats_is_told() -> None:
    result = alone(Condition(min=0.4, confidence=0.95), repeated(60, (1.0, 0.0, 1.0)))
    assert result.sentence.startswith(
        "66.7 % right over 60 items; asked 3 times, 100.0 % of the items scored differently (standard deviation 0.471)"
    )


def test_repeats_are_never_compared_by_mcnemar() -> None:
    result = against(better(), repeated(50, (1.0, 1.0)), repeated(50, (0.0, 1.0)))
    assert (result.verdict, result.mcnemar_p, result.observed) == (PASS, None, 0.5)


def test_clusters_are_the_units() -> None:
    apart = scored([1.0] * 36 * 5)
    together = [answer(row, 1.0, cluster=f"{row % 36:016x}") for row in range(36 * 5)]
    condition = Condition(min=0.95, confidence=0.95)
    assert alone(condition, apart).verdict is PASS
    result = alone(condition, together)
    assert (result.verdict, result.n) == (INSUFFICIENT, 180)
    assert result.sentence.startswith("100.0 % right over 180 items in 36 clusters; the true rate is between 9")
    # 72 clusters show 0.95 (0.025^(1/72) = 0.95), of five items each.
    assert result.needed_n == pytest.approx(72 * 5, abs=10)
    enough = [answer(row, 1.0, cluster=f"{row % 80:016x}") for row in range(80 * 5)]
    assert alone(condition, enough).verdict is PASS


def test_fewer_than_thirty_clusters_are_no_evidence() -> None:
    answers = [answer(row, 1.0, cluster=f"{row % 29:016x}") for row in range(2_900)]
    result = alone(Condition(min=0.1, confidence=0.95), answers)
    assert (result.verdict, result.needed_n) == (INSUFFICIENT, 3_000)
    assert "29 clusters are too few to be resampled" in result.sentence
    alike = against(no_worse("mean", 0.5), answers, answers)
    assert alike.verdict is INSUFFICIENT


def test_scores_are_scaled_by_what_a_grader_can_give() -> None:
    assert score_bounds({"type": "score_model", "range": [1, 5]}) == (1.0, 5.0)
    assert score_bounds({"type": "score_model"}) == (0.0, 1.0)
    assert score_bounds({"type": "python"}) == (0.0, 1.0)
    answers = scored([4.0, 5.0] * 30)
    result = alone(Condition(min=4.0, confidence=0.95), answers, bounds=(1.0, 5.0))
    formula = wilson_of_mean((4.5 - 1) / 4, 60, 0.95)
    assert result.low == pytest.approx(1 + 4 * formula.low)
    assert result.verdict is PASS
    short = alone(Condition(min=4.4, confidence=0.95), answers, bounds=(1.0, 5.0))
    assert short.verdict is INSUFFICIENT
    assert short.needed_n is not None
    many = scored([4.0, 5.0] * math.ceil(short.needed_n / 2))
    assert alone(Condition(min=4.4, confidence=0.95), many, bounds=(1.0, 5.0)).verdict is PASS


def test_scores_that_nothing_bounds_have_no_interval() -> None:
    answers = scored([-2.0, 7.5] * 20)
    result = alone(Condition(min=1.0, confidence=0.95), answers)
    assert result.verdict is ERROR
    assert result.sentence.startswith("scores from -2 to 7.5 are outside of 0 to 1: nothing bounds their mean")
    assert against(better(), answers, scored([0.5] * 40)).verdict is ERROR
    assert alone(Condition(min=1.0), answers).verdict is PASS
    assert alone(Condition(metric="pass_rate", min=0.3, confidence=0.95), answers, pass_threshold=7.0).verdict is PASS


@pytest.mark.parametrize(("k", "verdict"), [(1, PASS), (3, INSUFFICIENT)])
def test_one_of_several_models_is_judged_more_strictly(k: int, verdict: Verdict) -> None:
    answers = scored([1.0] * 37)
    result = judge(Condition(min=0.9, confidence=0.95), answers, None, seed=1, compared=k)
    assert result.verdict is verdict
    expected = wilson(37, 37, 1 - 0.05 / k)
    assert result.low == pytest.approx(expected.low)
    assert ("judged at 98.3 %, because these items chose one of 3 models" in result.sentence) == (k == 3)
    assert stricter(None, 3) is None
    assert judge(Condition(min=0.9), answers, None, seed=1, compared=k).verdict is PASS
    assert judge_choices(better("win_rate"), choices(8, 30, 1), seed=1, compared=k).verdict is verdict


def test_a_p_below_every_float_is_said_so() -> None:
    result = against(better(), scored([1.0] * 1_900), scored([0.0] * 1_900))
    assert "exact McNemar p < 1e-300" in result.sentence


@pytest.mark.parametrize(
    ("condition", "scores"),
    [
        (Condition(min=0.83, confidence=0.95), [0.8, 0.9, 0.85] * 20),
        (Condition(max=0.9, confidence=0.95), [0.8, 0.9, 0.85] * 20),
    ],
)
def test_as_many_items_as_are_said_to_be_needed_are_enough(condition: Condition, scores: list[float]) -> None:
    result = alone(condition, scored(scores))
    assert result.verdict is INSUFFICIENT
    assert result.needed_n is not None
    many = scored((scores * (result.needed_n // len(scores) + 2))[: result.needed_n + 3])
    assert alone(condition, many).verdict is PASS
    fewer = scored((scores * result.needed_n)[: round(result.needed_n * 0.9)])
    assert alone(condition, fewer).verdict is INSUFFICIENT


def test_as_many_pairs_as_are_said_to_be_needed_are_enough() -> None:
    first, second = [0.9, 0.7, 0.8, 0.6], [0.8, 0.7, 0.6, 0.65]
    result = against(better("mean", 0.02), scored(first * 10), scored(second * 10))
    assert (result.verdict, result.observed) == (INSUFFICIENT, pytest.approx(0.0625))
    assert result.needed_n is not None
    times = math.ceil(result.needed_n * 1.1 / 4)
    assert against(better("mean", 0.02), scored(first * times), scored(second * times)).verdict is PASS
    times = math.floor(result.needed_n * 0.85 / 4)
    assert against(better("mean", 0.02), scored(first * times), scored(second * times)).verdict is INSUFFICIENT


@pytest.mark.parametrize("bounds", [(-10.0, 1.0), (0.0, 5.0)])
def test_zeros_and_ones_of_a_wider_range_are_no_passes(bounds: tuple[float, float]) -> None:
    """Fifty answers worth 1 say little of a mean that a hundredth of -10 would bring down: 3 of 5 such gates would pass."""
    ones = scored([1.0] * 50)
    result = alone(Condition(min=0.89, confidence=0.95), ones, bounds=bounds)
    low, high = bounds
    formula = wilson_of_mean((1 - low) / (high - low), 50, 0.95)
    assert result.low == pytest.approx(low + formula.low * (high - low))
    assert result.verdict is INSUFFICIENT
    assert result.sentence.startswith("mean 1.000 over 50 items")
    read = Reading(bounds=bounds)
    result = judge(no_worse("mean", 0.11), ones, ones, seed=1, reading=read, baseline_reading=read)
    assert (result.verdict, result.mcnemar_p) == (INSUFFICIENT, None)


def test_zeros_and_ones_by_a_threshold_are_passes_whatever_the_range() -> None:
    result = alone(
        Condition(metric="pass_rate", min=0.9, confidence=0.95),
        scored([4.0] * 50),
        bounds=(1.0, 5.0),
        pass_threshold=4.0,
    )
    assert (result.verdict, result.low) == (PASS, wilson(50, 50, 0.95).low)


@pytest.mark.parametrize("scores", [[1e308] * 40, [1e308, -1e308] * 20, [0.5] * 20 + [math.nan] + [0.4] * 20])
def test_scores_that_have_no_mean_end_in_an_error_in_words(scores: list[float]) -> None:
    for condition in (Condition(min=0.5), Condition(min=0.5, confidence=0.95), better(), better(confidence=None)):
        answers = scored(scores)
        result = judge(condition, answers, answers if condition.baseline else None, seed=1)
        assert (result.verdict, result.observed) == (ERROR, None)
        assert "not within ±1e+100" in result.sentence
    assert alone(Condition(metric="pass_rate", min=0.5), scored([1e308] * 40), pass_threshold=1.0).verdict is PASS


LABEL, OUTCOME, CALLS = {"type": "label"}, {"type": "outcome"}, {"type": "tool_call"}


@pytest.mark.parametrize(
    ("metric", "grader", "why"),
    [
        ("hallucinated", OUTCOME, None),
        ("abstained", LABEL, "abstained needs a grader of type outcome"),
        ("macro_f1", LABEL, None),
        ("macro_f1", {"type": "label_model"}, "macro_f1 needs a grader of type label"),
        ("f1[a]", {"type": "numeric"}, "f1[a] needs a grader of type label"),
        ("f1[a]", LABEL, None),
        ("f1[a]", {**LABEL, "labels": ["a", "b"]}, None),
        ("f1[a]", {**LABEL, "labels": ["A", "b"]}, "a is none of the grader's labels"),
        ("f1[a]", {**LABEL, "labels": "no list"}, None),
        ("macro_f1", {"type": "multi", "graders": {"a": LABEL, "b": {"type": "numeric"}}}, None),
        ("macro_f1", {"type": "multi", "graders": [LABEL, CALLS, "x"]}, "macro_f1 needs a grader of type label"),
        ("macro_f1", {"type": "multi", "graders": 3}, "macro_f1 needs a grader of type label"),
        ("macro_f1", {"type": ["label"]}, "macro_f1 needs a grader of type label"),
        ("accuracy", {"type": "scorecard"}, "accuracy needs a pass_threshold in a grader of type scorecard"),
        ("pass_rate", {"type": "text_similarity", "pass_threshold": 0.5}, None),
        ("accuracy", {"type": "score_model"}, None),
        ("mean", {"type": "text_similarity"}, None),
        ("usd_per_1k", {"type": "scorecard"}, None),
    ],
)
def test_what_a_grader_never_has(metric: str, grader: dict[str, object], why: str | None) -> None:
    assert why_never(metric, grader) == why


@pytest.mark.parametrize(("n", "kinds"), [(99, 3), (399, 3), (200, 10)])
def test_a_class_that_was_never_missed_may_be_given_as_another(n: int, kinds: int) -> None:
    """All right is seen in 2.5 % of evaluations of a model that gives so many items of the one class as the other."""
    answers = classes({(f"{kind:02}", f"{kind:02}"): n // kinds for kind in range(kinds)})
    share = 1 / kinds
    missed = 1 - 0.025 ** (1 / n)
    first, second = (share - missed) / (share - missed / 2), share / (share + missed / 2)
    true = (first + second + kinds - 2) / kinds
    hair = 0.1 * (1 - true)
    result = alone(Condition(metric="macro_f1", min=true + hair, confidence=0.95), answers)
    assert result.verdict is INSUFFICIENT
    assert result.low == pytest.approx(true, abs=hair)


def test_f1_of_one_class_falls_by_what_other_classes_are_given_as_it() -> None:
    """Nine items are of the class, and 91 might be given as it."""
    answers = classes({("rare", "rare"): 9, ("other", "other"): 91})
    result = alone(Condition(metric="f1[rare]", min=0.5, confidence=0.95), answers)
    assert result.low == pytest.approx(18 / (18 + 100 * (1 - 0.025**0.01)), abs=0.05)
