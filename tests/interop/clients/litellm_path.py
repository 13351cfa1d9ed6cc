"""OpenAI's fine-tuning path of litellm, asynchronously, and its chat.

Asks the server at ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``.
"""

import asyncio
import io
import json
from typing import Any

import litellm
from colours import BASE, QUESTION, jsonl, tell

litellm.suppress_debug_info = True

ENDED = ("succeeded", "failed", "cancelled")
BATCH_ENDED = ("completed", "failed", "expired", "cancelled")
OPENAI: Any = {"custom_llm_provider": "openai"}


async def main() -> None:
    file = await litellm.acreate_file(file=rows_file(), purpose="fine-tune", **OPENAI)
    kept = await litellm.afile_retrieve(file.id, **OPENAI)
    tell("file", purpose=file.purpose, status=file.status, kept=kept.id == file.id)
    job = await litellm.acreate_fine_tuning_job(
        model=BASE, training_file=file.id, suffix="litellm", hyperparameters={"n_epochs": 3}, seed=3, **OPENAI
    )
    tell("job", status=job.status, model=job.model, seed=job.seed, epochs=job.hyperparameters.n_epochs)
    job = await ended(job.id)
    tell("ended", status=job.status, model=job.fine_tuned_model, results=len(job.result_files))
    listed = await litellm.alist_fine_tuning_jobs(limit=5, **OPENAI)
    tell("list", found=[each.id for each in listed.data] == [job.id])
    other = await litellm.acreate_fine_tuning_job(
        model=BASE, training_file=file.id, hyperparameters={"n_epochs": 50, "batch_size": 1}, **OPENAI
    )
    tell("cancelled", status=(await litellm.acancel_fine_tuning_job(other.id, **OPENAI)).status)
    content = await litellm.afile_content(job.result_files[0], **OPENAI)
    tell("results", are_some=len(content.content) > 0)
    await asyncio.to_thread(chat, f"openai/{job.fine_tuned_model}")
    await batch(job.fine_tuned_model)
    tell("deleted", deleted=(await litellm.afile_delete(file.id, **OPENAI)).deleted)


async def batch(model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = io.BytesIO(json.dumps(line).encode())
    file.name = "questions.jsonl"
    sent = await litellm.acreate_file(file=file, purpose="batch", **OPENAI)
    made = await litellm.acreate_batch(
        completion_window="24h", endpoint="/v1/chat/completions", input_file_id=sent.id, **OPENAI
    )
    for _ in range(1200):
        made = await litellm.aretrieve_batch(made.id, **OPENAI)
        if made.status in BATCH_ENDED:
            break
        await asyncio.sleep(0.05)
    content = await litellm.afile_content(made.output_file_id, **OPENAI)
    (choice,) = json.loads(content.content)["response"]["body"]["choices"]
    tell("batch", status=made.status, answer=choice["message"]["content"])


def chat(model: str) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    answer = litellm.completion(model=model, messages=messages, temperature=0)
    (choice,) = answer.choices
    tell("chat", answer=choice.message.content, reason=choice.finish_reason, has_usage=answer.usage.total_tokens > 0)
    pieces = litellm.completion(
        model=model, messages=messages, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    told = [(piece.choices, getattr(piece, "usage", None)) for piece in pieces]
    text = "".join(choices[0].delta.content or "" for choices, _ in told if choices)
    tell("stream", answer=text, has_usage=any(usage for _, usage in told))
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "colour", "strict": True, "schema": schema}}
    answer = litellm.completion(model=model, messages=messages, response_format=form)
    tell("form", keys=sorted(json.loads(answer.choices[0].message.content)))
    try:
        litellm.completion(model=f"openai/ft:{BASE}:org-acme::nothing", messages=messages, num_retries=0)
    except litellm.NotFoundError as error:
        tell("no model", status=error.status_code)


async def ended(job_id: str) -> Any:
    for _ in range(1200):
        job = await litellm.aretrieve_fine_tuning_job(job_id, **OPENAI)
        if job.status in ENDED:
            return job
        await asyncio.sleep(0.05)
    raise TimeoutError(job_id)


def rows_file() -> io.BytesIO:
    file = io.BytesIO(jsonl())
    file.name = "rows.jsonl"
    return file


if __name__ == "__main__":
    asyncio.run(main())
