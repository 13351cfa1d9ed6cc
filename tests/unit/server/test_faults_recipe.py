"""What ``docs/faults.md`` promises: its examples are read, its table is whole, and its recipe leaves one job."""

import re
from pathlib import Path

import httpx2
import pytest

from ftops.server.faults.reading import FaultsInvalid, parse
from ftops.server.faults.rules import Kind
from scratch_project import jobs_at, make_project, opened
from server_process import start_server

PAGE = (Path(__file__).parents[3] / "docs/faults.md").read_text(encoding="utf-8")


def test_every_kind_stands_in_the_table_and_has_an_example() -> None:
    examples = [rule for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) for rule in parse(block.encode())]
    assert {rule.kind for rule in examples} == set(Kind)
    table = PAGE.partition("| `fault` | what happens")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(Kind)


def test_the_example_of_problems_is_what_is_said() -> None:
    text = "faults:\n  - fault: duplicate\n    count: 0\n    match: {path: /}\n  - {fault: delay, match: {path: /},\n"
    with pytest.raises(FaultsInvalid) as caught:
        parse(f"{text}     retry_after: 1, seconds: 1}}\n".encode())
    assert "\n  ".join(caught.value.problems) in PAGE


def test_an_apply_whose_answer_is_lost_finds_its_job(tmp_path: Path) -> None:
    recipe = PAGE.partition("<<'YAML'\n")[2].partition("YAML\n")[0]
    (tmp_path / "faults.yaml").write_text(recipe, encoding="utf-8")
    with (
        start_server(tmp_path, "--faults", str(tmp_path / "faults.yaml")) as server,
        opened(make_project(tmp_path, server.base_url)) as scratch,
    ):
        done = scratch.apply()
        assert "no answer to the job's creation; looking whether it was made" in done.text
        assert [job["status"] for job in jobs_at(server.base_url)] == ["succeeded"]
        assert scratch.resolve() == jobs_at(server.base_url)[0]["fine_tuned_model"]
        told = httpx2.get(f"{server.url}/faults").json()["faults"]
        assert {each["name"]: each["fired"] for each in told} == {"slow-store": 1, "lose-the-answer": 1}
