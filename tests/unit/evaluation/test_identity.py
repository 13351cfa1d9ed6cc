"""Digests change with what they stand for, and with nothing else."""

import pytest

from ftops.domain.manifest import Baseline, EvalSpec, FewShot, ModelId, PromptFile
from ftops.evaluation import identity

GRADER = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{reference}}"}
SPEC = EvalSpec(name="intent", dataset="test.jsonl", grader=GRADER, sampling={"temperature": 0})


def prompt_of(baseline: Baseline, text: str | None = None, train: str = "t") -> object:
    return identity.prompt_identity(baseline.prompt, file_text=text, train_sha256=train, dataset_sha256="d")


def test_sent_depends_on_what_is_sent_alone() -> None:
    same = EvalSpec(name="other", dataset="other.jsonl", grader={}, sampling={"temperature": 0.0})
    assert identity.sent_digest(SPEC) == identity.sent_digest(same)
    assert identity.sent_digest(SPEC) != identity.sent_digest(EvalSpec(name="intent", dataset="", grader={}))
    assert identity.sent_digest(SPEC) != identity.sent_digest(SPEC, {"messages": "x"})


def test_a_grader_is_itself_whatever_its_name_and_threshold() -> None:
    assert identity.grader_digest(GRADER) == identity.grader_digest({**GRADER, "name": "n", "pass_threshold": 0.5})
    assert identity.grader_digest(GRADER) != identity.grader_digest({**GRADER, "operation": "ne"})


def test_prompts_count_by_content() -> None:
    by_file = Baseline(base=True, prompt=PromptFile(path="a.json"))
    assert prompt_of(Baseline(base=True)) is None
    assert prompt_of(by_file, "[]") == prompt_of(Baseline(base=True, prompt=PromptFile(path="b.json")), "[]")
    few = Baseline(base=True, prompt=FewShot(k=3, seed=1))
    assert prompt_of(few) != prompt_of(few, train="other")
    assert identity.form_digest(by_file, {"messages": "1"}) != identity.form_digest(by_file, {"messages": "2"})
    assert identity.form_digest(Baseline(base=True), None) != identity.form_digest(Baseline(model=ModelId("m")), None)


def test_a_request_is_kept_for_one_model_backend_and_repeat() -> None:
    def key(backend: str = "gpu", repeat: int = 0) -> str:
        return identity.request_key(
            namespace={"backend": backend, "model": "m", "for": None}, messages=[], extra={}, sampling={}, repeat=repeat
        )

    assert key() == key()
    assert len({key(), key(backend="embedded"), key(repeat=1)}) == 3


@pytest.mark.parametrize(
    ("model", "is_dated"),
    [
        ("gpt-4.1-mini-2025-04-14", True),
        ("some-model-20250414", True),
        ("ft:gpt-4.1-mini-2025-04-14:acme:router:abc", True),
        ("ft:gpt-4.1-mini:acme:router:abc", True),
        ("gpt-4.1-mini", False),
        ("Qwen/Qwen2.5-7B-Instruct", False),
    ],
)
def test_dated_names(model: str, is_dated: bool) -> None:
    assert identity.is_dated(model) is is_dated
