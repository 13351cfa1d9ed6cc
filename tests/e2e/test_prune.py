"""Pruning on a real server: what is beyond retention is gone, checkpoints and file too; what an alias needs answers."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable

from scratch_project import Scratch, rows
from server_process import ServerProcess

RETENTION = "  retention: {keep: 0, files: delete}\n"


def test_what_retention_leaves_over_is_gone_and_the_rest_answers(
    make: Callable[..., Scratch], server: ServerProcess
) -> None:
    scratch = make(server.base_url)
    models = []
    for first, epochs in ((0, 2), (500, 2), (500, 3)):
        scratch.write("finetunes/data/train.jsonl", rows(first, 60))
        scratch.manifest(epochs=epochs, least=None, more=RETENTION)
        scratch.commit()
        scratch.apply()
        models.append(scratch.resolve())
    oldest = scratch.jobs()[-1]
    checkpoints = [found["fine_tuned_model_checkpoint"] for found in listed(server, oldest["id"])]

    asked = scratch.ftops("prune")
    assert (asked.code, "--dry-run" in asked.text) == (2, True), asked.text
    tip = scratch.tip()
    looked = scratch.ftops("-v", "prune", "--dry-run")
    assert looked.code == 0, looked.text
    assert f"delete    model {models[0]}" in looked.out
    assert "alias production pointed to it before" in looked.out
    assert "Prune: 1 model and 1 file to delete, 2 models kept." in looked.out
    assert scratch.tip() == tip

    done = json.loads(scratch.ftops("prune", "--auto-approve", "--json").out)
    assert (done["exit_code"], [step["kind"] for step in done["steps"]]) == (0, ["delete_model", "delete_file"])
    assert [entry["rule"] for entry in done["remaining"]["kept"]] == ["before_alias", "declared"]
    assert [status(server, f"models/{model}") for model in models] == [404, 200, 200]
    assert {status(server, f"models/{model}") for model in checkpoints} == {404}
    assert status(server, f"files/{oldest['training_file']}") == 404
    assert scratch.resolve() == models[2]

    again = scratch.ftops("prune", "--auto-approve")
    assert (again.code, "nothing to delete, 2 models kept" in again.out) == (0, True), again.text
    scratch.plan(code=0)
    assert "deleted" in scratch.ftops("history").out
    assert "(deleted 20" in scratch.ftops("show", "router").out
    assert scratch.ftops("ledger", "verify").code == 0


def test_a_project_that_prunes_deletes_after_its_promotions(
    make: Callable[..., Scratch], server: ServerProcess
) -> None:
    scratch = make(server.base_url)
    scratch.project(server.base_url, name=scratch.project_name, more="  prune: true\n")
    models = []
    for epochs in (2, 3, 4):
        scratch.manifest(epochs=epochs, least=None, more=RETENTION)
        scratch.commit()
        done = scratch.apply()
        models.append(scratch.resolve())
    assert f"delete: {models[0]}" in done.out
    assert [status(server, f"models/{model}") for model in models] == [404, 200, 200]
    scratch.plan(code=0)


def listed(server: ServerProcess, job: str) -> list[dict[str, str]]:
    with urllib.request.urlopen(f"{server.base_url}/fine_tuning/jobs/{job}/checkpoints", timeout=30) as answer:
        found: list[dict[str, str]] = json.load(answer)["data"]
    return found


def status(server: ServerProcess, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{server.base_url}/{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
