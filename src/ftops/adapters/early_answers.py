"""The program that ``early_process`` starts: asks a backend for its newest jobs and models, then for single jobs, and ends.

Reads messages from standard input (a ``Question``, then ids of jobs), and writes one to standard output for each.
Of what went wrong it says nothing, it ends: whoever started it asks again.
"""

import gc
import sys
from contextlib import closing


def main() -> None:
    """Answers what comes in, until nothing comes any more."""
    gc.disable()  # importing the SDK makes a great many values, all of which stay: looking through them takes a tenth of it
    import msgspec

    from ftops.adapters.backend_timing import Timing
    from ftops.adapters.early_look import Answers, Question
    from ftops.adapters.early_process import read_message, write_message
    from ftops.adapters.openai_backend import OpenAIBackend
    from ftops.domain.manifest import JobId

    given, told = sys.stdin.buffer, sys.stdout.buffer
    question = msgspec.msgpack.decode(read_message(given) or b"", type=Question)
    # Not a second time here: what fails is asked again by the process that wants to know.
    with closing(OpenAIBackend(question.address, timing=Timing(retries=0))) as backend:
        answers = Answers(
            jobs=backend.jobs.list_jobs(metadata=question.metadata, newest=question.newest),
            models=backend.models.list_models(),
        )
        write_message(told, msgspec.msgpack.encode(answers))
        while (asked := read_message(given)) is not None:
            job = JobId(msgspec.msgpack.decode(asked, type=str))
            write_message(told, msgspec.msgpack.encode(backend.jobs.retrieve(job)))


if __name__ == "__main__":
    main()
