"""What a condition's result says, in a sentence for people. Owns the words, never the verdict."""

from ftops.domain.foreign_text import visible
from ftops.domain.judgement import Verdict
from ftops.domain.manifest import Condition, Test
from ftops.evaluation.evidence import Evidence
from ftops.evaluation.intervals import Interval
from ftops.evaluation.metrics import is_less_better, label_of
from ftops.evaluation.reports import spread_of
from ftops.evaluation.units import Unit

_PASSED = {"pass_rate": "passed", "abstained": "abstained", "hallucinated": "hallucinated", "win_rate": "won"}
# Below this a float tells nothing but that it is small.
_SMALLEST_P = 1e-300


def describe(
    condition: Condition,
    evidence: Evidence,
    *,
    verdict: Verdict,
    needed_n: int | None,
    likely_n: int | None = None,
    stricter: float | None = None,
    compared: int = 1,
) -> str:
    """Says what a condition came to: "117 of 120 right; the true rate is between 92.9 % and 99.1 %; 0.90 is cleared".

    ``needed_n`` items would show it at this value, with ``likely_n`` four of five evaluations would.
    ``stricter`` is the confidence that one of ``compared`` models is judged at, where it was chosen by these items.
    """
    is_alone = condition.baseline is None
    parts = _value(condition, evidence) if is_alone else _difference(condition, evidence)
    if not evidence.is_enough:
        units = len(evidence.sample.units)
        what = "cluster" if evidence.sample.unit is Unit.CLUSTER else "item"
        parts.append(f"{_count(units, what)} {'are' if units != 1 else 'is'} too few to be resampled: 30 at least")
    if stricter is not None:
        parts.append(f"judged at {_percent(stricter)}, because these items chose one of {compared} models")
    claim = _claim_of_value if is_alone else _claim_of_difference
    return "; ".join([*parts, claim(condition, verdict, _evidence(needed_n, likely_n))])


def _value(condition: Condition, evidence: Evidence) -> list[str]:
    metric, n = condition.metric, _over(evidence)
    word = _PASSED.get(metric, "right")
    match metric:
        case "latency_p95_ms":
            said, of = f"95 % of the answers to {n} took at most {_ms(evidence.observed)}", "95th percentile"
        case "usd_per_1k":
            said, of = f"{_usd(evidence.observed)} per 1,000 requests over {n}", "cost"
        case _ if evidence.is_pass_fail and evidence.sample.unit is Unit.ITEM:
            said, of = f"{round(evidence.observed * evidence.sample.n)} of {evidence.sample.n} {word}", "rate"
        case _ if evidence.is_pass_fail:
            said, of = f"{_percent(evidence.observed)} {word} over {n}", "rate"
        case "win_rate":
            said, of = f"{_percent(evidence.observed)} won over {n}, ties by half", "rate"
        case _:
            said, of = f"{_name(metric)} {evidence.observed:.3f} over {n}", _name(metric)
    parts = [said, *_spread(evidence)]
    if evidence.interval is not None:
        parts.append(f"the true {of} is {_between(metric, evidence.interval, is_rate=of == 'rate')}")
    return parts


def _between(metric: str, interval: Interval, *, is_rate: bool) -> str:
    ends = (interval.low, interval.high)
    if metric == "latency_p95_ms":
        if interval.high == float("inf"):
            return f"at least {_ms(interval.low)}, and with so few answers nothing bounds it above"
        low, high = (_ms(end) for end in ends)
    elif metric == "usd_per_1k":
        low, high = (_usd(end) for end in ends)
    else:
        low, high = (_percent(end) if is_rate else f"{end:.3f}" for end in ends)
    return f"between {low} and {high}"


def _spread(evidence: Evidence) -> list[str]:
    """With repeats, how much answers to the same item differ among themselves."""
    spread = spread_of([answer for repeats in evidence.sample.candidate for answer in repeats])
    if spread is None:
        return []
    varying = f"{_percent(spread.varying)} of the items"
    return [f"asked {spread.repeats} times, {varying} scored differently (standard deviation {spread.deviation:.3f})"]


def _claim_of_value(condition: Condition, verdict: Verdict, missing: str) -> str:
    is_min = condition.min is not None
    threshold = _asked(condition.metric, condition.min if condition.min is not None else condition.max or 0.0)
    if verdict is Verdict.PASS:
        return f"{threshold} is {'cleared' if is_min else 'kept'}"
    if verdict is Verdict.FAIL:
        return f"that is {'below' if is_min else 'above'} {threshold}"
    goal = f"that it {'reaches' if is_min else 'stays within'} {threshold} is not shown"
    return f"{goal}{missing}"


def _difference(condition: Condition, evidence: Evidence) -> list[str]:
    metric, table = condition.metric, evidence.table
    observed = _signed(metric, evidence.observed, is_rate=evidence.is_pass_fail)
    if table is not None:
        word = {"win_rate": ("won", "lost")}.get(metric, ("better", "worse"))
        first, second = round(table.only_first), round(table.only_second)
        if is_less_better(metric):
            first, second = second, first
        on = " " if metric == "win_rate" else " on "
        said = f"{word[0]}{on}{first} and {word[1]}{on}{second} of {_over(evidence)}, {observed} points"
    elif metric == "latency_p95_ms":
        said = f"a difference of {observed} in the 95th percentile over {_over(evidence)}"
    elif metric == "usd_per_1k":
        said = f"a difference of {observed} per 1,000 requests over {_over(evidence)}"
    else:
        of = "mean difference" if metric == "mean" else f"difference in {_name(metric)}"
        said = f"a {of} of {observed} over {_over(evidence)}"
    parts = [said]
    if evidence.interval is not None:
        low, high = (
            _signed(metric, x, is_rate=table is not None) for x in (evidence.interval.low, evidence.interval.high)
        )
        is_bounded = abs(evidence.interval.low) + abs(evidence.interval.high) < float("inf")
        between = f"between {low} and {high}" if is_bounded else "not bounded by so few answers"
        parts.append(f"the true difference is {between}")
    if evidence.mcnemar_p is not None:
        parts.append(f"exact McNemar p {_p(evidence.mcnemar_p)}")
    return parts


def _signed(metric: str, value: float, *, is_rate: bool) -> str:
    if metric == "latency_p95_ms":
        return f"{value:+,.0f} ms"
    if metric == "usd_per_1k":
        return f"{'-' if value < 0 else '+'}{_usd(abs(value))}"
    return f"{100 * value:+.1f}" if is_rate else f"{value:+.3f}"


def _claim_of_difference(condition: Condition, verdict: Verdict, missing: str) -> str:
    margin = _asked(condition.metric, condition.margin)
    if condition.test is Test.NON_INFERIORITY:
        claim = f"no worse than the baseline by more than {margin}"
    else:
        claim = f"better than the baseline by more than {margin}" if condition.margin else "better than the baseline"
    if is_less_better(condition.metric):
        claim = f"{claim} (less is better)"
    if verdict is Verdict.PASS:
        return f"{claim}: shown"
    if verdict is Verdict.FAIL:
        return f"{claim}: it is not"
    return f"{claim}: not shown{missing}"


def _evidence(needed_n: int | None, likely_n: int | None) -> str:
    if needed_n is None:
        return ", and no number of items would show it at this value"
    says = f": it would take about {needed_n} items at this value"
    if likely_n is not None and likely_n > needed_n:
        says += f", and {likely_n} for four of five evaluations to pass if it is the true one"
    return says


def _over(evidence: Evidence) -> str:
    items = _count(evidence.sample.n, "item")
    if evidence.sample.unit is Unit.CLUSTER:
        return f"{items} in {_count(len(evidence.sample.units), 'cluster')}"
    return items


def _name(metric: str) -> str:
    label = label_of(metric)
    if label is not None:
        return f"F1 of {visible(label)}"
    return {"macro_f1": "macro-F1", "pass_rate": "pass rate", "win_rate": "wins less losses"}.get(metric, metric)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms"


def _usd(usd: float) -> str:
    return f"${usd:,.4f}"


def _p(p: float) -> str:
    return f"< {_SMALLEST_P:.0e}" if p < _SMALLEST_P else f"= {p:.2g}"


def _asked(metric: str, value: float) -> str:
    """A threshold or margin, in the metric's units."""
    match metric:
        case "latency_p95_ms":
            return _ms(value)
        case "usd_per_1k":
            return f"${value:g}"
        case _:
            return _number(value)


def _number(value: float) -> str:
    short = f"{value:.2f}"
    return short if float(short) == value else repr(value)
