"""Plans and outcomes as Markdown: the same words as text, nothing of a stranger's but in code, and cut where it is long."""

import dataclasses
import os
from functools import cache
from pathlib import Path

import pytest

from ftops.cli.comment_body import COMMENT_LIMIT, Told, comment_text, summary_text
from ftops.cli.plan_words import summary_words
from ftops.cli.render_markdown import plan_page, render_markdown
from ftops.cli.render_markdown_outcome import outcome_page, outcome_summary
from ftops.cli.render_text import summary
from ftops.domain.dataset_changes import DatasetChange, RowChanges
from ftops.domain.dataset_findings import DatasetFinding
from ftops.domain.guard import refuse_run
from ftops.domain.plan import FieldChange, Plan
from ftops.domain.plan_json import plan_to_json
from ftops.domain.plan_reading import plan_from_json
from ftops.domain.planner import build_plan
from hostile_plans import REVISION, hostile_outcome, hostile_plan
from hostile_texts import HOSTILE, runner_commands, terminal_tricks
from markdown_reader import read_markdown
from plan_cases import read_case

CASES = Path(__file__).parents[2] / "plans"
NAMES = sorted(path.name for path in CASES.iterdir() if (path / "desired.yaml").exists())
# Cases whose Markdown is kept beside them, for people to read: one of each kind of box and table.
GOLDEN = (
    "budget-own",
    "choose-a-checkpoint",
    "lost-model-is-reported",
    "move-and-train",
    "nothing-to-do",
    "offline",
    "pin-unknown",
    "pin-withheld",
    "prune-beyond-keep",
    "retry-of-a-lost-model",
    "running-is-deferred",
    "unknown-cost-refused",
    "withheld-insufficient-evidence",
)
RUN = "https://github.com/acme/support/actions/runs/42"


def planned(name: str) -> Plan | None:
    case = read_case(CASES / name)
    if refuse_run(case.desired, case.observed) is not None:
        return None
    return build_plan(case.desired, case.observed, case.policy, case.today)


def many(count: int) -> Plan:
    """The hostile plan's parts for so many fine-tunes."""
    one = hostile_plan("plain")
    one = dataclasses.replace(one, actions=one.actions[3:7])
    names = [f"router-{number:04}" for number in range(count)]
    parts = ("actions", "deferred", "withheld", "refusals", "blockers", "notices", "dataset_changes")
    spread = {
        part: tuple(dataclasses.replace(entry, fine_tune=name) for name in names for entry in getattr(one, part))
        for part in parts
    }
    return dataclasses.replace(one, **spread)


@pytest.mark.parametrize("name", sorted({*NAMES[::3], *GOLDEN}))
def test_a_plan_is_rendered_alike_from_memory_and_from_a_file(name: str) -> None:
    if (plan := planned(name)) is None:
        return
    text = render_markdown(plan)
    assert text == render_markdown(plan_from_json(plan_to_json(plan)))
    assert text.splitlines()[0] == f"### {summary(plan)}"
    reading = read_markdown(text)
    assert reading.strange == []
    assert (reading.tags.count("h3"), reading.comments) == (1, [])
    for action in plan.actions:
        assert action.fine_tune in "".join(reading.codes)
    for entry in (*plan.refusals, *plan.blockers, *plan.notices):
        assert all(word in text for word in entry.message.split() if word.isalpha())


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_markdown(name: str) -> None:
    plan = planned(name)
    assert plan is not None
    golden = CASES / name / "plan.md"
    if os.environ.get("FTOPS_REGENERATE_PLANS"):
        golden.write_text(render_markdown(plan), encoding="utf-8")
    assert render_markdown(plan) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_breaks_out(text: str) -> None:
    told = hostile_told(text)
    assert_harmless(text, commented(told), tame_shape())


@cache
def tame_shape() -> tuple[str, ...]:
    return tuple(read_markdown(commented(hostile_told("x-y"))).shape)


def commented(told: Told) -> str:
    return comment_text(told, run_url=RUN, has_summary=True)


def hostile_told(text: str) -> Told:
    """An outcome, and a plan below it: what remains to do would be the same plan once more."""
    outcome = dataclasses.replace(hostile_outcome(text), remaining=None)
    return Told(project="acme", plan=hostile_plan(text), outcome=outcome)


def assert_harmless(text: str, markdown: str, tame: tuple[str, ...]) -> None:
    reading = read_markdown(markdown)
    assert reading.strange == []
    assert reading.comments == [" ftops:acme "]
    assert markdown.startswith("<!-- ftops:acme -->\n### ")
    assert markdown.count("<!--") == 1 + sum(code.count("<!--") for code in reading.codes)
    assert runner_commands(markdown) == []
    assert terminal_tricks(markdown) == []
    is_cut = "Left out here" in markdown
    if not is_cut and text:  # an empty remark is no line
        assert tuple(reading.shape) == tame


def test_what_hundreds_of_fine_tunes_need_is_cut_by_fine_tune() -> None:
    told = Told(project="acme", plan=many(300), outcome=None)
    text = commented(told)
    assert 40_000 < len(text.encode("utf-8")) <= COMMENT_LIMIT
    reading = read_markdown(text)
    assert reading.strange == []
    assert "Left out here for want of room" in text
    assert f"[The step summary of this run]({RUN})" in text
    assert text.count("<details>") == text.count("</details>")
    summary_of_step = summary_text(told, room=2**20)
    assert len(text) < len(summary_of_step.encode("utf-8")) <= 2**20
    lines = set(summary_of_step.splitlines())
    assert all(line in lines for line in text.splitlines() if line.startswith("> - "))


@pytest.mark.parametrize("limit", [1_500, 3_000, 5_000, 8_000, 12_000, 20_000])
def test_a_cut_page_holds_whole_items_alone(limit: int) -> None:
    page = plan_page(many(12))
    text = page.cut(limit, "elsewhere.")
    assert len(text.encode("utf-8")) <= limit
    assert read_markdown(text).strange == []
    whole = set(page.text().splitlines())
    assert {line for line in text.splitlines() if "Left out here" not in line} <= whole


def test_sections_that_matter_most_are_filled_first() -> None:
    text = plan_page(many(40)).cut(9_000, "elsewhere.")
    assert text.count("> - `router-") >= 40
    assert "<details>" not in text
    assert "details of 40 fine-tunes" in text


def test_one_that_is_too_long_does_not_cost_the_others_their_place() -> None:
    plan = many(6)
    changes = tuple(FieldChange(path=f"p{number}", old="b" * 1_900, new="c" * 1_900) for number in range(9))
    first, *others = plan.actions
    longest = (dataclasses.replace(first, changes=changes), *others)
    text = plan_page(dataclasses.replace(plan, actions=longest)).cut(25_000, "elsewhere.")
    assert "*Left out here for want of room: details of `router-0000`. elsewhere.*" in text
    assert text.count("<summary><code>router-") == 5


def test_what_there_is_no_room_for_is_no_summary() -> None:
    told = Told(project="acme", plan=many(3), outcome=None)
    for room in (0, 100, 400):
        assert summary_text(told, room=room) == ""
    assert 0 < len(summary_text(told, room=4_000).encode("utf-8")) <= 4_000


def test_the_rest_is_where_it_is_said_to_be() -> None:
    told = Told(project="acme", plan=many(80), outcome=None)
    for text, has in (
        (comment_text(told, run_url=RUN, has_summary=True), f" [The step summary of this run]({RUN}) has it.*"),
        (comment_text(told, run_url=None, has_summary=True), " The step summary of this run has it.*"),
        (comment_text(told, run_url=RUN, has_summary=False), " The saved plan has it.*"),
    ):
        assert has in text


def test_a_page_that_fits_says_nothing_of_a_cut() -> None:
    plan = hostile_plan("x")
    assert plan_page(plan).cut(10**6, "") == plan_page(plan).text()


def test_an_outcome_says_what_came_of_it() -> None:
    outcome = hostile_outcome("x")
    assert outcome_summary(outcome) == (
        "Apply: 1 trained, 1 evaluated, 2 promoted, 2 deleted, 1 withheld, 10 failed. A gate did not pass."
    )
    text = outcome_page(outcome).text()
    assert text.splitlines()[0] == f"### {outcome_summary(outcome)}"
    assert "> - The run ended: x\n>   → x" in text
    assert "can be trained now: an apply is due" in text
    assert "| `router` | `x`, mean 0.400 over 6 items | ❌ **fail** | x; the baseline is x (x) |" in text
    assert "| `router@x` | `x` | `0123456789ab` | `0123456789ab` |" in text


def test_the_summary_is_that_of_the_text() -> None:
    plan = hostile_plan("x")
    assert summary_words(plan) == summary(plan)


def test_what_changed_in_the_data_is_told_in_rows_tokens_and_dollars() -> None:
    changes = {"fine_tune": "router", "revision": REVISION, "since": REVISION}
    plan = dataclasses.replace(
        hostile_plan("queue"),
        dataset_changes=(
            DatasetChange(
                dataset="train", rows=RowChanges(added=12, removed=3, changed=0, tokens=-40, usd=-0.25), **changes
            ),
            DatasetChange(
                dataset="validation", rows=RowChanges(added=0, removed=0, changed=0, tokens=0, usd=0.001), **changes
            ),
            DatasetChange(dataset="evaluation", evaluation="queue", unknown="it was not kept", **changes),
        ),
        findings=(
            DatasetFinding(file="a.jsonl", code="D101", name="duplicate-example", level="warning", count=2, lines=(3,)),
            DatasetFinding(file="a.jsonl", code="D301", name="x", level="advice", count=4, lines=(0,)),
        ),
    )
    text = render_markdown(plan)
    assert f"| train | `{REVISION}` | 12 added, 3 removed | −40 | −$0.25 |" in text
    assert f"| validation | `{REVISION}` | the same, in another order or spelling | +0 | under $0.01 |" in text
    assert f"| evaluation `queue` | `{REVISION}` | it was not kept |  |  |" in text
    assert "<summary>Found in the data: 1 kind of warning, advice</summary>" in text
    assert "- `a.jsonl:3`: D101 duplicate-example, 2 rows" in text
    assert "- 4 pieces of advice: `ftops data check` tells" in text


def test_there_is_no_page_of_nothing() -> None:
    with pytest.raises(ValueError, match="neither a plan nor an outcome"):
        commented(Told(project="acme", plan=None, outcome=None))
    assert commented(Told(project="acme", plan=None, outcome=hostile_outcome("x"))).count("### ") == 1


def test_a_sign_stands_beside_its_step() -> None:
    text = render_markdown(hostile_plan("x"))
    for step in ("~&nbsp;rename", "&lt;&nbsp;adopt", "-&nbsp;cancel", "+&nbsp;train", "~&nbsp;promote"):
        assert f"\n| {step} |" in text
    steps = [line for line in text.splitlines() if "&nbsp;" in line]
    assert len(steps) == len(hostile_plan("x").actions)
