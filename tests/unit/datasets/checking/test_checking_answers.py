"""Answers that put somebody off, and answers that say nothing."""

import pytest

from checking_kit import chat, found_in, pair
from ftops.datasets.checking.answers import Deferrals, LowInformationAnswers
from ftops.datasets.checking.deferrals import deferrals_in
from ftops.datasets.formats import Use
from shared_data import missing, shared_path

DEFERRED, NOTHING = Deferrals(), LowInformationAnswers()
CALL = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize(
    "answer",
    [
        "Thanks! I’ll get back to you.",
        "Let me check and come back to you on this.",
        "We will, of course, circle back with details.",
        "I'll do that tomorrow.",
        "I will send it to you as soon as I can",
        "As an AI language model, I have no opinion.",
        "As an AI, I cannot see.",
        "as a large language model I was trained",
        "I'm sorry, but I can't help with that.",
        "I am not able to assist you with this request",
        "Danke, ich melde mich später bei Ihnen.",
        "Ich komme morgen darauf zurück.",
        "Das mache ich morgen.",
        "Gern, ich prüfe das später.",
        "Dabei kann ich leider nicht helfen.",
        "Ja, ich kann Ihnen damit leider nicht weiterhelfen.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "Como modelo de lenguaje, no tengo opinión.",
        "Me pondré en contacto con usted.",
        "Vale, lo hago mañana.",
        "No puedo ayudarte con eso.",
        "Merci, je reviens vers vous.",
        "Bonjour, je vous tiens au courant.",
        "Oui, je le ferai demain.",
        "Désolé, je ne peux pas vous aider avec cela.",
        "En tant que modèle de langage, je n'ai pas d'avis.",
    ],
)
def test_answers_that_put_somebody_off(answer):
    (found,) = found_in(DEFERRED, [chat("How?", "Like this."), chat("How?", answer)])
    assert (found.code, found.line, found.field) == ("D130", 2, "/messages/1/content")


@pytest.mark.parametrize(
    "answer",
    [
        "Go back to the settings and choose Help.",
        "He said that he will pay tomorrow.",
        "I can help with that: open the settings.",
        "An AI model is a program that learns from data.",
        "Ich melde mich mit meinem Passwort an.",
        "Welche Bücher liegen morgen bereit? Ich weiß es: drei.",
        "Je vous propose de venir demain.",
        "La cita es mañana.",
        "x" * 260 + " I'll get back to you.",
    ],
)
def test_answers_that_only_look_like_it(answer):
    assert found_in(DEFERRED, [chat("How?", answer)]) == ()


def test_a_tool_call_is_a_deed():
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": CALL}]}
    row["messages"][1]["content"] = "I'll get back to you."
    assert found_in(DEFERRED, [row]) == ()


def test_the_first_few_deferrals_are_told_and_all_are_counted():
    rows = [chat("q", "fine")] * 3 + [pair("q", "I'll get back to you.", "no")] * 12
    found = found_in(DEFERRED, [row for row in rows if "input" in row], Use.DPO)
    assert [one.line for one in found[:5]] == [1, 2, 3, 4, 5]
    assert {one.field for one in found} == {"/preferred_output/0/content"}
    assert [one.count for one in found] == [1, 1, 1, 1, 1, 7]
    assert len({(one.kind, one.field) for one in found}) == 1


def test_phrases_are_found_where_they_are():
    texts = ["nothing here", "ok, we'll get back", "", "as an ai", "I will get back; as an AI"]
    assert deferrals_in(texts) == {1: "we'll get back", 3: "as an ai", 4: "i will get back"}
    assert deferrals_in([]) == {}
    many = [*["nothing here"] * 600, "als KI", *["ich helfe gern"] * 600, "Ich MELDE mich SPÄTER BEI IHNEN", "AS AN AI"]
    assert deferrals_in(many) == {600: "als ki", 1201: "ich melde mich später bei ihnen", 1202: "as an ai"}


def varied(count: int) -> list[dict]:
    return [chat(f"What is {number}?", f"It is the number {number}, or so I heard.") for number in range(count)]


@pytest.mark.parametrize(
    "answer", ["OK", "n/a", " n/a. ", "TODO", "I don't know", "Yes.", "nein", "lorem ipsum", "None"]
)
def test_answers_that_say_nothing(answer):
    (found,) = found_in(NOTHING, [*varied(10), chat("Tell me about the order.", answer)])
    assert (found.code, found.line, found.kind) == ("D131", 11, "answers say nothing")


@pytest.mark.parametrize(
    ("answer", "got"), [("…", "got '…'"), ("", "got none"), (" \n", "got ' \\x0a'"), ("--", "got '--'")]
)
def test_answers_without_a_letter(answer, got):
    (found,) = found_in(NOTHING, [*varied(10), chat("Tell me", answer)])
    assert (found.kind, found.says.partition(", ")[2]) == ("answers without a letter or digit", got)


@pytest.mark.parametrize(
    "row",
    [
        chat("Is it late?", "Yes."),
        chat("Reply with n/a if there is none.", "N/A"),
        chat("Answer.", "TBD", system="Where nothing is known, say TBD."),
        chat("Tell me", "42"),
        chat("Tell me", "okra"),
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": CALL}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "refusal": "I won't."}]},
        {
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "I won't."}]},
            ]
        },
    ],
)
def test_short_answers_that_say_enough(row):
    assert found_in(NOTHING, [*varied(10), row]) == ()


def test_a_refusal_in_a_pair_says_something():
    row = pair("q", "", "no")
    assert [one.line for one in found_in(NOTHING, [row], Use.DPO)] == [1]
    row["preferred_output"][0]["refusal"] = "I won't."
    assert found_in(NOTHING, [row], Use.DPO) == ()


def test_labels_may_say_yes_and_no():
    rows = [chat(f"Statement {number}", "yes" if number % 3 else "no") for number in range(30)]
    assert found_in(NOTHING, rows) == ()
    assert [one.line for one in found_in(NOTHING, [*rows, chat("?", "!")])] == [31]
    assert found_in(NOTHING, []) == ()


def test_prompts_without_answers_say_nothing_wrong():
    rows = [{"messages": [{"role": "user", "content": "q"}], "reference": "ok"}]
    assert found_in(NOTHING, rows, Use.REINFORCEMENT) == ()
    assert found_in(DEFERRED, rows, Use.REINFORCEMENT) == ()
    empty = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]}
    assert len(found_in(NOTHING, [empty], Use.EVALUATION)) == 1
    empty["messages"][1]["refusal"] = "I won't."
    assert found_in(NOTHING, [empty], Use.EVALUATION) == ()


@pytest.mark.skipif(not (PATH := shared_path("data/gsm8k-chat/train.jsonl")).exists(), reason=missing(PATH))
def test_worked_solutions_are_answers():
    import json

    rows = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 400
    assert found_in(DEFERRED, rows) == found_in(NOTHING, rows) == ()
