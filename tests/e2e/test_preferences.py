"""A judge that compares, through the real command line and real servers. What people choose is test_eval_pairs's."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from fault_server import Exchange, start_fault_server
from scratch_project import GRADER, Scratch
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


def test_a_judge_compares_in_both_orders(judging: JudgingServer, make: Callable[..., Scratch]) -> None:
    scratch = make(judging.base_url)
    declare(scratch, f"[{AGAINST_BASE}, {{metric: win_rate, min: 0.9, shadow: true}}]", grader=PAIRWISE)
    assert "won 12 and lost 0 of 12 items" in scratch.apply().out
    texts = [prompt.split("|") for prompt in judging.prompts]
    assert len(texts) == 24, "each of 12 pairs in both orders"
    assert sorted(text[1:] for text in texts) == sorted(text[:0:-1] for text in texts)
    assert scratch.resolve().startswith("ft:")
