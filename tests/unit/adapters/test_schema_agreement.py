"""The quick validator never lets through what the explaining one refuses: then nobody would be told."""

import copy
import json
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.adapters import schema_problems
from ftops.adapters.schemas import load_schema

MANIFEST = """
apiVersion: ftops/v1
kind: FineTune
metadata: {name: ticket-router, description: Routes, labels: {team: support}, moved_from: [old-name]}
spec:
  backend: lab
  base_model: gpt-4.1-mini-2025-04-14
  method: {type: supervised, hyperparameters: {n_epochs: 3, batch_size: auto, learning_rate_multiplier: 0.5}}
  seed: 42
  dataset: {train: data/train.jsonl, validation: {fraction: 0.1, seed: 7}}
  evals:
    - name: intent
      dataset: data/test.jsonl
      grader: {type: label, input: "{{sample.output_text}}", reference: "{{reference}}"}
      sampling: {temperature: 0, max_completion_tokens: 64}
      gate:
        - {metric: "f1[refund]", min: 0.9, confidence: 0.95}
        - {baseline: {base: true}, test: superiority, margin: 0.02, confidence: 0.95}
  aliases: {staging: latest, production: "3f9a1c2b7d10"}
  retention: {keep: 3, files: keep, protect: false}
  budget: {training_usd: 25}
  policy: {checkpoints: last, on_superseded: cancel, retries: 1, suspend: false, override: null}
"""
PROJECT = """
apiVersion: ftops/v1
kind: Project
metadata: {name: acme-support}
spec:
  manifests: [finetunes]
  backend: gpu-box
  backends:
    gpu-box: {type: openai, base_url: "http://127.0.0.1:8400/v1", api_key_env: FTOPS_GPU_BOX_KEY, settle_seconds: 5}
  ledger: {branch: ftops-ledger, remote: origin, outputs: local}
  budget: {training_usd: 200}
"""
WHOLE = {"finetune.v1": yaml.safe_load(MANIFEST), "project.v1": yaml.safe_load(PROJECT)}

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "latest", "f1[a\nb]", "mean\n", "gpt\n", "auto", "dpo", "openai", "a" * 41, "Ä", "1.0", " "]),
    st.just([]),
    st.just({}),
    st.just([1, 1.0, True]),
    st.just(["a", "a"]),
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


def changed(value: Any, path: tuple, how: str, new: Any) -> Any:
    """The same with the value at a path replaced, taken out, put there twice, or with a key beside it."""
    if not path:
        return new
    whole = copy.deepcopy(value)
    at = whole
    for key in path[:-1]:
        at = at[key]
    last = path[-1]
    if how == "drop":
        del at[last]
    elif how == "newline" and isinstance(at[last], str):
        at[last] = f"{at[last][:2]}\n{at[last][2:]}"
    elif how == "twice" and isinstance(at, list):
        at.append(copy.deepcopy(at[last]))
    elif how == "beside" and isinstance(at, dict):
        at["unheard-of"] = new
    else:
        at[last] = new
    return whole


@settings(max_examples=150)
@given(data=st.data(), name=st.sampled_from(sorted(WHOLE)))
def test_what_the_quick_one_accepts_the_other_accepts(data, name):
    value = WHOLE[name]
    for _ in range(data.draw(st.integers(0, 3), label="changes")):
        path = data.draw(st.sampled_from(places(value)), label="path")
        how = data.draw(st.sampled_from(["replace", "drop", "twice", "beside", "newline"]), label="how")
        value = changed(value, path, how, data.draw(VALUES, label="new"))
    if schema_problems._quick_validator(name).is_valid(value):
        errors = [error.message for error in schema_problems._validator(name).iter_errors(value)]
        assert errors == [], json.dumps(value)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_the_quick_one_accepts_the_examples(name):
    assert schema_problems._quick_validator(name).is_valid(WHOLE[name])


def patterns(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["pattern"]} if isinstance(value.get("pattern"), str) else set()
        return own.union(*map(patterns, value.values()))
    return set().union(*map(patterns, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("pattern", sorted(set().union(*(patterns(load_schema(n)) for n in WHOLE))))
@settings(max_examples=100)
@given(data=st.data())
def test_no_pattern_takes_a_line_break(data, pattern):
    """The explaining validator refuses them wherever there is a pattern; the quick one leaves that to the pattern."""
    text = data.draw(st.from_regex(pattern, fullmatch=True))
    validator = jsonschema_rs.validator_for({"pattern": pattern})
    accepted = [at for at in range(len(text) + 1) if validator.is_valid(f"{text[:at]}\n{text[at:]}")]
    assert not accepted
