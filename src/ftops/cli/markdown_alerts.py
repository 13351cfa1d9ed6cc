"""What a reviewer must see of a plan without unfolding anything: what is refused, withheld, waits, or has to be known.

Owns these boxes: alerts of GitHub (https://docs.github.com/get-started/writing-on-github, "Alerts"), which other readers of
Markdown show as quotes.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Final

from ftops.cli.markdown_page import Item, Section
from ftops.cli.markdown_text import code, prose
from ftops.cli.plan_words import lifting
from ftops.cli.render_judgement import in_words, measured_words
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.plan import Action, Plan, Withheld

SIGNS: Final = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.ERROR: "💥",
    Verdict.INSUFFICIENT_EVIDENCE: "⚠️",
}
NOT_MEASURED: Final = "not measured"


def refused(plan: Plan) -> Iterator[Section]:
    """Gives what the manifests must mend, and what guards refuse."""
    yield alert(
        "CAUTION",
        "To be mended",
        (
            Item(fine_tune=one.fine_tune, lines=(f"{code(one.fine_tune)}: {prose(one.message)}",))
            for one in plan.blockers
        ),
    )
    yield alert(
        "WARNING",
        "Refused",
        (
            Item(fine_tune=one.fine_tune, lines=(f"{code(one.fine_tune)}: {prose(one.message)}{_lifts(lifting(one))}",))
            for one in plan.refusals
        ),
    )


def stays_back(plan: Plan, *, told_below: Container[Judgement] = ()) -> Section:
    """Gives the promotions that gates do not allow, with what the gates say, unless that is told below."""
    items = (
        Item(
            fine_tune=one.fine_tune,
            lines=(_withheld(one), *(() if one.judgement in told_below else judgement_lines(one.judgement))),
        )
        for one in plan.withheld
    )
    return alert("WARNING", "Withheld by a gate", items)


def shut_out(plan: Plan) -> Iterator[Section]:
    """Gives what this plan could not look at, what waits, and the notices."""
    caveats = (Item(fine_tune=None, lines=(f"Caution: {prose(caveat)}",)) for caveat in plan.caveats)
    yield alert("IMPORTANT", "Not all could be looked at", caveats)
    yield waits(plan)
    notices = (
        Item(
            fine_tune=one.fine_tune,
            lines=(f"{f'{code(one.fine_tune)}: ' if one.fine_tune else '– '}{prose(one.message)}",),
        )
        for one in plan.notices
    )
    yield alert("NOTE", "Notices", notices)


def waits(plan: Plan, due: Iterable[Action] = ()) -> Section:
    """Gives what can't be done yet, and ``due``: what can now, by another apply."""
    waiting = [
        Item(
            fine_tune=one.fine_tune,
            lines=(f"{code(one.fine_tune)} ({code(one.revision)}): {prose(f'{one.what} waits for {one.waits_for}')}",),
        )
        for one in plan.deferred
    ]
    can_begin = [
        Item(
            fine_tune=one.fine_tune,
            lines=(f"{code(one.fine_tune)} ({code(one.revision)}) can be trained now: an apply is due",),
        )
        for one in due
    ]
    return alert("NOTE", "Deferred", [*waiting, *can_begin])


def alert(kind: str, title: str, items: Iterable[Item]) -> Section:
    """Gives a box of a list. The first line of each item is one of the list, the others hang below it."""
    boxed = tuple(
        Item(fine_tune=one.fine_tune, lines=(f"> - {one.lines[0]}", *(f">   {line}" for line in one.lines[1:])))
        for one in items
    )
    return Section(what=f"“{title}”", before=(f"> [!{kind}]", f"> **{title}**", ">"), items=boxed)


def judgement_lines(judgement: Judgement) -> Iterator[str]:
    """Gives a list: each evaluation, and below it each condition with its verdict and sentence."""
    for judged in judgement.evals:
        yield f"- {code(judged.name)}: {prose(measured_words(judged))}"
        if judged.error:
            yield f"  - {SIGNS[Verdict.ERROR]} **error**: {prose(judged.error)}"
        for result in judged.conditions:
            yield f"  - {verdict_words(result.verdict, is_shadow=not result.is_enforced)}: {prose(in_words(result))}"


def verdict_words(verdict: Verdict | None, *, is_shadow: bool = False) -> str:
    """Gives a verdict with its sign."""
    if verdict is None:
        return NOT_MEASURED
    return f"{SIGNS[verdict]} **{verdict.value.replace('_', ' ')}**{' (shadow)' if is_shadow else ''}"


def _withheld(entry: Withheld) -> str:
    said = verdict_words(entry.judgement.verdict)
    return f"{code(entry.fine_tune)}: {code(entry.alias)} does not move to {code(entry.revision)}: {said}"


def _lifts(how: str) -> str:
    return f" ({code(how)} lifts it)" if how else ""
