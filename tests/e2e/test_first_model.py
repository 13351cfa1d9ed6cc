"""From an empty folder to a promoted model: two commands, nothing committed, no name configured for git."""

import os
from pathlib import Path

import ftops
from scratch_project import Scratch, opened


def test_two_commands(tmp_path: Path) -> None:
    root = tmp_path / "Acme Support"
    root.mkdir()
    with opened(Scratch(root, env={"GIT_CONFIG_GLOBAL": os.devnull})) as project:
        assert project.ftops("init").code == 0
        done = project.apply()
        assert "evaluate: pass: 55 of 56 right" in done.out
        assert "promote: production" in done.out
        model = project.resolve("ticket-router@production")
        assert model.startswith("ft:gpt-4.1-mini-2025-04-14:")
        assert ftops.resolve("ticket-router", directory=root).model == model
        assert not ftops.plan(root).has_changes
        assert project.ftops("init").out.startswith("Nothing to write: project acme-support")
        project.plan(code=0)  # --detailed-exitcode: nothing is left to do
