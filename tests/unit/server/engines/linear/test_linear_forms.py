"""Answers of engine linear kept to a form: as if the model knew no others, though few are ever asked about."""

from collections import Counter

import numpy as np
import pytest

from ftops.server.engines.interface import Sampling
from ftops.server.engines.linear.conversation import reply_key
from ftops.server.engines.linear.repertoire import Repertoire
from ftops.server.engines.linear.sampling import draw
from learning import ENGINE, chat

SCORES = np.log(np.array([0.4, 0.3, 0.15, 0.1, 0.05])).astype(np.float32)
ACCEPTED = (1, 3, 4)


def shares(sampling_of, is_accepted):
    drawn = draw(SCORES, sampling_of, is_accepted)
    counts = Counter(drawn)
    return [counts[place] / len(drawn) for place in range(len(SCORES))]


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (1.0, [0, 0.3 / 0.45, 0, 0.1 / 0.45, 0.05 / 0.45]),
        (0.8, [0, 0.75, 0, 0.25, 0]),
        (0.6, [0, 1, 0, 0, 0]),
        (0.0, [0, 1, 0, 0, 0]),
    ],
)
def test_the_draw_is_that_of_a_model_that_knows_only_what_is_accepted(top_p, expected):
    wanted = Sampling(n=20_000, seed=3, top_p=top_p)
    assert shares(wanted, ACCEPTED.__contains__) == pytest.approx(expected, abs=0.015)
    alone = draw(SCORES[list(ACCEPTED)], wanted)
    counts = Counter(ACCEPTED[place] for place in alone)
    assert [counts[place] / len(alone) for place in range(len(SCORES))] == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("given", [{}, {"temperature": 0}, {"temperature": 3.0}, {"top_p": 0.7}, {"top_p": 0.0}])
def test_a_form_that_all_replies_have_changes_nothing(given):
    wanted = Sampling(n=50, seed=9, **given)
    assert draw(SCORES, wanted, lambda _: True) == draw(SCORES, wanted)


@pytest.mark.parametrize("given", [{}, {"temperature": 0}, {"top_p": 0.7}, {"top_logprobs": 3}])
def test_where_no_reply_has_the_form_there_is_no_answer(given):
    assert draw(SCORES, Sampling(n=3, **given), lambda _: False) == ()
    assert ENGINE.load("gpt-4o", None).answer(chat("Hello"), Sampling(**given), lambda _: False) == ()


@pytest.mark.parametrize("top_p", [0.05, 0.3, 0.5, 0.9, 0.999])
def test_a_nucleus_is_the_same_whether_found_by_asking_few_or_all(top_p):
    scores = np.random.default_rng(2).normal(size=400).astype(np.float32) * 3
    accepted = np.flatnonzero(np.arange(400) % 3 == 0)
    kept = {
        int(accepted[place]) for place in draw(scores[accepted], Sampling(n=5000, seed=1, top_p=top_p, temperature=2))
    }
    lazily = draw(scores, Sampling(n=5000, seed=1, top_p=top_p, temperature=2), lambda place: place % 3 == 0)
    common = [place for place, count in Counter(lazily).items() if count > 20]
    assert set(lazily) <= set(accepted)
    assert set(common) <= kept
    assert abs(len(set(lazily)) - len(kept)) <= 0.1 * len(kept)


@pytest.mark.parametrize("given", [{}, {"temperature": 0}, {"top_p": 0.5}])
def test_only_replies_that_may_be_drawn_are_asked_about(given):
    asked = set()

    def is_accepted(place):
        asked.add(place)
        return place % 2 == 0

    scores = -np.arange(1000, dtype=np.float32)
    draw(scores, Sampling(seed=5, **given), is_accepted)
    assert 0 < len(asked) < 50


def test_each_reply_is_asked_about_once_as_long_as_the_demand_lives():
    repertoire = Repertoire([reply_key({"content": f"reply {place}"}) for place in range(50)])
    asked = []

    def accepts(message):
        asked.append(message["content"])
        return message["content"].endswith("7")

    for _ in range(3):
        answers = repertoire.answers(np.zeros(50, np.float32), Sampling(n=20, top_logprobs=1), accepts)
        assert {answer.message["content"][-1] for answer in answers} == {"7"}
    assert len(asked) == len(set(asked)) == 50


def test_any_callable_may_tell_the_form():
    class Demand:
        __slots__ = ()  # can't be referred to weakly

        def __call__(self, message):
            return message["content"] == "b"

    repertoire = Repertoire([reply_key({"content": content}) for content in "abc"])
    (answer,) = repertoire.answers(np.zeros(3, np.float32), Sampling(), Demand())
    assert answer.message["content"] == "b"
