"""Choosing among a job's checkpoints through the real command line and a real server: an earlier one where it is better."""

import json
import urllib.request

from conftest import Counted
from scratch_project import Scratch, git
from server_process import wait_for

WORDS = {"refund": "money back", "card": "bank card"}
NAMES = [f"name{chr(97 + n % 26)}{chr(97 + n // 26)}{n * 7919}" for n in range(60)]
WRONGLY_TAUGHT = 16


def taught(words: str, label: str) -> str:
    turns = [{"role": "user", "content": words}, {"role": "assistant", "content": label}]
    return json.dumps({"messages": turns})


def mistakes_learnt_late(scratch: Scratch) -> None:
    """Some training rows have the wrong label: a model learns these by heart later than what the others have in common.

    It is asked about these, in other words, and what it learnt last is wrong.
    """
    labels = list(WORDS)
    rows = []
    for n, name in enumerate(NAMES):
        label = labels[n % 2 if n >= WRONGLY_TAUGHT else 1 - n % 2]
        rows.append(taught(f"{WORDS[labels[n % 2]]} {name}", label))
    asked = [taught(f"{WORDS[labels[n % 2]]} {NAMES[n]} please", labels[n % 2]) for n in range(WRONGLY_TAUGHT)]
    scratch.write("finetunes/data/train.jsonl", "\n".join(rows) + "\n")
    scratch.write("finetunes/data/test.jsonl", "\n".join(asked) + "\n")


def manifest(scratch: Scratch, policy: str) -> None:
    scratch.manifest(epochs=3, batch=20, least=0.5, more=f"  policy: {{checkpoints: {policy}}}\n")
    path = "finetunes/router.yaml"
    text = (scratch.root / path).read_text(encoding="utf-8")
    text = text.replace("n_epochs: 3", "n_epochs: 3, learning_rate_multiplier: 4")
    scratch.write(path, text.replace("      sampling:", "      select: true\n      sampling:"))
    scratch.commit(f"Choose by {policy}")


def answer(scratch: Scratch, model: str) -> str:
    turn = {"role": "user", "content": f"{WORDS['refund']} {NAMES[0]} please"}
    body = {"model": model, "messages": [turn], "temperature": 0}
    request = urllib.request.Request(
        f"{scratch.base_url}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Bearer any"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(json.load(response)["choices"][0]["message"]["content"])


def test_an_earlier_checkpoint_where_it_is_better(scratch: Scratch, asked: Counted) -> None:
    mistakes_learnt_late(scratch)
    manifest(scratch, "last")
    withheld = scratch.apply(code=4)
    assert "chooses nothing without policy.checkpoints: evaluate" in withheld.text
    assert "production does not move" in withheld.out
    assert asked.look() == {"jobs": 1, "chats": 16, "files": 1}

    # Another policy chooses among what was trained: two checkpoints were not scored yet.
    manifest(scratch, "evaluate")
    done = scratch.apply()
    assert asked.look() == {"jobs": 0, "chats": 32, "files": 0}
    assert "intent  chooses among 3 checkpoints" in done.out
    assert "step 3 has the best mean under intent of 3 checkpoints (step 3: 1, step 6: 0, step 9: 0)" in done.out
    chosen = scratch.resolve()
    assert chosen.endswith(":ckpt-step-3")
    assert answer(scratch, chosen) == "refund"
    assert wait_for(lambda: asked.look()["chats"]) == 1  # the server logs a request after it has answered

    # Nothing is left to do; what was trained on lies beside the records, and the ledger is in order.
    assert "No changes" in scratch.plan().out
    assert asked.look()["chats"] == 0
    assert "/inputs/" in git(scratch.root, "ls-tree", "-r", "--name-only", scratch.tip())
    verified = scratch.ftops("ledger", "verify")
    assert (verified.code, "in order" in verified.out) == (0, True), verified.text
