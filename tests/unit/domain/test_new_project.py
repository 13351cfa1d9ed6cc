"""What ``ftops init`` would write, by what is there."""

import pytest

from ftops.adapters.templates import load_templates
from ftops.adapters.yaml_nodes import read_yaml
from ftops.domain.manifest import BUILT_IN, OPENAI
from ftops.domain.new_project import (
    EXAMPLE,
    PLAN_WORKFLOW,
    Blueprint,
    Ci,
    NoName,
    StatedProject,
    Survey,
    Wishes,
    draw,
    project_name,
)

TEMPLATES = load_templates()
DATA = {f"finetunes/data/ticket-router.{part}.jsonl" for part in ("train", "valid", "test")}
STATED = StatedProject(name="shop", backend=BUILT_IN[OPENAI], manifests=("finetunes",))


def drawn(survey: Survey, **wishes: object) -> Blueprint:
    return draw(Wishes(**wishes), survey, TEMPLATES, version="1.2.3")


def empty(**facts: object) -> Survey:
    return Survey(**{"folder_name": "Acme Support", **facts})


def test_an_empty_folder_gets_everything_and_data_before_what_names_it() -> None:
    files = drawn(empty()).files
    assert set(files) >= {*DATA, EXAMPLE, "ftops.yaml", ".gitignore", "schemas/finetune.v1.json"}
    assert ".github/actions/ftops/action.yml" in files
    assert ".github/workflows/ftops-plan.yml" in files
    order = list(files)
    assert max(order.index(path) for path in DATA) < order.index(EXAMPLE) < order.index("ftops.yaml")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Acme Support", "acme-support"),
        ("Größe_2", "groe-2"),
        ("--x--", "x"),
        ("a" * 39 + "-bc", "a" * 39),
        ("123", "123"),
    ],
)
def test_a_name_is_made_of_the_folders(folder: str, name: str) -> None:
    assert project_name(folder) == name


@pytest.mark.parametrize("folder", ["", "___", "日本"])
def test_no_name_can_be_made_of_nothing(folder: str) -> None:
    with pytest.raises(NoName, match="folder's name"):
        project_name(folder)


def test_a_name_that_is_asked_for_is_checked() -> None:
    assert drawn(empty(folder_name="___"), name="acme").name == "acme"
    for wrong in ("Acme", ""):
        with pytest.raises(NoName, match="DNS label"):
            drawn(empty(), name=wrong)


@pytest.mark.parametrize("name", ["acme", "123", "true", "null", "1e5"])
@pytest.mark.parametrize("backend", ["embedded", "openai"])
def test_the_project_file_says_what_was_asked_for(name: str, backend: str) -> None:
    text = drawn(empty(), name=name, backend=backend).files["ftops.yaml"]
    value = read_yaml(text.encode(), "ftops.yaml").documents[0].value
    assert value["metadata"]["name"] == name
    assert value["spec"]["backend"] == backend


def test_what_a_project_file_says_already_holds() -> None:
    blueprint = drawn(empty(stated=STATED), name="other", backend="embedded")
    assert (blueprint.name, blueprint.backend.name) == ("shop", "openai")


def test_a_project_below_the_top_has_its_files_there_and_its_workflows_at_the_top() -> None:
    files = drawn(empty(folder="teams/a b", branch="trunk")).files
    assert "teams/a b/ftops.yaml" in files
    assert "ftops.yaml" not in files
    workflow = read_yaml(files[".github/workflows/ftops-plan.yml"].encode(), "w").documents[0].value
    assert workflow["env"]["FTOPS_PROJECT"] == "teams/a b"
    assert workflow["on"]["pull_request"]["branches"] == ["trunk"]


def test_workflows_of_a_project_at_the_top_are_the_templates() -> None:
    assert drawn(empty()).files[".github/workflows/ftops-apply.yml"] == TEMPLATES["github/ftops-apply.yml"]


def test_the_action_installs_this_release() -> None:
    action = read_yaml(drawn(empty()).files[".github/actions/ftops/action.yml"].encode(), "a").documents[0].value
    assert action["inputs"]["version"]["default"] == "1.2.3"


@pytest.mark.parametrize(
    ("facts", "ci"),
    [
        ({}, Ci.GITHUB),
        ({"gitlab_file": ""}, Ci.GITLAB),
        ({"remote_host": "gitlab.example.com", "gitlab_file": None}, Ci.GITLAB),
        ({"remote_host": "git.example.com", "gitlab_file": ""}, Ci.GITHUB),
    ],
)
def test_ci_is_chosen_by_what_is_there(facts: dict[str, str], ci: Ci) -> None:
    assert drawn(empty(**facts)).ci is ci
    assert drawn(empty(**facts), ci=Ci.NONE).ci is Ci.NONE


def test_without_ci_there_are_no_workflows() -> None:
    assert [path for path in drawn(empty(), ci=Ci.NONE).files if path.startswith(".git") and path != ".gitignore"] == []


def test_a_gitlab_file_that_is_there_is_left_to_a_person() -> None:
    assert drawn(empty(), ci=Ci.GITLAB).notes == ()
    assert drawn(empty(), ci=Ci.GITLAB).files[".gitlab-ci.yml"].endswith("local: .gitlab/ftops.gitlab-ci.yml\n")
    assert "include" in drawn(empty(gitlab_file="stages: []"), ci=Ci.GITLAB).notes[0]
    included = "include:\n  - local: .gitlab/ftops.gitlab-ci.yml\n"
    assert drawn(empty(gitlab_file=included), ci=Ci.GITLAB).notes == ()


def test_workflows_of_another_project_are_to_be_copied() -> None:
    of_the_top = drawn(empty()).files[PLAN_WORKFLOW]
    assert drawn(empty(plan_workflow=of_the_top)).notes == ()
    assert drawn(empty(folder="b", plan_workflow=of_the_top), ci=Ci.NONE).notes == ()
    assert drawn(empty(folder="b", plan_workflow=of_the_top)).notes[0].endswith("with FTOPS_PROJECT: b")


def test_a_name_leaves_rehearsals_without_one_behind() -> None:
    assert "under the name local" in drawn(empty(has_rehearsed=True)).notes[0]
    assert drawn(empty(has_rehearsed=True, stated=STATED)).notes == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"manifests": frozenset(["finetunes/own.yaml"])},
        {"manifests": frozenset(["finetunes/own.yaml", EXAMPLE]), "example": "x"},
        {"stated": StatedProject(name="shop", backend=BUILT_IN[OPENAI], manifests=("models",))},
    ],
)
def test_no_example_comes_beside_manifests_of_ones_own(facts: dict[str, object]) -> None:
    assert not [path for path in drawn(empty(**facts)).files if path.startswith("finetunes/")]


def test_a_file_that_is_called_as_the_folder_is_no_manifest() -> None:
    assert EXAMPLE in drawn(empty(manifests=frozenset(["finetunes"]))).files


def test_what_is_missing_of_the_example_is_completed_but_data_it_no_longer_names() -> None:
    there = TEMPLATES[f"project/{EXAMPLE}"]
    assert set(drawn(empty(manifests=frozenset([EXAMPLE]), example=there)).files) >= {*DATA, EXAMPLE}
    edited = there.replace("ticket-router.train.jsonl", "mine.jsonl")
    files = drawn(empty(manifests=frozenset([EXAMPLE]), example=edited)).files
    assert {path for path in files if path.startswith("finetunes/data/")} == DATA - {
        "finetunes/data/ticket-router.train.jsonl"
    }
