"""The shape of OpenAI's ``batch``."""

from ftops.server.storage.batches import BatchRow
from ftops.server.wire import Json


def batch_object(row: BatchRow) -> Json:
    """A ``batch``. Tokens are those that its requests have taken so far."""
    progress = row.progress
    return {
        "id": row.id,
        "object": "batch",
        "endpoint": row.endpoint,
        "model": row.model,
        "errors": None if row.errors is None else {"object": "list", "data": row.errors},
        "input_file_id": row.input_file,
        "completion_window": row.completion_window,
        "status": row.status.value,
        "output_file_id": row.output_file,
        "error_file_id": row.error_file,
        "created_at": row.created_at,
        "in_progress_at": row.in_progress_at,
        "expires_at": row.expires_at,
        "finalizing_at": row.finalizing_at,
        "completed_at": row.completed_at,
        "failed_at": row.failed_at,
        "expired_at": row.expired_at,
        "cancelling_at": row.cancelling_at,
        "cancelled_at": row.cancelled_at,
        "request_counts": {"total": row.total, "completed": progress.completed, "failed": progress.failed},
        "usage": {
            "input_tokens": progress.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": progress.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": progress.input_tokens + progress.output_tokens,
        },
        "metadata": row.metadata,
    }
