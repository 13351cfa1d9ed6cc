"""Preferences through the real command line: a judge that compares in both orders, and people who see blinded pairs."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fault_server import Exchange, start_fault_server
from scratch_project import GRADER, LABELS, Scratch
from server_process import ServerProcess

AGAINST_BASE = "{metric: win_rate, baseline: {base: true}, test: superiority, confidence: 0.95}"
JUDGE = "judge-2026-01-01"
PAIRWISE = f"""\
{{type: label_model, model: {JUDGE}, labels: [first, second, tie], passing_labels: [first], input: [{{role: user, content:
        '{{{{reference}}}}|{{{{first.output_text}}}}|{{{{second.output_text}}}}'}}]}}"""


def knows_better(wanted: str, first: str, second: str) -> str:
    return "tie" if first == second else "first" if first == wanted else "second"


@dataclass
class JudgingServer:
    """A real server, before which a stand-in answers for the judge and counts how often it was asked."""

    base_url: str = ""
    prompts: list[str] = field(default_factory=list)
    says: Callable[[str, str, str], str] = knows_better

    def reply(self, body: bytes) -> bytes | None:
        """Gives the judge's completion; None for what another model is asked."""
        asked = json.loads(body) if body.startswith(b"{") else {}
        if asked.get("model") != JUDGE:
            return None
        prompt = asked["messages"][-1]["content"]
        self.prompts.append(prompt)
        said = self.says(*(part.strip() for part in prompt.split("|")))
        message = {"role": "assistant", "content": json.dumps({"steps": [], "result": said})}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        completion = {"id": "c", "object": "chat.completion", "created": 1, "model": JUDGE, "usage": usage}
        return json.dumps({**completion, "choices": [choice]}).encode()


@pytest.fixture
def judging(server: ServerProcess) -> Iterator[JudgingServer]:
    found = JudgingServer()
    place = urlsplit(server.base_url)

    def answer(exchange: Exchange) -> None:
        body = exchange.read()
        said = found.reply(body) if exchange.command == "POST" else None
        if said is not None:
            exchange.send(200, said, {"content-type": "application/json"})
            return
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        dropped = {"host", "connection", "accept-encoding", "transfer-encoding", "content-length"}
        headers = {name: value for name, value in exchange.headers.items() if name.lower() not in dropped}
        connection.request(exchange.command, exchange.path, body or None, headers)
        real = connection.getresponse()
        kind = real.getheader("content-type") or "application/json"
        exchange.send(real.status, real.read(), {"content-type": kind})
        connection.close()

    with start_fault_server(answer) as front:
        found.base_url = front.base_url
        yield found


def declare(scratch: Scratch, gate: str, *, grader: str = GRADER) -> None:
    scratch.manifest()
    path = scratch.root / "finetunes/router.yaml"
    text = path.read_text().replace(GRADER, grader).replace("gate: [{min: 0.6}]", f"gate: {gate}")
    path.write_text(text)
    scratch.commit("Ask for preferences")


def choose(file: Path, how: Callable[[dict[str, Any]], str | None]) -> None:
    pairs = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**pair, "choice": how(pair)}) + "\n" for pair in pairs))


def test_a_judge_compares_in_both_orders(judging: JudgingServer, make: Callable[..., Scratch]) -> None:
    """One that goes by the place alone prefers nobody; another one, asked with other words, does."""
    scratch = make(judging.base_url)
    declare(scratch, f"[{AGAINST_BASE}]", grader=PAIRWISE)
    judging.says = lambda _wanted, first, second: "tie" if first == second else "first"
    withheld = scratch.apply(code=4)
    assert "12 of 12 pairs depended on the order and count half" in withheld.out
    assert len(judging.prompts) == 24, "each of 12 pairs in both orders"
    texts = [prompt.split("|") for prompt in judging.prompts]
    assert sorted(text[1:] for text in texts) == sorted(text[:0:-1] for text in texts)

    judging.prompts.clear()
    judging.says = knows_better
    declare(
        scratch, f"[{AGAINST_BASE}, {{metric: win_rate, min: 0.9, shadow: true}}]", grader=PAIRWISE.replace("|", " | ")
    )
    done = scratch.apply()
    assert "won 12 and lost 0 of 12 items" in done.out, done.out
    assert len(judging.prompts) == 24
    assert scratch.resolve().startswith("ft:")
    assert "No changes" in scratch.plan().out


def test_people_choose_between_blinded_pairs(scratch: Scratch) -> None:
    declare(scratch, f"[{AGAINST_BASE}]")
    assert "--export-pairs FILE" in scratch.apply(code=4).out

    pairs, again = scratch.root / "pairs.jsonl", scratch.root / "again.jsonl"
    for file in (pairs, again):
        assert scratch.ftops("eval", "router", "--export-pairs", str(file)).code == 0
    assert pairs.read_text() == again.read_text(), "the same key lays the same pairs out alike"
    lines = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert len(lines) == 12
    assert "ft:" not in pairs.read_text()
    assert (pairs.stat().st_mode & 0o77) == 0

    # Two people choose, of whom one is not sure once. Rows are made of it without a word in the ledger.
    choose(pairs, by_knowledge)
    choose(again, lambda pair: "tie" if pair["id"] == lines[0]["id"] else by_knowledge(pair))
    tip, files = scratch.tip(), ("--import-labels", str(pairs), "--import-labels", str(again))
    rows = scratch.root / "finetunes/data/preferred.jsonl"
    made = scratch.ftops("eval", "router", *files, "--as", "dpo", "--output", str(rows))
    assert made.code == 0, made.text
    assert scratch.tip() == tip
    preferred = [json.loads(row)["preferred_output"][0]["content"] for row in rows.read_text().splitlines()]
    assert (len(preferred), set(preferred)) == (11, set(LABELS))
    checked = scratch.ftops("data", "check", str(rows), "--method", "dpo")
    assert checked.code == 0, checked.text

    done = scratch.ftops("eval", "router", *files)
    assert "12 pairs: 11 for ft:" in done.out, done.text
    assert "2 people agree in 92 % of choices on 12 pairs" in done.out
    assert "2 people compared ft:" in scratch.ftops("history", "router").out
    assert "promote: production" in scratch.apply().out
    assert "won 11 and lost 0 of 12 items" in scratch.ftops("show", "router").out


def by_knowledge(pair: dict[str, Any]) -> str:
    wanted = next(label for label, words in LABELS.items() if words in pair["prompt"])
    return "a" if pair["a"] == wanted else "b"
