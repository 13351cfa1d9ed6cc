"""DSPy's fine-tuning of an OpenAI model: it uploads, waits by events and estimates, and asks the model it gets.

Asks the server at ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``; keeps its files in ``DSPY_CACHEDIR``.
"""

import functools

import dspy
from colours import BASE, QUESTION, rows, tell
from dspy.clients.openai import OpenAIProvider
from dspy.clients.utils_finetune import TrainDataFormat


def main() -> None:
    # Its own parameter, which it has no option for: it would look only every 20 seconds.
    OpenAIProvider.wait_for_job = staticmethod(functools.partial(OpenAIProvider.wait_for_job, poll_frequency=0.1))
    dspy.settings.experimental = True
    base = dspy.LM(f"openai/{BASE}", provider=OpenAIProvider(), cache=False, temperature=0)
    training = base.finetune(
        train_data=rows(), train_data_format=TrainDataFormat.CHAT, train_kwargs={"n_epochs": 3, "batch_size": "auto"}
    )
    tuned = training.result()
    if isinstance(tuned, Exception):
        raise tuned
    tell("model", name=tuned.model)
    tell("chat", answers=tuned(QUESTION))


if __name__ == "__main__":
    main()
