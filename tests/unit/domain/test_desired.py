"""What is sent to create a job."""

from typing import Any

from ftops.domain.desired import Dataset, Declared, DesiredState, request_body
from ftops.domain.manifest import (
    Backend,
    BackendName,
    BackendType,
    DatasetPaths,
    FineTune,
    FineTuneName,
    Method,
    MethodType,
    Project,
    Revision,
)

EMBEDDED = Backend(name=BackendName("embedded"), type=BackendType.EMBEDDED)


def declared(method: Method, *, seed: int | None = None) -> Declared:
    return Declared(
        fine_tune=FineTune(
            name=FineTuneName("router"),
            base_model="gpt-4.1-mini-2025-04-14",
            dataset=DatasetPaths(train="train.jsonl"),
            path="finetunes/router.yaml",
            method=method,
            seed=seed,
        ),
        backend=EMBEDDED,
        revision=Revision("0123456789ab"),
        train=Dataset(path="train.jsonl", sha256="0" * 64, size=1, rows=10),
    )


def test_values_left_to_the_backend_are_not_sent():
    method = Method(hyperparameters={"n_epochs": 3, "batch_size": "auto"})

    assert request_body(declared(method, seed=42)) == {
        "model": "gpt-4.1-mini-2025-04-14",
        "suffix": "router",
        "seed": 42,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
        "integrations": [],
    }


def test_a_method_without_values_is_sent_empty():
    assert request_body(declared(Method(hyperparameters={"n_epochs": "auto"})))["method"] == {
        "type": "supervised",
        "supervised": {},
    }


def grader_sent(grader: dict[str, Any]) -> Any:
    method = Method(type=MethodType.REINFORCEMENT, grader=grader)
    return request_body(declared(method))["method"]["reinforcement"]["grader"]


def test_a_grader_gets_the_name_that_the_wire_requires():
    assert grader_sent({"type": "string_check"}) == {"name": "reward", "type": "string_check"}
    assert grader_sent({"type": "string_check", "name": "mine"}) == {"name": "mine", "type": "string_check"}


def test_graders_inside_multi_are_named_after_their_keys_or_places():
    assert grader_sent({"type": "multi", "graders": {"a": {"type": "string_check"}}})["graders"] == {
        "a": {"name": "a", "type": "string_check"}
    }
    assert grader_sent({"type": "multi", "graders": [{"type": "string_check"}]})["graders"] == [
        {"name": "reward_1", "type": "string_check"}
    ]


def test_a_fine_tune_is_found_by_its_name():
    one = declared(Method())
    project = Project(name="acme", backends={EMBEDDED.name: EMBEDDED})
    desired = DesiredState(project=project, fine_tunes=(one,))

    assert desired.named(FineTuneName("router")) is one
    assert desired.named(FineTuneName("other")) is None


def test_the_backends_are_those_in_use_or_else_the_projects_own():
    project = Project(name="acme", backends={EMBEDDED.name: EMBEDDED})

    assert DesiredState(project=project, fine_tunes=(declared(Method()),)).backends == (EMBEDDED,)
    assert DesiredState(project=project, fine_tunes=()).backends == (EMBEDDED,)
