"""What a step measured, in OpenAI's words: the fields on the wire, the event's message, the lines of the result file.

Owns these names. Jobs with a reward have names of their own, as the guide to reinforcement fine-tuning shows them.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from ftops.server.engines.interface import StepMetrics
from ftops.server.storage.events import Event

_WIRE_NAMES = {
    "step": "step",
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_accuracy": "valid_mean_token_accuracy",
    "full_valid_loss": "full_valid_loss",
    "full_valid_accuracy": "full_valid_mean_token_accuracy",
    "train_reward": "train_mean_reward",
    "full_valid_reward": "full_valid_mean_reward",
}
# Columns of the result file, and the wire's name of what stands in them.
_CSV = {
    "step": "step",
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}
_REWARD_CSV = {name: name for name in ("step", "train_mean_reward", "full_valid_mean_reward")}


def wire_metrics(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """An engine's step metrics, by the names of its fields, under OpenAI's names; what wasn't measured is left out."""
    return {wire: metrics[name] for name, wire in _WIRE_NAMES.items() if metrics.get(name) is not None}


def metrics_event(metrics: Mapping[str, Any], *, total_steps: int) -> Event:
    """The event of a step that has these metrics, by the names of an engine's fields."""
    step = StepMetrics(**metrics)
    data = {**wire_metrics(metrics), "total_steps": total_steps}
    if step.train_reward is None:
        return Event(message=_loss_message(step, total_steps), type="metrics", data=data)
    # The guide calls these the ones to watch, and they stand beside those of the same values.
    rewards = {"train_reward_mean": step.train_reward, "valid_reward_mean": step.full_valid_reward}
    data["scores"] = {name: value for name, value in rewards.items() if value is not None}
    return Event(message=_reward_message(step, total_steps), type="metrics", data=data)


def csv_of(steps: Iterable[Mapping[str, Any]], *, has_rewards: bool) -> bytes:
    """The result file: a line for each step, given as the data of its event."""
    columns = _REWARD_CSV if has_rewards else _CSV
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for each in steps:
        writer.writerow(["" if each.get(key) is None else _number(each[key]) for key in columns.values()])
    return text.getvalue().encode()


def _loss_message(metrics: StepMetrics, total_steps: int) -> str:
    message = f"Step {metrics.step}/{total_steps}: training loss={metrics.train_loss:.2f}"
    if metrics.valid_loss is not None:
        message += f", validation loss={metrics.valid_loss:.2f}"
    if metrics.full_valid_loss is not None:
        message += f", full validation loss={metrics.full_valid_loss:.2f}"
    return message


def _reward_message(metrics: StepMetrics, total_steps: int) -> str:
    # The space before the comma is OpenAI's.
    message = f"Step {metrics.step}/{total_steps} , train mean reward={metrics.train_reward:.2f}"
    if metrics.full_valid_reward is not None:
        message += f", full validation mean reward={metrics.full_valid_reward:.2f}"
    return message


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.5f}"
