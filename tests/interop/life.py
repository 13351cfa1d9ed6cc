"""A fine-tune's life as the Python SDK lives it; ``life.mjs`` is the same in the Node SDK, line by line.

Asks the server at ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``, as any program would that knows nothing of ftops. The server's
webhook, signed with ``OPENAI_WEBHOOK_SECRET``, goes to the letterbox at ``LIFE_LETTERBOX``.
"""

from chapters.batches import live_batches
from chapters.chat import live_chat, live_models, live_tools
from chapters.end import live_end
from chapters.errors import live_errors
from chapters.faults import live_faults
from chapters.files import live_files
from chapters.graders import live_graders
from chapters.jobs import live_cancel, live_failure, live_job, live_lists, live_pause, live_results
from chapters.methods import live_preferences, live_rewards
from chapters.streams import live_formats, live_logprobs, live_streams
from chapters.uploads import live_uploads
from chapters.webhooks import live_webhooks
from openai import OpenAI


def main() -> None:
    client = OpenAI(max_retries=0)
    live_faults(client)
    training, validation = live_files(client)
    live_uploads(client)
    job = live_job(client, training, validation)
    live_results(client, job)
    live_pause(client, training)
    live_cancel(client, training)
    live_failure(client)
    live_lists(client, job)
    live_models(client, job.fine_tuned_model)
    live_chat(client, job.fine_tuned_model)
    live_streams(client, job.fine_tuned_model)
    live_logprobs(client, job.fine_tuned_model)
    live_formats(client, job.fine_tuned_model)
    live_tools(client)
    live_preferences(client, job.fine_tuned_model)
    live_rewards(client)
    live_batches(client, job.fine_tuned_model)
    live_graders(client, job.fine_tuned_model)
    live_errors(client, training)
    live_webhooks(client, job.id, ended=16)
    live_end(client, job, [training, validation])


if __name__ == "__main__":
    main()
