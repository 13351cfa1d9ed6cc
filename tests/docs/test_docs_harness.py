"""The harness of the documentation notices what it is there to notice."""

from pathlib import Path

import psutil
import pytest
from docs_matching import lines_of, masked, matches, rewritten
from docs_page import Block, Command, Page
from docs_running import difference, run_page


def page_of(text: str) -> Page:
    return Page(path="docs/tried.md", text=text)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        (["a job ftjob-… runs"], ["a job ftjob-x1 runs"]),
        (["first", "…", "last"], ["first", "last"]),
        (["first", "…", "last"], ["first", "1", "2", "last"]),
        (["…"], []),
        (["", "…", "x …"], ["", "y", "x 1"]),
        ([], []),
    ],
)
def test_wildcards_stand_for_text_and_lines(expected: list[str], printed: list[str]) -> None:
    assert matches(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        (["a.b"], ["axb"]),
        (["first", "last"], ["first", "between", "last"]),
        (["first", "…", "last"], ["first", "more"]),
        ([], ["something"]),
        (["something"], []),
        (["x …"], ["y 1"]),
    ],
)
def test_what_differs_does_not_match(expected: list[str], printed: list[str]) -> None:
    assert not matches(expected, printed)


def test_a_rewritten_output_keeps_wildcards_that_fit() -> None:
    expected = ["job ftjob-…", "old", "…", "end in … s"]
    printed = ["job ftjob-1", "new at 2026-11-20T10:00:00Z", "skipped", "end in 7 s", "one more"]
    assert rewritten(expected, printed) == ["job ftjob-…", "…", "end in … s", "one more"]
    assert "Do it now? [y/N]: y" in rewritten(["…"], ["plan", "Do it now? [y/N]: y", "done"])
    assert rewritten(["job ftjob-…"], printed[:2]) == ["job ftjob-…", "new at …"]


def test_what_varies_is_masked() -> None:
    assert masked("ft:gpt-2025-04-14:org:mood:Ab1, ftjob-abcde9 in 1.5 s on 2026-11-21") == (
        "ft:gpt-2025-04-14:…:mood:…, ftjob-… in … on …"
    )
    assert masked("mood: training 3/9 (loss 0.1)") == "…"
    assert masked("spent in 2026-11, planned for 2026-12") == "spent in …, planned for …"


def test_an_output_ends_without_empty_lines() -> None:
    assert lines_of("a  \n\nb\n\n\n") == ["a", "", "b"]


def test_a_page_is_read_as_files_and_commands() -> None:
    page = page_of(
        '<!-- docs: folder=shop -->\n- so:\n\n  ```yaml title="a/b.yaml"\n  x: 1\n  ```\n\n'
        "```console\n$ one \\\n    two  # exit 3\nout\n$ three\n```\n"
    )
    assert page.settings == {"folder": "shop"}
    file, first, second = page.steps
    assert isinstance(file, Block)
    assert (file.title, file.text, file.indent) == ("a/b.yaml", "x: 1\n", 2)
    assert isinstance(first, Command)
    assert (first.script, first.code, first.expected) == ("one \\\n    two  # exit 3", 3, ("out",))
    assert isinstance(second, Command)
    assert (second.script, second.code, second.expected) == ("three", 0, ())


def test_an_output_without_its_command_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="begins with a command"):
        assert page_of("```console\nout\n$ one\n```\n").steps


def test_a_page_that_tells_the_truth(tmp_path: Path) -> None:
    page = page_of(
        '```text title="words"\nhello\n```\n```console\n$ cat words; where=$PWD\nhello\n'
        '$ cd /; basename "$where"\nacme\n$ false  # exit 1\n```\n'
        "```console\n$ read -p 'Sure? [y/N]: ' said && echo \"so $said\"\nSure? [y/N]: y\nso y\n```\n"
    )
    outcome = run_page(page, tmp_path)
    assert (outcome.faults, difference(page, outcome)) == ((), "")


def test_a_page_that_lies_is_shown_as_a_difference(tmp_path: Path) -> None:
    page = page_of("```console\n$ echo one\ntwo\n$ echo three\n```\n")
    outcome = run_page(page, tmp_path)
    assert outcome.text == "```console\n$ echo one\none\n$ echo three\nthree\n```\n"
    assert "-two\n+one\n" in difference(page, outcome)


def test_another_exit_code_ends_the_page(tmp_path: Path) -> None:
    page = page_of("```console\n$ (exit 4)\n$ echo never\n```\n")
    outcome = run_page(page, tmp_path)
    assert outcome.faults == ("docs/tried.md:2: exit 4 instead of 0: (exit 4)\n",)
    assert "never\nnever" not in outcome.text


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    page = page_of("```console\n$ sleep 300 & echo $! > pid\n```\n")
    assert run_page(page, tmp_path).faults == ()
    pid = int((tmp_path / "home/acme/pid").read_text())
    assert not psutil.pid_exists(pid)
