"""How a fine-tune is, in one word: the worst of what is true of it."""

import pytest

from ftops.domain.attempts import JobStatus
from ftops.domain.health import SHUTDOWN_DAYS, Facts, Health, health_of
from ftops.domain.judgement import Verdict


@pytest.mark.parametrize(
    ("facts", "health", "why"),
    [
        (Facts(), Health.OK, ""),
        (Facts(verdict=Verdict.PASS, job=JobStatus.SUCCEEDED, shutdown_in_days=SHUTDOWN_DAYS), Health.OK, ""),
        (Facts(lost=("gone",), is_suspended=True, refused=("no",)), Health.BROKEN, "gone"),
        (Facts(is_suspended=True, refused=("no",), actions=("train",)), Health.SUSPENDED, "spec.policy.suspend"),
        (Facts(refused=("over budget",), job=JobStatus.FAILED), Health.ATTENTION, "over budget"),
        (Facts(job=JobStatus.FAILED, job_error="bad row"), Health.ATTENTION, "its job failed: bad row"),
        (Facts(job=JobStatus.PAUSED), Health.ATTENTION, "its job paused"),
        (Facts(verdict=Verdict.FAIL, verdict_why="8 of 12"), Health.ATTENTION, "8 of 12"),
        (Facts(verdict=Verdict.ERROR), Health.ATTENTION, "its gates: error"),
        (Facts(shutdown_in_days=30, notices=("x",)), Health.ATTENTION, "its base model shuts down in 30 days"),
        (Facts(shutdown_in_days=-1), Health.ATTENTION, "its base model was shut down"),
        (Facts(notices=("look", "here"), actions=("train",)), Health.ATTENTION, "look"),
        (
            Facts(actions=("train", "evaluate", "evaluate"), waits_for=("x",)),
            Health.PENDING,
            "an apply is due: train, evaluate",
        ),
        (Facts(waits_for=("job ftjob-1",), job=JobStatus.RUNNING), Health.WORKING, "waits for job ftjob-1"),
    ],
)
def test_the_worst_counts(facts: Facts, health: Health, why: str) -> None:
    assert health_of(facts) == (health, why)


def test_words_are_listed_from_worst_to_best() -> None:
    assert list(Health) == ["broken", "attention", "pending", "working", "suspended", "ok"]
