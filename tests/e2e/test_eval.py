"""``ftops eval`` over HTTP: a base model before anything was trained, then what was trained, files, labels, consent."""

import json
import os
import threading
from collections.abc import Callable

import pytest

from conftest import Counted
from ftops.cli.main import run
from scratch_project import Done, Scratch, rows

GATE = "[{min: 0.6, confidence: 0.95}, {baseline: {base: true}, test: superiority, confidence: 0.95}]"


Ftops = Callable[..., Done]


@pytest.fixture
def ftops(scratch: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ftops:
    """Runs the command line in this process, which spares starting another, in the project's folder."""
    monkeypatch.chdir(scratch.root)

    def run_here(*words: str) -> Done:
        code = run(words)
        told = capsys.readouterr()
        return Done(code=code, out=told.out, err=told.err)

    return run_here


def compare_with_base(scratch: Scratch) -> None:
    manifest = scratch.root / "finetunes/router.yaml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("[{min: 0.6}]", GATE), encoding="utf-8")
    scratch.commit("Compare with the base model")


def test_a_base_model_is_evaluated_before_training_and_the_trained_one_after(
    scratch: Scratch, asked: Counted, ftops: Ftops
) -> None:
    compare_with_base(scratch)
    refused = ftops("eval", "router")
    assert (refused.code, refused.out) == (2, "")
    assert "nobody is here to approve 12 calls, about 220 tokens, of unknown cost" in refused.err
    assert asked.look()["chats"] == 0

    before = ftops("eval", "router", "--auto-approve", "--export-failures", "failed.jsonl")
    assert before.code == 4, before.text
    assert "  fail  0 of 12 right" in before.out.replace("    fail", "  fail")
    assert "finetunes/data/test.jsonl:1, score 0" in before.out
    assert "gpt-4.1-mini-2025-04-14 is its own baseline there" in before.err
    assert "Wrote 12 rows to train on to failed.jsonl." in before.err
    assert "is no evidence any more" in before.err
    assert asked.look()["chats"] == 12
    assert ftops("data", "check", "failed.jsonl").code == 0
    assert not scratch.tip(), "a trial records nothing"

    (scratch.root / "failed.jsonl").unlink()
    scratch.apply()
    assert asked.look()["chats"] == 12, "the base model's answers were kept"
    after = ftops("eval", "router", "--json")
    found = json.loads(after.out)
    assert (after.code, found["judgement"]["verdict"], found["model"]) == (0, "pass", scratch.resolve())
    assert (len(found["items"][0]["against"][0]["won"]), found["items"][0]["worst"]) == (12, [])
    assert found["training"]["steps"][-1]["train_loss"] < found["training"]["steps"][0]["train_loss"]
    shown = ftops("show", "router")
    assert "12 won, 0 lost, 0 alike" in shown.out
    assert "training loss" in shown.out
    assert asked.look()["chats"] == 0


def test_a_changed_prompt_and_another_model_are_tried(scratch: Scratch, asked: Counted, ftops: Ftops) -> None:
    scratch.write("prompt.json", '[{"role": "system", "content": "Answer with one word."}]')
    done = ftops("eval", "router", "--prompt", "prompt.json", "--auto-approve", "--json")
    assert done.code == 4
    assert asked.look()["chats"] == 12
    pipe = scratch.root / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(
        target=pipe.write_text, args=('[{"role": "system", "content": "Be brief."}]',), daemon=True
    )
    writer.start()
    assert "with ./pipe" in ftops("eval", "router", "--prompt", "pipe", "--auto-approve").out
    assert asked.look()["chats"] == 12
    words = ("eval", "router", "--model", "gpt-4.1-2025-04-14", "--auto-approve", "--json")
    assert json.loads(ftops(*words).out)["model"] == "gpt-4.1-2025-04-14"
    assert asked.look()["chats"] == 12


def test_labels_of_people_are_compared_with_the_grader(scratch: Scratch, asked: Counted, ftops: Ftops) -> None:
    answers = [json.loads(line)["messages"][1]["content"] for line in rows(1000, 12).splitlines()]
    labels = [
        {"row": line, "output": text if line % 2 else "something else", "label": bool(line % 2)}
        for line, text in enumerate(answers, 1)
    ]
    scratch.write("labels.jsonl", "".join(json.dumps(label) + "\n" for label in labels))
    told = ftops("eval", "router", "--judge-agreement", "labels.jsonl")
    assert told.code == 0
    assert ["passes", "that", "it", "passes", "(TPR)", "100.0%", "61.0%", "to", "100.0%"] in [
        line.split() for line in told.out.splitlines()
    ]
    assert "fewer than 30 labels of a kind" in told.out
    found = json.loads(ftops("eval", "router", "--judge-agreement", "labels.jsonl", "--json").out)
    assert (found["counts"]["true_passes"], found["counts"]["true_fails"], found["kappa"]["value"]) == (6, 6, 1.0)
    scratch.write("labels.jsonl", '{"row": 40, "output": "x", "label": true}\n')
    wrong = ftops("eval", "router", "--judge-agreement", "labels.jsonl")
    assert wrong.code == 2
    assert "labels.jsonl:1:1 /row: expected a line of the evaluation's dataset, 1 to 12" in wrong.err
    assert asked.look()["chats"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ruoter"], "did you mean router?"),
        (["router", "--eval", "inten"], "did you mean intent?"),
        (["router", "--export-failures", "ftops.yaml"], "ftops.yaml exists already"),
        (["router", "--export-failures", "none/such.jsonl"], "there is no folder none"),
        (["router", "--prompt", "finetunes/router.yaml"], "a prompt file is a JSON list of messages"),
        (["router", "--judge-agreement", "ftops.yaml", "--model", "x"], "--judge-agreement asks the grader alone"),
        (["router", "--backend", "nowhere"], "no backend is named nowhere"),
    ],
)
def test_words_that_are_off_are_refused_before_anything_is_called(
    words: list[str], says: str, asked: Counted, ftops: Ftops
) -> None:
    done = ftops("eval", *words, "--auto-approve")
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert asked.look()["chats"] == 0


def test_a_file_that_stands_there_is_replaced_only_when_that_is_said(scratch: Scratch, ftops: Ftops) -> None:
    old = scratch.root / "failed.jsonl"
    old.write_text("mine\n", encoding="utf-8")
    words = ["eval", "router", "--auto-approve", "--json", "--export-failures", "failed.jsonl"]
    assert ftops(*words).code == 2
    assert old.read_text(encoding="utf-8") == "mine\n"
    assert ftops(*words, "--overwrite").code == 4
    assert len(old.read_text(encoding="utf-8").splitlines()) == 12
