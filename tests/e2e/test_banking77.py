"""Real data at full size: 77 intents, 10,003 rows to train on, 3,080 to judge by, against 77 examples in a prompt."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Counted
from scratch_project import GRADER, Scratch
from shared_data import missing, shared_path

DATA = shared_path("data/banking77")
NOTHING = {"jobs": 0, "chats": 0, "files": 0}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=missing(DATA))

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {{name: router}}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  seed: 42
{method}  dataset: {{train: data/train.jsonl}}
  evals:
    - name: intent
      dataset: data/test.jsonl
      grader: {grader}
      sampling: {{temperature: 0}}
      gate:
        - {{min: {least}}}
        - {{baseline: {{base: true, prompt: {{few_shot: 77, seed: 1}}}}, test: superiority, margin: 0.02}}
  aliases: {{production: latest}}
"""


def to_jsonl(source: Path) -> str:
    with source.open(encoding="utf-8", newline="") as stream:
        return "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": row["text"]},
                        {"role": "assistant", "content": row["category"]},
                    ]
                }
            )
            + "\n"
            for row in csv.DictReader(stream)
        )


def declare(scratch: Scratch, *, least: float = 0.83, method: str = "") -> None:
    scratch.write("finetunes/router.yaml", MANIFEST.format(grader=GRADER, least=least, method=method))
    scratch.commit()


def test_banking77_from_nothing_to_production(make: Callable[..., Scratch], asked: Counted) -> None:
    scratch = make(asked.server.base_url)
    for part in ("train", "test"):
        scratch.write(f"finetunes/data/{part}.jsonl", to_jsonl(DATA / f"{part}.csv"))
    declare(scratch)
    scratch.apply()
    model = scratch.resolve()
    (judged,) = json.loads(scratch.ftops("show", "router", "--json").out)["judgement"]["evals"]
    assert judged["mean"] >= 0.85
    counted = asked.look()
    assert (counted["jobs"], counted["files"]) == (1, 1)
    assert counted["chats"] >= 2 * judged["n"]

    scratch.plan()
    # A gate out of reach is judged by the scores that are recorded.
    declare(scratch, least=0.99)
    done = scratch.apply()
    assert "would not pass its gates now" in done.out
    assert (asked.look(), scratch.resolve()) == (NOTHING, model)
    # Another number of epochs is another revision: one job for the files that are there.
    declare(scratch, least=0.99, method="  method: {type: supervised, hyperparameters: {n_epochs: 1}}\n")
    scratch.apply("--no-wait", code=8)
    assert asked.look() == {"jobs": 1, "chats": 0, "files": 0}
    assert (len(scratch.jobs()), scratch.resolve()) == (2, model)
