"""What would be deleted can be seen before: by plan where the project prunes, and by a prune that only shows it."""

import json
from collections.abc import Callable

from scratch_project import Scratch
from server_process import ServerProcess


def test_deletions_are_shown_and_nothing_is_changed(make: Callable[..., Scratch], server: ServerProcess) -> None:
    scratch = make(server.base_url)
    scratch.project(server.base_url, name=scratch.project_name, more="  prune: true\n")
    scratch.manifest("old", aliases="{}", least=None)
    scratch.manifest("router")
    scratch.commit()
    scratch.apply("--target", "old")
    (scratch.root / "finetunes/old.yaml").unlink()
    scratch.commit("Drop it")
    tip = scratch.tip()
    for options, said in ([], "no manifest declares it"), (["--offline"], "1 model kept: lab was not asked"):
        planned = scratch.ftops("plan", "--target", "old", *options)
        assert (planned.code, said in planned.out) == (0, True), planned.text
    assert scratch.ftops("plan", "--target", "unknown").code == 2
    shown = scratch.ftops("prune", "--dry-run", "--target", "old")
    assert (shown.code, "- delete" in shown.out) == (0, True), shown.text
    data = json.loads(scratch.ftops("prune", "--dry-run", "--json").out)
    assert [action["kind"] for action in data["actions"]] == ["delete_model"]
    assert scratch.tip() == tip
    deleted = scratch.ftops("prune", "--auto-approve")
    assert (deleted.code, "✓ delete" in deleted.out) == (0, True), deleted.text
