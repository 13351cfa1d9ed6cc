"""The pass over a file: cut up and put together again, in one process or several, the same is found."""

import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from ftops.datasets import lines
from ftops.datasets.checks import CheckSettings
from ftops.datasets.examination import Examination, Examiner, Inspected
from ftops.datasets.formats import Use
from ftops.datasets.split import part_of
from ftops.domain.manifest import Split
from question_inspection import Questions


def row(question: str, answer: str = "yes") -> bytes:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}).encode() + b"\n"


ROWS = b"".join(row(f"question {n % 700}") for n in range(1_000)) + b"{}\n" + row("question 3")


def examined(data: bytes, examiner: Examiner | None = None, **options: Any) -> Examination:
    examiner = examiner or Examiner(inspections=(Questions(),))
    return examiner.examine(io.BytesIO(data), path="data.jsonl", use=Use.SUPERVISED, **options)


def facts_of(found: Examination) -> Any:
    return found.sha256, found.size, [summary(part) for part in found.parts]


def summary(part: Inspected) -> Any:
    groups = [(group.check.code, group.count, group.shown) for group in part.findings.groups(CheckSettings())]
    return part.facts, part.tokens, groups


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=[900, 20_000], ids=["small chunks", "large chunks"])
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lines.chunks
    monkeypatch.setattr(
        "ftops.datasets.examination.chunks", lambda stream, findings: whole(stream, findings, size=request.param)
    )


def test_a_file_is_digested_counted_and_inspected() -> None:
    found = examined(ROWS)
    (part,) = found.parts
    assert (found.sha256, found.size) == (hashlib.sha256(ROWS).hexdigest(), len(ROWS))
    assert part.facts.rows == 1_001
    groups = part.findings.groups(CheckSettings())
    assert [(group.check.code, group.count) for group in groups] == [("D020", 1), ("D101", 301)]
    assert [one.line for one in groups[1].shown] == [701, 702, 703, 704, 705]


def test_crlf_changes_nothing() -> None:
    assert facts_of(examined(ROWS.replace(b"\n", b"\r\n"))) == facts_of(examined(ROWS))


@pytest.mark.usefixtures("cut")
def test_however_it_is_cut_the_same_is_found(processes: ProcessPoolExecutor) -> None:
    wanted = facts_of(examined(ROWS))
    told: list[int] = []
    assert facts_of(examined(ROWS, told=told.append)) == wanted
    assert sum(told) == len(ROWS)
    several = Examiner(inspections=(Questions(),), workers=processes, processes=1)
    assert facts_of(examined(ROWS, several)) == wanted


@pytest.mark.usefixtures("cut")
def test_a_split_gives_two_parts_that_are_compared() -> None:
    split = Split(fraction=0.3, seed=7)
    examiner = Examiner(inspections=(Questions(),))
    found = examined(ROWS, examiner, split=split)
    train, validation = found.parts
    rows = [json.loads(line) for line in ROWS.splitlines() if line != b"{}"]
    validating = [row for row in rows if part_of(row, split) == "validation"]
    assert (train.facts.rows, validation.facts.rows) == (len(rows) - len(validating), len(validating))
    assert validation.facts.path == "data.jsonl#validation[0.3,7]"
    assert not examiner.compare(train, validation).groups(CheckSettings())
    (leaked,) = examiner.compare(validation, validation).groups(CheckSettings())
    assert (leaked.check.code, leaked.count) == ("D104", len(validating))


def test_a_file_without_rows_is_a_finding() -> None:
    (part,) = examined(b"").parts
    assert [group.check.code for group in part.findings.groups(CheckSettings())] == ["D002"]
    assert part.facts.rows == part.tokens == 0


class Dying(Executor):
    """An executor whose processes are killed, as for want of memory."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:  # type: ignore[override]
        from concurrent.futures.process import BrokenProcessPool

        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool("a process was killed"))
        return future


class Dead(Executor):
    """An executor whose processes were killed before."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:  # type: ignore[override]
        from concurrent.futures.process import BrokenProcessPool

        raise BrokenProcessPool("a process was killed")


@pytest.mark.parametrize("workers", [Dying(), Dead()], ids=["dying", "dead"])
@pytest.mark.usefixtures("cut")
def test_where_processes_die_this_one_goes_on(workers: Executor) -> None:
    left = Examiner(inspections=(Questions(),), workers=workers, processes=1)
    assert facts_of(examined(ROWS, left)) == facts_of(examined(ROWS))
