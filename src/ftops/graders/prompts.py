"""The messages to a judging model: read from a grader's ``input``, and filled in for one item.

Owns their parts (text, images, sound) and how these are written for chat completions, which is what judges are asked by; and
the reading of ``sampling_params``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

from ftops.graders.fields import Fields, wrong_type
from ftops.graders.problems import GraderProblem
from ftops.graders.prompt_kinds import Audio, Image, JudgeSampling, PromptMessage, Text
from ftops.graders.templates import LONGEST_TEXT, render
from ftops.graders.variables import check_template

_ROLES: Final = ("user", "assistant", "system", "developer")
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_KINDS: Final = ("input_text", "output_text", "input_image", "input_audio")
_MOST_MESSAGES: Final = 1_000
_MOST_PARTS: Final = 1_000
# Images and sound come as base64, far longer than any text.
_LONGEST_DATA: Final = 32 * 1024 * 1024
_LONGEST_PROMPT: Final = 2 * _LONGEST_DATA


def read_prompt(fields: Fields, *, namespaces: frozenset[str], longest: int) -> tuple[PromptMessage, ...]:
    """Gives the messages in the field ``input``; texts may have ``longest`` characters. Raises GraderProblem."""
    given = fields.take_list("input", most=_MOST_MESSAGES)
    reader = _PromptReader(namespaces=namespaces, longest=longest)
    return tuple(reader.message(each, f"{fields.path('input')}[{number}]") for number, each in enumerate(given))


def read_sampling(fields: Fields) -> JudgeSampling:
    """Gives the field ``sampling_params``. Raises GraderProblem."""
    given = fields.take("sampling_params")
    if given is None:
        return JudgeSampling()
    params = Fields(given, at=fields.path("sampling_params"))
    effort = params.take("reasoning_effort")
    sampling = JudgeSampling(
        temperature=params.take_number("temperature", least=0, most=2),
        top_p=params.take_number("top_p", least=0, most=1),
        seed=params.take_whole("seed", least=-(2**63), most=2**63 - 1),
        max_tokens=params.take_whole("max_completions_tokens", least=1, most=2**31),
        reasoning_effort=None if effort is None else params.take_choice("reasoning_effort", _EFFORTS),
    )
    params.finish()
    return sampling


def fill_in(messages: Sequence[PromptMessage], context: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Gives the messages as chat completions take them, with every variable filled in. Raises TemplateProblem."""
    filler = _Filler(context)
    return tuple({"role": message.role, "content": filler.content(message.parts)} for message in messages)


def templates_in(messages: Sequence[PromptMessage]) -> tuple[str, ...]:
    """Gives every template of the messages."""
    return tuple(_template(part) for message in messages for part in message.parts)


class _PromptReader:
    def __init__(self, *, namespaces: frozenset[str], longest: int) -> None:
        self._namespaces = namespaces
        self._longest = longest

    def message(self, given: object, at: str) -> PromptMessage:
        fields = Fields(given, at=at)
        if fields.take("type") is not None:
            fields.take_choice("type", ("message",))
        role = fields.take_choice("role", _ROLES)
        content = fields.take_required("content")
        fields.finish()
        at = fields.path("content")
        if not isinstance(content, Sequence) or isinstance(content, str):
            return PromptMessage(role=role, parts=(self._part(content, at),))
        if len(content) > _MOST_PARTS:
            raise GraderProblem(f"Invalid '{at}': more than {_MOST_PARTS} parts.", at)
        return PromptMessage(
            role=role, parts=tuple(self._part(each, f"{at}[{number}]") for number, each in enumerate(content))
        )

    def _part(self, given: object, at: str) -> Text | Image | Audio:
        if isinstance(given, str):
            return Text(text=self._template(Fields({"text": given}, at=at), "text", at=at))
        if not isinstance(given, Mapping):
            raise wrong_type(at, "a string or a content part", given)
        fields = Fields(given, at=at)
        part: Text | Image | Audio
        match fields.take_choice("type", _KINDS):
            case "input_text" | "output_text":
                part = Text(text=self._template(fields, "text"))
            case "input_image":
                part = self._image(fields)
            case _:
                audio = Fields(fields.take_required("input_audio"), at=fields.path("input_audio"))
                part = Audio(data=self._template(audio, "data"), format=audio.take_choice("format", ("mp3", "wav")))
                audio.finish()
        fields.finish()
        return part

    def _image(self, fields: Fields) -> Image:
        if fields.take("file_id") is not None:
            at = fields.path("file_id")
            raise GraderProblem(f"Invalid '{at}': an image is given by its 'image_url'.", at)
        has_detail = fields.take("detail") is not None
        return Image(
            url=self._template(fields, "image_url"),
            detail=fields.take_choice("detail", ("auto", "low", "high")) if has_detail else None,
        )

    def _template(self, fields: Fields, name: str, *, at: str | None = None) -> str:
        longest = self._longest if name == "text" else _LONGEST_DATA
        text = fields.take_required_text(name, most=longest, may_be_empty=name == "text")
        check_template(text, at=at or fields.path(name), namespaces=self._namespaces)
        return text


class _Filler:
    """Fills templates in, and bounds what comes of all of them together."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        self._room = _LONGEST_PROMPT

    def content(self, parts: Sequence[Text | Image | Audio]) -> str | Sequence[Mapping[str, Any]]:
        """A single text is written as a plain string, which every server understands."""
        if len(parts) == 1 and isinstance(parts[0], Text):
            return self._render(parts[0].text, LONGEST_TEXT)
        return [self._part(part) for part in parts]

    def _part(self, part: Text | Image | Audio) -> Mapping[str, Any]:
        match part:
            case Text():
                return {"type": "text", "text": self._render(part.text, LONGEST_TEXT)}
            case Image():
                image = {"url": self._render(part.url, _LONGEST_DATA)}
                return {
                    "type": "image_url",
                    "image_url": image if part.detail is None else {**image, "detail": part.detail},
                }
            case Audio():
                data = self._render(part.data, _LONGEST_DATA)
                return {"type": "input_audio", "input_audio": {"data": data, "format": part.format}}
            case _:
                assert_never(part)

    def _render(self, template: str, longest: int) -> str:
        text = render(template, self._context, longest=min(longest, self._room))
        self._room -= len(text)
        return text


def _template(part: Text | Image | Audio) -> str:
    match part:
        case Text():
            return part.text
        case Image():
            return part.url
        case Audio():
            return part.data
        case _:
            assert_never(part)
