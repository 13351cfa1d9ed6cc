"""What a model that judges is asked, as it is declared: its messages, and how it draws its answer.

Owns the fields alone. ``prompts`` reads messages and fills them in.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Text in a message to a judge, a template."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image in a message to a judge. ``url`` is a template."""

    url: str
    detail: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """Sound in a message to a judge. ``data`` is base64 or a template for it."""

    data: str
    format: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptMessage:
    """A message to a judge."""

    role: str
    parts: tuple[Text | Image | Audio, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSampling:
    """How a judge draws its answer; None leaves it to the model. The wire spells ``max_completions_tokens``."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
