"""What a condition's result says, in a sentence for people. Owns the words, never the verdict."""

from ftops.domain.judgement import Verdict
from ftops.domain.manifest import Condition, Test
from ftops.evaluation.intervals import Interval, PairedTable


def describe_value(
    condition: Condition,
    *,
    verdict: Verdict,
    observed: float,
    n: int,
    interval: Interval | None,
    needed_n: int | None,
    is_pass_fail: bool,
) -> str:
    """Says what a min or max condition came to: "117 of 120 right; the true rate is between 92.9 % and 99.1 %; …"."""
    if is_pass_fail:
        word = "passed" if condition.metric == "pass_rate" else "right"
        parts = [f"{round(observed * n)} of {n} {word}"]
        if interval is not None:
            parts.append(f"the true rate is between {_percent(interval.low)} and {_percent(interval.high)}")
    else:
        parts = [f"mean {observed:.3f} over {_items(n)}"]
        if interval is not None:
            parts.append(f"the true mean is between {interval.low:.3f} and {interval.high:.3f}")
    return "; ".join([*parts, _of_value(condition, verdict, needed_n)])


def _of_value(condition: Condition, verdict: Verdict, needed_n: int | None) -> str:
    is_min = condition.min is not None
    threshold = _number(condition.min if condition.min is not None else condition.max or 0.0)
    if verdict is Verdict.PASS:
        return f"{threshold} is {'cleared' if is_min else 'kept'}"
    if verdict is Verdict.FAIL:
        return f"that is {'below' if is_min else 'above'} {threshold}"
    goal = f"that it {'reaches' if is_min else 'stays within'} {threshold} is not shown"
    return f"{goal}{_evidence(needed_n)}"


def describe_difference(
    condition: Condition,
    *,
    verdict: Verdict,
    observed: float,
    n: int,
    interval: Interval | None,
    needed_n: int | None,
    table: PairedTable | None,
    mcnemar_p: float | None,
) -> str:
    """Says what a comparison with a baseline came to, in percentage points for pass/fail scores."""
    if table is not None:
        better, worse = round(table.only_first), round(table.only_second)
        parts = [f"better on {better} and worse on {worse} of {_items(n)}, {_points(observed)} points"]
    else:
        parts = [f"a mean difference of {observed:+.3f} over {_items(n)}"]
    if interval is not None:
        low, high = (
            (_points(interval.low), _points(interval.high))
            if table is not None
            else (f"{interval.low:+.3f}", f"{interval.high:+.3f}")
        )
        parts.append(f"the true difference is between {low} and {high}")
    if mcnemar_p is not None:
        parts.append(f"exact McNemar p = {mcnemar_p:.2g}")
    return "; ".join([*parts, _of_difference(condition, verdict, needed_n)])


def _of_difference(condition: Condition, verdict: Verdict, needed_n: int | None) -> str:
    margin = _number(condition.margin)
    if condition.test is Test.NON_INFERIORITY:
        claim = f"no worse than the baseline by more than {margin}"
    else:
        claim = f"better than the baseline by more than {margin}" if condition.margin else "better than the baseline"
    if verdict is Verdict.PASS:
        return f"{claim}: shown"
    if verdict is Verdict.FAIL:
        return f"{claim}: it is not"
    return f"{claim}: not shown{_evidence(needed_n)}"


def _evidence(needed_n: int | None) -> str:
    if needed_n is None:
        return ", and no number of items would show it at this value"
    return f": it would take about {needed_n} items at this value"


def _items(n: int) -> str:
    return f"{n} item{'' if n == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _number(value: float) -> str:
    short = f"{value:.2f}"
    return short if float(short) == value else repr(value)
