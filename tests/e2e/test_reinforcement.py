"""A fine-tune by reinforcement, from the manifest to the alias: a grader's reward teaches what no row shows."""

import json

from conftest import Counted
from scratch_project import LABELS, Scratch

GRADER = '{type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{item.intent}}"}'
MANIFEST = f"""\
apiVersion: ftops/v1
kind: FineTune
metadata: {{name: router}}
spec:
  base_model: any-base
  seed: 7
  method: {{type: reinforcement, grader: {GRADER}, hyperparameters: {{n_epochs: 8}}}}
  dataset: {{train: data/train.jsonl, validation: data/valid.jsonl}}
  evals:
    - name: intent
      dataset: data/test.jsonl
      grader: {GRADER}
      sampling: {{temperature: 0}}
      gate: [{{min: 0.6}}, {{baseline: {{base: true}}, test: superiority, margin: 0.2}}]
  aliases: {{production: latest}}
"""


def rewarded_rows(first: int, count: int) -> str:
    lines = []
    for n in range(first, first + count):
        label, words = list(LABELS.items())[n % len(LABELS)]
        lines.append(json.dumps({"messages": [{"role": "user", "content": f"{words} {n}"}], "intent": label}))
    return "\n".join(lines) + "\n"


def test_a_grader_teaches(scratch: Scratch, asked: Counted) -> None:
    scratch.write("finetunes/router.yaml", MANIFEST)
    for name, first, count in (("train", 0, 60), ("valid", 500, 12), ("test", 1000, 30)):
        scratch.write(f"finetunes/data/{name}.jsonl", rewarded_rows(first, count))
    scratch.commit("Reward instead of show")
    scratch.apply()
    (job,) = scratch.jobs()
    assert job["method"]["reinforcement"]["grader"]["reference"] == "{{item.intent}}"
    assert scratch.resolve() == job["fine_tuned_model"]
    assert asked.look()["jobs"] == 1
    assert "No changes" in scratch.plan().out
