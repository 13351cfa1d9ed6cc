"""Whatever strangers write stays in its code span, its cell, its fence and its line, as GitHub's own parser reads it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.cli.markdown_page import row, table
from ftops.cli.markdown_text import EMPTY, cell, code, fence, html_code, prose, prose_cell
from hostile_texts import HOSTILE, TEXTS, runner_commands, terminal_tricks
from markdown_reader import read_markdown

ANYTHING = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="`|\\<>@#$[]()!*_~&:;-\n\r\t a1\u202e", max_size=60),
    st.sampled_from(sorted(TEXTS.values(), key=len)[:95]),
)


def inline(text: str) -> None:
    reading = read_markdown(f"- before: {code(text)}, behind\n")
    assert reading.strange == []
    assert reading.tags in (
        ["ul", "li", "code", "/code", "/li", "/ul"],
        ["ul", "li", "em", "/em", "/li", "/ul"],
    )
    assert "".join(reading.texts).split() in (["before:", ",", "behind"], ["before:", "(empty),", "behind"])


def in_prose(text: str) -> None:
    markdown = f"- before: {prose(text)}\n"
    reading = read_markdown(markdown)
    assert reading.strange == []
    assert reading.shape == ["ul", "li", "/li", "/ul"]
    assert reading.comments == []


def in_cells(text: str) -> None:
    lines = [*table(("a", "b", "c")), row(cell(text), prose_cell(text), "end"), row("x", "y", "z")]
    reading = read_markdown("\n".join(lines) + "\n")
    assert reading.strange == []
    line = ["tr", "td", "/td", "td", "/td", "td", "/td", "/tr"]
    head = [tag.replace("td", "th") for tag in line]
    assert reading.shape == ["table", "thead", *head, "/thead", "tbody", *line, *line, "/tbody", "/table"]
    assert [text for text in reading.texts if text.strip() in {"end", "z"}] == ["end", "z"]


def in_a_fence(text: str) -> None:
    reading = read_markdown("\n".join(["a", "", *fence([("-", text), ("+", text)], "diff"), "", "b"]) + "\n")
    assert reading.strange == []
    assert reading.tags == ["p", "/p", "pre", "code", "/code", "/pre", "p", "/p"]
    inner = "".join(reading.codes).splitlines()
    assert [line[:1] for line in inner] == ["-", "+"]


def in_html(text: str) -> None:
    reading = read_markdown(f"<details>\n<summary>{html_code(text)}: x</summary>\n\ninner\n\n</details>\n\nb\n")
    assert reading.strange == []
    assert reading.tags == ["details", "summary", "code", "/code", "/summary", "p", "/p", "/details", "p", "/p"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("check", [inline, in_prose, in_cells, in_a_fence, in_html])
def test_nothing_breaks_out(check, text: str) -> None:
    check(text)


@given(text=ANYTHING)
@settings(max_examples=60)
@pytest.mark.parametrize("check", [inline, in_prose, in_cells, in_a_fence, in_html])
def test_nothing_that_can_be_thought_of_breaks_out(check, text: str) -> None:
    check(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_runner_and_no_terminal_takes_it_for_a_command(text: str) -> None:
    lines = [f"- {code(text)}", f"- x {prose(text)}", row(cell(text), prose_cell(text)), *fence([("+", text)])]
    output = "\n".join([*lines, f"<summary>{html_code(text)}</summary>"])
    assert runner_commands(output) == []
    assert terminal_tricks(output) == []


def test_a_sentence_stays_a_sentence() -> None:
    sentence = "27 of 30 right (90.0 %); 0.95 is not cleared: 40 more items, at 95% confidence, would do."
    assert prose(sentence) == sentence
    assert prose("it is ft:gpt-4.1:acme (3f9a1c2b7d10), see data/x.jsonl.") == (
        "it is `ft:gpt-4.1:acme` (`3f9a1c2b7d10`), see `data/x.jsonl`."
    )
    assert prose("`latest` follows; @all, 1234567 and deadbee") == "`latest` follows; `@all`, `1234567` and `deadbee`"


def test_code_keeps_what_can_be_kept() -> None:
    assert code("a`b") == "``a`b``"
    assert code("`a") == "`` `a ``"
    assert code(" a ") == "`  a  `"
    assert code("  ") == "`  `"
    assert code("") == EMPTY
    assert code("x" * 500) == f"`{'x' * 299}…`"
    assert code("`" * 9 + "x") == "`" + "\\x60" * 9 + "x`"
    assert cell("a|b") == "`a\\x7cb`"
    assert html_code("") == "<code>(empty)</code>"
    assert html_code("<b>&\"'") == "<code>&lt;b&gt;&amp;&quot;&#x27;</code>"
