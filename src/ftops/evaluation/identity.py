"""Digests that say whether scores and outputs may be used again: of rows, of what is sent, of graders and of baselines.

Owns the identities only. Canonical JSON (RFC 8785) is ``domain.revision``'s.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ftops.domain.manifest import Baseline, EvalSpec, FewShot, PromptFile
from ftops.domain.revision import digest

SHORT_DIGITS: Final = 16

# Neither changes a score: a name is for people, and a threshold is applied to recorded scores when they are judged.
_NOT_SCORING: Final = frozenset({"name", "pass_threshold"})

_DATED: Final = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


def short_digest(value: Any) -> str:
    """Gives the first 16 hex digits of the SHA-256 of the canonical JSON of ``value``."""
    return digest(value)[:SHORT_DIGITS]


def row_digest(row: Mapping[str, Any]) -> str:
    """Gives the identity of an evaluation row: 16 hex digits over all its keys."""
    return short_digest(row)


def sent_digest(spec: EvalSpec, prompt: Mapping[str, Any] | None = None) -> str:
    """Gives the digest of how rows become requests. ``prompt`` is a baseline's ``prompt_identity``."""
    return digest({"input": spec.input, "sampling": spec.sampling, "repeats": spec.repeats, "prompt": prompt})


def grader_digest(grader: Mapping[str, Any]) -> str:
    """Gives the digest of what determines a grader's score: all but its own name and pass threshold.

    Names of graders inside another one stay: its formula refers to them.
    """
    return digest({key: value for key, value in grader.items() if key not in _NOT_SCORING})


def prompt_identity(
    prompt: FewShot | PromptFile | None, *, file_text: str | None, train_sha256: str, dataset_sha256: str
) -> Mapping[str, Any] | None:
    """Gives what a model's own prompt is, by content: a file's text, or what few-shot examples are drawn from and kept off.

    ``file_text`` is the text of a prompt file. None where the model has no prompt of its own.
    """
    if prompt is None:
        return None
    if isinstance(prompt, FewShot):
        return {
            "few_shot": prompt.k,
            "seed": prompt.seed,
            "train": train_sha256,
            "dataset": dataset_sha256,
        }
    return {"messages": file_text}


def form_digest(baseline: Baseline, prompt: Mapping[str, Any] | None) -> str:
    """Gives the identity of a declared baseline; ``prompt`` is its ``prompt_identity``. It says nothing of the model found."""
    return digest(
        {
            "base": baseline.base,
            "alias": baseline.alias,
            "model": baseline.model,
            "backend": baseline.backend,
            "prompt": prompt,
        }
    )


def request_key(
    *, namespace: Mapping[str, Any], messages: Sequence[Any], extra: Any, sampling: Any, repeat: int
) -> str:
    """Gives the key that an answer is kept under; ``namespace`` holds the backend, the model and for whom it was asked."""
    return digest({**namespace, "messages": messages, "extra": extra, "sampling": sampling, "repeat": repeat})


def is_dated(model: str) -> bool:
    """Whether a model's name always means the same weights: a fine-tuned model's, or one that ends in a date.

    ``gpt-4.1-mini`` is neither: its provider may change what it means, so what it answered is no evidence later.
    """
    return model.startswith("ft:") or _DATED.search(model) is not None
