"""Log-probabilities of engine linear's tokens: the chain rule holds exactly, and the alternatives are the right ones."""

import math
import sys

import numpy as np
import pytest

from ftops.server.engines.interface import Sampling
from ftops.server.engines.linear.conversation import reply_key
from ftops.server.engines.linear.logprobs import TokenTree
from ftops.server.engines.linear.pieces import cut_texts
from ftops.server.engines.linear.repertoire import Repertoire
from learning import ENGINE, TRAIN_FORMS, chat, label_rows, train

CONTENTS = (
    "The answer is yes.",
    "The answer is no.",
    "The answer",
    "",
    "Dunno 🧠 naïve 日本語",
    "Dunno 🧠 naïve 日本",
    "The answer is yes. Really.",
)
SCORES = np.array([0.5, -1.0, 2.0, 0.0, 1.0, -30.0, 0.25], np.float32)


@pytest.fixture(params=["tokenizer", "bytes"])
def tokenizer(request, monkeypatch):
    if request.param == "bytes":
        monkeypatch.setitem(sys.modules, "toktok", None)
    else:
        pytest.importorskip("toktok")
    return request.param


def brute_force(pieces, scores, prefix, piece):
    """Gives ln P(piece | prefix), by adding up replies; without a piece that of the end."""
    odds = np.exp(np.asarray(scores, np.float64))
    wanted = prefix if piece is None else (*prefix, piece)
    begins = [each[: len(prefix)] == prefix for each in pieces]
    goes_on = [each == prefix if piece is None else each[: len(wanted)] == wanted for each in pieces]
    return math.log(odds[goes_on].sum() / odds[begins].sum())


def test_tokens_have_the_probabilities_of_the_replies_that_go_on_with_them(tokenizer):
    tree, pieces = TokenTree(CONTENTS), cut_texts(CONTENTS)
    for place, content in enumerate(CONTENTS):
        tokens = tree.tokens_of(place, SCORES, 20)
        assert b"".join(token.content for token in tokens) == content.encode()
        for depth, token in enumerate(tokens):
            prefix = pieces[place][:depth]
            assert token.logprob == pytest.approx(brute_force(pieces, SCORES, prefix, token.content), abs=1e-9)
            followers = {each[depth] for each in pieces if each[:depth] == prefix and len(each) > depth}
            assert {piece for piece, _ in token.top} == followers
            assert (token.content, token.logprob) in token.top
            for piece, logprob in token.top:
                assert logprob == pytest.approx(brute_force(pieces, SCORES, prefix, piece), abs=1e-9)
            assert [logprob for _, logprob in token.top] == sorted((each for _, each in token.top), reverse=True)


def test_the_tokens_and_the_end_make_up_the_probability_of_the_reply(tokenizer):
    tree, pieces = TokenTree(CONTENTS), cut_texts(CONTENTS)
    logs = SCORES - np.logaddexp.reduce(SCORES.astype(np.float64))
    for place, content in enumerate(pieces):
        tokens = sum(token.logprob for token in tree.tokens_of(place, SCORES, 0))
        assert tokens + brute_force(pieces, SCORES, content, None) == pytest.approx(logs[place], abs=1e-6)


def test_tokens_are_those_that_usage_counts(tokenizer):
    from ftops.server.chat import tokens

    if tokenizer == "tokenizer":
        assert [len(pieces) for pieces in cut_texts(CONTENTS)] == [tokens.count([content]) for content in CONTENTS]
        assert any(b"\x9f" in piece and len(piece) < 4 for piece in cut_texts(["🧠"])[0])
    assert cut_texts(["\ud800<|endoftext|>"]) == cut_texts(["?<|endoftext|>"])


def test_the_number_of_alternatives_is_bounded():
    tree = TokenTree([f"{letter}." for letter in "abcdefghij"])
    scores = np.arange(10, dtype=np.float32)
    (token, _) = tree.tokens_of(0, scores, 3)
    assert [piece for piece, _ in token.top] == [b"j", b"i", b"h"]
    assert token.logprob == pytest.approx(-9 - math.log(sum(math.exp(-n) for n in range(10))), abs=1e-6)
    assert tree.tokens_of(0, scores, 0)[0].top == ()


def test_unlikely_replies_have_finite_logprobs_and_impossible_ones_are_not_named():
    tree = TokenTree(["yes", "no", "maybe"])
    assert tree.tokens_of(0, np.array([-1e6, 0, 0], np.float32), 5)[0].logprob == pytest.approx(-1e6 - math.log(2))
    (token,) = tree.tokens_of(0, np.array([0, -np.inf, 0], np.float32), 5)
    assert token.logprob == pytest.approx(-math.log(2))
    assert [piece for piece, _ in token.top] == [b"maybe", b"yes"]


def test_replies_with_one_content_share_its_tokens():
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    replies = [
        reply_key({"content": "Hm"}),
        reply_key({"content": "Hm", "tool_calls": [call]}),
        reply_key({"content": "No"}),
    ]
    answers = Repertoire(replies).answers(np.zeros(3, np.float32), Sampling(n=30, seed=1, top_logprobs=2), None)
    logprobs = {answer.message["content"]: answer.tokens[0].logprob for answer in answers}
    assert logprobs == {"Hm": pytest.approx(math.log(2 / 3)), "No": pytest.approx(math.log(1 / 3))}


def test_replies_without_content_have_no_tokens_but_count():
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    replies = [reply_key({"content": None, "tool_calls": [call]}), reply_key({"content": "No"})]
    answers = Repertoire(replies).answers(np.zeros(2, np.float32), Sampling(n=30, seed=1, top_logprobs=2), None)
    assert {answer.tokens is None for answer in answers if answer.message["content"] is None} == {True}
    spoken = [answer.tokens for answer in answers if answer.message["content"] is not None]
    assert spoken[0][0].logprob == pytest.approx(math.log(1 / 2))
    assert spoken[0][0].top == ((b"No", spoken[0][0].logprob),)


def test_models_give_them_at_temperature_1_whatever_the_temperature_of_the_draw():
    model = ENGINE.load("gpt-4o", train(label_rows(TRAIN_FORMS)))
    messages = chat("My screen and my invoice")
    assert model.answer(messages, Sampling(temperature=0))[0].tokens is None
    (cold,) = model.answer(messages, Sampling(temperature=0, top_logprobs=4))
    (narrow,) = model.answer(messages, Sampling(temperature=0.3, top_p=0.1, seed=1, top_logprobs=4))
    assert cold == narrow
    assert sum(math.exp(logprob) for _, logprob in cold.tokens[0].top) == pytest.approx(1)
    drawn = model.answer(messages, Sampling(n=4000, seed=1, top_logprobs=0))
    share = sum(each.message == cold.message for each in drawn) / 4000
    assert share == pytest.approx(math.exp(sum(token.logprob for token in cold.tokens)), abs=0.03)


def test_the_base_model_is_sure_of_what_it_says():
    (answer,) = ENGINE.load("gpt-4o", None).answer(chat("Hello"), Sampling(top_logprobs=1))
    assert b"".join(token.content for token in answer.tokens) == b"I don't know."
    assert {token.logprob for token in answer.tokens} == {0.0}


def test_a_form_narrows_the_probabilities():
    repertoire = Repertoire([reply_key({"content": content}) for content in ("yes", "no", "maybe")])
    scores = np.zeros(3, np.float32)
    (answer,) = repertoire.answers(scores, Sampling(temperature=0, top_logprobs=5), lambda m: "o" not in m["content"])
    assert answer.tokens[0].logprob == pytest.approx(math.log(1 / 2))
    assert [piece for piece, _ in answer.tokens[0].top] == [b"maybe", b"yes"]
