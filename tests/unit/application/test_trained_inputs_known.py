"""Where the inputs of an earlier training set are found: in the ledger, else in git; and that training writes them there."""

import io
import json
from dataclasses import replace
from typing import Any

import msgspec

from apply_world import MINE, OPENAI, OTHER, World, rows_of
from ftops.application.trained_inputs import TrainedInputs, digests_of
from ftops.datasets.formats import Use
from ftops.datasets.inputs import input_digest
from ftops.datasets.reading import scan
from ftops.datasets.split import Split, part_name
from ftops.domain.desired import Declared, Measures
from ftops.domain.events import InputsKept
from ftops.domain.manifest import ModelId
from ftops.domain.records import DatasetRecord


def with_digests(world: World, seed: int = 1) -> Declared:
    declared = world.declare(seed=seed)
    digests = frozenset(map(input_digest, world.datasets.rows_at["train.jsonl"]))
    return replace(declared, train=replace(declared.train, measure=lambda: Measures(tokens=900, input_digests=digests)))


def known(world: World, **changes: Any) -> TrainedInputs:
    return TrainedInputs(**{"ledgers": {OPENAI.name: world.ledger}, "repository": world.repository} | changes)


def test_training_puts_them_into_the_ledger_with_the_claim() -> None:
    world = World()
    declared = with_digests(world)
    world.apply(declared)
    commits = {type(e.event).__name__: e.commit for e in reversed(world.ledger.entries)}
    assert commits["InputsKept"] == commits["RevisionDeclared"] == commits["Intended"]
    assert known(world)(declared.train.sha256) == declared.train.input_digests
    assert sum(isinstance(event, InputsKept) for event in world.ledger.events) == 1


def test_another_revision_on_the_same_rows_writes_no_second_file() -> None:
    world = World()
    world.apply(with_digests(world))
    world.apply(with_digests(world, seed=2))
    assert sum(isinstance(event, InputsKept) for event in world.ledger.events) == 1


def lines(rows: tuple[dict[str, Any], ...]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def older(world: World, train: DatasetRecord | None = None, **changes: Any) -> str:
    """A ledger of before there were such files; gives the training set's SHA-256."""
    declared = world.declare()
    world.apply(declared)
    record = world.record()
    (revision,) = record.revisions.values()
    revision = msgspec.structs.replace(revision, **{"train": train or revision.train, **changes})
    record = msgspec.structs.replace(record, revisions={declared.revision: revision})
    world.ledger.state = msgspec.structs.replace(world.state, fine_tunes={"router": record}, inputs=frozenset())
    return revision.train.sha256


def test_what_an_older_ledger_lacks_is_read_from_git() -> None:
    world = World()
    sha256 = older(world)
    content = lines(rows_of("train", 10))
    world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(content)
    inputs = known(world)
    assert inputs(sha256) == frozenset(map(input_digest, rows_of("train", 10)))
    assert inputs(sha256) is inputs(sha256), "read once"


def test_a_part_of_a_split_is_made_again() -> None:
    world = World()
    split = Split(fraction=0.3, seed=7)
    rows = rows_of("train", 40)
    part = scan(io.BytesIO(lines(rows)), path="train.jsonl", use=Use.SUPERVISED, split=split).parts[0]
    name = part_name("train.jsonl", split, "train")
    sha256 = older(world, DatasetRecord(path=name, sha256=part.sha256, rows=part.rows))
    world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(lines(rows))
    assert known(world)(sha256) == part.input_digests
    assert 0 < len(part.input_digests) < 40


def test_the_next_evaluation_brings_them_into_an_older_ledger() -> None:
    world = World()
    older(world)
    world.apply(with_digests(world))
    assert world.state.inputs == frozenset(), "nothing to do, nothing written"
    declared = with_digests(world)
    (one,) = declared.evals
    world.apply(
        replace(declared, evals=(replace(one, digest="e" * 64),), fine_tune=replace(declared.fine_tune, aliases={}))
    )
    assert world.state.inputs == {declared.train.sha256}


def test_what_nobody_knows_any_more() -> None:
    world = World()
    sha256 = older(world)
    assert known(world)(sha256) is None, "not in git"
    world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(lines(rows_of("other", 10)))
    assert known(world)(sha256) is None, "other rows by now"
    assert known(world)("0" * 64) is None, "no revision of that"
    assert known(World())(sha256) is None
    without = World()
    assert known(without)(older(without, commit=None)) is None


def test_a_snapshot_with_another_method() -> None:
    for method in ({"type": "dpo"}, {"type": "unheard-of"}, "odd"):
        world = World()
        sha256 = older(world, spec={"method": method})
        world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(lines(rows_of("train", 10)))
        assert known(world)(sha256) == frozenset() if method == {"type": "dpo"} else known(world)(sha256) is not None


def test_the_training_set_of_another_fine_tunes_model() -> None:
    world = World()
    world.apply(with_digests(world))
    inputs = known(world)
    (job,) = (job for *_, job in world.record().jobs())
    train = with_digests(world).train.sha256
    models = [str(job.model), job.checkpoints[0].model]
    assert [inputs.training_set(OPENAI.name, ModelId(model)) for model in models] == [train, train]
    assert inputs.training_set(OPENAI.name, ModelId("ft:stranger")) is None
    assert inputs.training_set(OTHER.name, ModelId(models[0])) is None, "a backend without a ledger"


def test_lines_that_are_no_rows_have_no_digest() -> None:
    content = lines(rows_of("train", 2)) + b"no row\n[]\n\xff\n"
    assert digests_of(io.BytesIO(content)) == frozenset(map(input_digest, rows_of("train", 2)))
