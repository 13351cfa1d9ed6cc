"""Which fields each object has in every answer, null where there is nothing to say.

The published document leaves most of them optional, so that one which gets lost contradicts nothing; clients that read
``job.estimated_finish`` from bare JSON notice. What goes beyond this is the document's to know: see ``conformance``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_USAGE = "prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details"
_PROMPT_DETAILS = "cached_tokens audio_tokens"
_COMPLETION_DETAILS = "reasoning_tokens audio_tokens accepted_prediction_tokens rejected_prediction_tokens"
_MEASURED = "token logprob bytes top_logprobs"
_ONE_PAGE = "object data"
_PAGE = "object data has_more"
_PAGE_WITH_ENDS = "object data has_more first_id last_id"
_SUPERVISED = "batch_size learning_rate_multiplier n_epochs"
_RUN = "post /fine_tuning/alpha/graders/run"
_ANSWERED = "chat.completion.choices"
_TOLD = "chat.completion.chunk.choices"

FIELDS: Mapping[str, str] = {
    "refusal": "error",
    "refusal.error": "message type param code",
    "file": "object id bytes created_at expires_at filename purpose status status_details",
    "file deleted": "object id deleted",
    "upload": "object id bytes created_at expires_at filename purpose status file",
    "upload.part": "object id created_at upload_id",
    "fine_tuning.job": "object id model created_at finished_at fine_tuned_model organization_id result_files status"
    " validation_file training_file hyperparameters trained_tokens error user_provided_suffix seed estimated_finish"
    " integrations metadata method shared_with_openai eval_id usage_metrics",
    "fine_tuning.job.error": "code message param",
    "fine_tuning.job.hyperparameters": _SUPERVISED,
    "fine_tuning.job.integrations": "type wandb",
    "fine_tuning.job.integrations.wandb": "project",
    "fine_tuning.job.method": "type",
    "fine_tuning.job.method.supervised": "hyperparameters",
    "fine_tuning.job.method.supervised.hyperparameters": _SUPERVISED,
    "fine_tuning.job.method.dpo": "hyperparameters",
    "fine_tuning.job.method.dpo.hyperparameters": f"{_SUPERVISED} beta",
    "fine_tuning.job.method.reinforcement": "grader hyperparameters",
    "fine_tuning.job.method.reinforcement.hyperparameters": f"{_SUPERVISED} compute_multiplier eval_interval eval_samples"
    " reasoning_effort",
    "fine_tuning.job.event": "object id created_at level message data type",
    "fine_tuning.job.event.data": "",  # by the type of event
    "fine_tuning.job.event.data.scores": "train_reward_mean valid_reward_mean",
    "fine_tuning.job.checkpoint": "object id created_at fine_tuned_model_checkpoint fine_tuning_job_id metrics"
    " step_number",
    "fine_tuning.job.checkpoint.metrics": "step train_loss",  # and more, by the method and what there is to validate on
    "model": "object id created owned_by",
    "model deleted": "object id deleted",
    "batch": "object id endpoint model errors input_file_id completion_window status output_file_id error_file_id"
    " created_at in_progress_at expires_at finalizing_at completed_at failed_at expired_at cancelling_at cancelled_at"
    " request_counts usage metadata",
    "batch.errors": _ONE_PAGE,
    "batch.errors.data": "code message param line",
    "batch.request_counts": "total completed failed",
    "batch.usage": "input_tokens input_tokens_details output_tokens output_tokens_details total_tokens",
    "batch.usage.input_tokens_details": "cached_tokens",
    "batch.usage.output_tokens_details": "reasoning_tokens",
    "chat.completion": "object id created model choices usage service_tier system_fingerprint",
    "chat.completion.usage": _USAGE,
    "chat.completion.usage.prompt_tokens_details": _PROMPT_DETAILS,
    "chat.completion.usage.completion_tokens_details": _COMPLETION_DETAILS,
    _ANSWERED: "index message logprobs finish_reason",
    f"{_ANSWERED}.message": "role content refusal annotations",
    f"{_ANSWERED}.message.tool_calls": "id type function",
    f"{_ANSWERED}.message.tool_calls.function": "name arguments",
    f"{_ANSWERED}.logprobs": "content refusal",
    f"{_ANSWERED}.logprobs.content": _MEASURED,
    f"{_ANSWERED}.logprobs.content.top_logprobs": "token logprob bytes",
    "chat.completion.chunk": "object id created model choices service_tier system_fingerprint",
    "chat.completion.chunk.usage": _USAGE,
    "chat.completion.chunk.usage.prompt_tokens_details": _PROMPT_DETAILS,
    "chat.completion.chunk.usage.completion_tokens_details": _COMPLETION_DETAILS,
    _TOLD: "index delta logprobs finish_reason",
    f"{_TOLD}.delta": "",  # what is new
    f"{_TOLD}.delta.tool_calls": "index function",
    f"{_TOLD}.delta.tool_calls.function": "arguments",
    f"{_TOLD}.logprobs": "content refusal",
    f"{_TOLD}.logprobs.content": _MEASURED,
    f"{_TOLD}.logprobs.content.top_logprobs": "token logprob bytes",
    "get /files": _PAGE_WITH_ENDS,
    "get /batches": _PAGE_WITH_ENDS,
    "get /models": _ONE_PAGE,
    "get /fine_tuning/jobs": _PAGE,
    "get /fine_tuning/jobs/{fine_tuning_job_id}/events": _PAGE,
    "get /fine_tuning/jobs/{fine_tuning_job_id}/checkpoints": _PAGE_WITH_ENDS,
    "post /fine_tuning/alpha/graders/validate": "grader",
    _RUN: "reward metadata sub_rewards model_grader_token_usage_per_model",
    f"{_RUN}.metadata": "name type errors execution_time scores token_usage sampled_model_name",
    f"{_RUN}.metadata.errors": "truncated_observation_error unresponsive_reward_error python_grader_server_error"
    " python_grader_server_error_type python_grader_runtime_error python_grader_runtime_error_details formula_parse_error"
    " sample_parse_error invalid_variable_error model_grader_server_error model_grader_refusal_error"
    " model_grader_parse_error other_error model_grader_server_error_details",
    f"{_RUN}.model_grader_token_usage_per_model.*": "prompt_tokens total_tokens completion_tokens cached_tokens",
    "event": "object id type created_at data",
    "event.data": "id",
}
# Keys of a client's own, or names of its graders and models: nothing to expect.
_OPEN = frozenset(
    {
        "fine_tuning.job.metadata",
        "fine_tuning.job.method.reinforcement.grader",
        "batch.metadata",
        "post /fine_tuning/alpha/graders/validate.grader",
        f"{_RUN}.metadata.scores",
        f"{_RUN}.sub_rewards",
    }
)
_BY_NAME = frozenset({f"{_RUN}.model_grader_token_usage_per_model"})


def lost_fields(body: Any, operation: str | None) -> Iterator[str]:
    """What is missing in an answer or in the objects inside, as ``file.bytes``; an object of no known kind is told too."""
    is_refusal = isinstance(body, dict) and "error" in body and "object" not in body
    yield from _lost(body, "refusal" if is_refusal or operation is None else operation)


def _lost(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _lost(each, at)
    if not isinstance(value, dict) or at in _OPEN:
        return
    if at in _BY_NAME:
        for each in value.values():
            yield from _lost(each, f"{at}.*")
        return
    kind = value.get("object")
    # A list is known by where it stands.
    label = at if kind in (None, "list") else f"{kind} deleted" if "deleted" in value else str(kind)
    if label not in FIELDS:
        yield f"{label}: nobody has said which fields it has"
        return
    yield from (f"{label}.{name} is missing" for name in FIELDS[label].split() if name not in value)
    for name, each in value.items():
        yield from _lost(each, f"{label}.{name}")
