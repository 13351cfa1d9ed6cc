"""LangChain's chat model for OpenAI, asking a model that was fine-tuned for it.

Asks the server at ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``.
"""

import time

import openai
from colours import BASE, QUESTION, jsonl, tell
from langchain_openai import ChatOpenAI


def main() -> None:
    client = openai.OpenAI()
    file = client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model=BASE, training_file=file.id, hyperparameters={"n_epochs": 3})
    for _ in range(1200):
        job = client.fine_tuning.jobs.retrieve(job.id)
        if job.status == "succeeded":
            break
        time.sleep(0.05)
    model = ChatOpenAI(model=job.fine_tuned_model or "", temperature=0)
    answer = model.invoke(QUESTION)
    tell("chat", answer=answer.content, reason=answer.response_metadata["finish_reason"])
    tell("many", answers=[each.content for each in model.batch([QUESTION] * 3)])
    pieces = list(model.stream(QUESTION, stream_usage=True))
    tell(
        "stream",
        answer="".join(piece.content for piece in pieces),
        has_usage=any(piece.usage_metadata for piece in pieces),
    )
    calls = model.bind_tools([_paint], tool_choice="_paint").invoke(QUESTION).tool_calls
    tell("tools", names=[call["name"] for call in calls], arguments=[sorted(call["args"]) for call in calls])
    form = {"title": "Paint", "type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
    for method in ("json_schema", "function_calling"):
        tell(method, keys=sorted(model.with_structured_output(form, method=method).invoke(QUESTION)))
    sure = model.bind(logprobs=True).invoke(QUESTION).response_metadata["logprobs"]
    tell("logprobs", tokens=[token["token"] for token in sure["content"]])
    tell("usage", adds_up=answer.usage_metadata["input_tokens"] + 1 == answer.usage_metadata["total_tokens"])


def _paint(colour: str) -> str:
    """Paints everything in one colour."""
    return f"all is {colour} now"


if __name__ == "__main__":
    main()
