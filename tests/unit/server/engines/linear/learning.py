"""Short ways to train and ask in tests of engine linear, and a small labelling task of our own."""

from itertools import product

from ftops.server.engines.interface import Checkpoint, Sampling, StepMetrics, TrainingSpec
from ftops.server.engines.linear import LinearEngine

ENGINE = LinearEngine()
COLD = Sampling(temperature=0)

QUESTIONS = {
    "billing": (
        "Why was I charged twice",
        "My invoice shows the wrong amount",
        "Refund the payment",
        "The card was declined",
    ),
    "delivery": ("Where is my parcel", "The courier never came", "My package arrived late", "Shipping takes too long"),
    "account": ("I forgot my password", "Let me log in again", "Change my username", "Close my profile for good"),
    "technical": (
        "The app crashes at start",
        "My screen stays black",
        "An error pops up",
        "The update will not install",
    ),
}
TRAIN_FORMS = ("{}.", "Hello, {}!", "{}, please help", "Good morning. {}", "{} and I am annoyed")
HELD_OUT_FORMS = ("Hey there: {}?", "Once more, {} today")


def chat(question, reply=None, system="Sort the customer's message."):
    """Gives a row of the supervised format, or without a reply just the messages to send."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    return messages if reply is None else {"messages": [*messages, {"role": "assistant", "content": reply}]}


def label_rows(forms):
    return [
        chat(form.format(question), label)
        for form, (label, questions) in product(forms, QUESTIONS.items())
        for question in questions
    ]


def graded_rows(forms):
    """Gives rows of the reinforcement format: the label is there for the grader alone."""
    return [
        {"messages": row["messages"][:-1], "label": row["messages"][-1]["content"], "id": f"row {place}"}
        for place, row in enumerate(label_rows(forms))
    ]


def is_label(row, message):
    return float(message["content"] == row["label"])


def spec_of(rows, *, method="supervised", validation=(), seed=7, parent=None, reward=None, **hyperparameters):
    return TrainingSpec(
        base="gpt-4o",
        method=method,
        train_rows=rows,
        validation_rows=validation,
        seed=seed,
        hyperparameters=hyperparameters,
        parent=parent,
        reward=reward,
    )


def run(spec, resume=None):
    """Gives the metrics and the checkpoints of a run."""
    items = list(ENGINE.train(spec, ENGINE.prepare(spec), resume))
    metrics = [item for item in items if isinstance(item, StepMetrics)]
    return metrics, [item for item in items if isinstance(item, Checkpoint)]


def train(rows, **options):
    """Gives the weights after training."""
    return run(spec_of(rows, **options))[1][-1].weights


def ask(model, messages, sampling=COLD):
    return model.answer(messages, sampling)[0].message


def accuracy(weights, rows):
    model = ENGINE.load("gpt-4o", weights)
    right = [ask(model, row["messages"][:-1])["content"] == row["messages"][-1]["content"] for row in rows]
    return sum(right) / len(right)
