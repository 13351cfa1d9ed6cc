"""The program that ``early_look`` starts: asks a backend for its newest jobs and its models, and ends.

Reads one ``Question`` from standard input and writes ``Answers`` to standard output, both in MessagePack. Of what went wrong
it says nothing but by its exit status: whoever started it asks again.
"""

import sys
from contextlib import closing

import msgspec

from ftops.adapters.backend_timing import Timing
from ftops.adapters.early_look import Answers, Question
from ftops.adapters.openai_backend import OpenAIBackend


def main() -> None:
    """Answers the question that comes in."""
    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Question)
    # Not a second time here: what fails is asked again by the process that wants to know.
    with closing(OpenAIBackend(question.address, timing=Timing(retries=0))) as backend:
        answers = Answers(
            jobs=backend.jobs.list_jobs(metadata=question.metadata, newest=question.newest),
            models=backend.models.list_models(),
        )
    sys.stdout.buffer.write(msgspec.msgpack.encode(answers))


if __name__ == "__main__":
    main()
