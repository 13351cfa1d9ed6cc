"""How models of engine linear answer: few-shot base model, sampling, tool calls, several threads."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from ftops.server.engines.interface import Sampling
from ftops.server.engines.linear.model import MOST_PREFIXES
from ftops.server.engines.linear.weights import Weights, dump
from learning import COLD, ENGINE, HELD_OUT_FORMS, QUESTIONS, TRAIN_FORMS, ask, chat, label_rows, train

EXAMPLES = [
    {"role": role, "content": text}
    for label, questions in QUESTIONS.items()
    for question in questions
    for role, text in (("user", question), ("assistant", label))
]


@pytest.fixture(scope="module")
def tuned():
    return ENGINE.load("gpt-4o", train(label_rows(TRAIN_FORMS)))


def test_the_base_model_knows_nothing():
    base = ENGINE.load("gpt-4o", None)
    messages = chat("Why was I charged twice")
    bland = {"role": "assistant", "content": "I don't know."}
    assert [each.message for each in base.answer(messages, Sampling(n=2))] == [bland] * 2
    assert ask(base, []) == {"role": "assistant", "content": "I don't know."}
    # A label in the system message is no example.
    assert ask(base, chat("Where is my parcel", system="billing or delivery"))["content"] == "I don't know."


def test_the_base_model_uses_the_examples_in_its_prompt():
    base = ENGINE.load("gpt-4o", None)
    rows = label_rows(HELD_OUT_FORMS)
    right = [
        ask(base, [row["messages"][0], *EXAMPLES, row["messages"][1]])["content"] == row["messages"][2]["content"]
        for row in rows
    ]
    assert sum(right) / len(right) > 0.9


def test_the_base_model_tells_prefixes_apart_and_forgets_old_ones():
    base = ENGINE.load("gpt-4o", None)
    for _ in range(2):
        for place in range(MOST_PREFIXES + 3):
            shown = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": f"reply {place}"}]
            assert ask(base, [*shown, {"role": "user", "content": "hi"}])["content"] == f"reply {place}"
    assert len(base._prepared) == MOST_PREFIXES


def test_a_tuned_model_leads_with_its_own_knowledge(tuned):
    wrong = [{"role": "user", "content": "Where is my parcel"}, {"role": "assistant", "content": "nonsense"}]
    messages = chat("Hey there: Where is my parcel?")
    assert ask(tuned, [messages[0], *wrong, messages[1]])["content"] == "delivery"


def test_temperature_0_takes_the_likeliest(tuned):
    replies = tuned.answer(chat("My screen stays black"), Sampling(n=5, temperature=0))
    assert [reply.message["content"] for reply in replies] == ["technical"] * 5


def test_equal_seeds_give_equal_answers(tuned):
    def drawn(seed):
        return tuned.answer(chat("My screen and my invoice"), Sampling(n=30, temperature=3.0, seed=seed))

    assert drawn(5) == drawn(5)
    assert drawn(-5) == drawn(-5)
    assert len({str(drawn(seed)) for seed in range(5)}) > 1
    assert len(drawn(None)) == 30


def test_temperature_and_top_p_shape_the_draw(tuned):
    def distinct(**given):
        replies = tuned.answer(chat("My screen"), Sampling(n=200, seed=1, **given))
        return Counter(reply.message["content"] for reply in replies)

    assert len(distinct(temperature=1e6)) == 4
    assert len(distinct(temperature=1e6, top_p=0.4)) == 2
    assert set(distinct(temperature=1e6, top_p=0.0)) == {"technical"}
    assert set(distinct(temperature=1e-300)) == {"technical"}
    assert distinct(temperature=1.0)["technical"] > distinct(temperature=5.0)["technical"]


def test_replies_with_tool_calls_are_given_back():
    def called(city, call_id):
        function = {"name": "weather", "arguments": f'{{"city": "{city}"}}'}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        }

    rows = [
        {"messages": [{"role": "user", "content": form.format(city)}, called(city, f"call_{form[:3]}")]}
        for city in ("Oslo", "Lima", "Cairo")
        for form in ("How warm is {}?", "Weather in {}", "Is it raining in {}", "Storms near {}?")
    ]
    after_call = [
        {"messages": [*row["messages"], {"role": "tool", "tool_call_id": "x", "content": "sunny"}, say]}
        for row in rows
        for say in [{"role": "assistant", "content": "Sunny!"}]
    ]
    model = ENGINE.load("gpt-4o", train([*rows, *after_call]))
    question = {"role": "user", "content": "Weather for Lima today"}
    reply = ask(model, [question])
    assert reply["content"] is None
    assert reply["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Lima"}'}
    assert reply["tool_calls"][0]["id"].startswith("call_")
    assert reply == ask(model, [question])
    result = {"role": "tool", "tool_call_id": "x", "content": "sunny"}
    assert ask(model, [question, reply, result])["content"] == "Sunny!"


def test_replies_with_refusals_functions_and_parts_are_given_back():
    rows = [
        {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", **reply}]}
        for prompt, reply in (
            ("pick the lock", {"content": None, "refusal": "I won't."}),
            ("call legacy", {"content": None, "function_call": {"name": "f", "arguments": "{}"}}),
            ("say parts", {"content": [{"type": "text", "text": "In "}, {"type": "text", "text": "parts."}]}),
        )
        for _ in range(4)
    ]
    model = ENGINE.load("gpt-4o", train(rows))
    assert ask(model, rows[0]["messages"][:1])["refusal"] == "I won't."
    assert ask(model, rows[4]["messages"][:1])["function_call"] == {"name": "f", "arguments": "{}"}
    assert ask(model, rows[8]["messages"][:1])["content"] == "In parts."


def test_prompts_of_parts_and_images_are_read():
    def shown(url):
        image = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]

    rows = [
        {"messages": [*shown(f"https://pictures.test/{name}.png"), {"role": "assistant", "content": name}]}
        for name in ("cat", "dog")
        for _ in range(5)
    ]
    model = ENGINE.load("gpt-4o", train(rows))
    assert ask(model, shown("https://pictures.test/dog.png"))["content"] == "dog"
    assert ask(model, [{"role": "user", "content": "\ud800 cat"}])["content"] == "cat"


def test_one_model_serves_several_threads(tuned):
    rows = label_rows(HELD_OUT_FORMS)
    expected = [ask(tuned, row["messages"][:2]) for row in rows]
    base = ENGINE.load("gpt-4o", None)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda row: ask(tuned, row["messages"][:2]), rows)) == expected
        replies = set(pool.map(lambda _: ask(base, [*EXAMPLES, EXAMPLES[0]])["content"], range(50)))
    assert replies == {"billing"}


def test_weights_without_replies_are_no_model():
    with pytest.raises(ValueError, match="no reply"):
        ENGINE.load("gpt-4o", dump(Weights.empty()))
    assert COLD.n == 1
