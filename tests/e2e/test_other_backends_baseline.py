"""A baseline on a backend that nothing is trained on: an apply calls it there."""

from conftest import Counted
from scratch_project import Scratch


def test_a_baseline_is_called_on_a_backend_of_its_own(scratch: Scratch, asked: Counted) -> None:
    project = (scratch.root / "ftops.yaml").read_text(encoding="utf-8")
    here = scratch.base_url
    second = f"second: {{type: openai, base_url: '{here.replace('127.0.0.1', 'localhost')}'}}, lab:"
    scratch.write("ftops.yaml", project.replace("lab: {", f"{second} {{"))
    base = "{model: gpt-4.1-mini-2025-04-14, backend: second}"
    gate = f"[{{baseline: {base}, test: superiority, confidence: 0.95}}]"
    manifest = (scratch.root / "finetunes/router.yaml").read_text(encoding="utf-8")
    scratch.write("finetunes/router.yaml", manifest.replace("[{min: 0.6}]", gate))
    scratch.commit("Compare on another backend")
    applied = scratch.apply()
    assert "promote: production" in applied.text
    assert asked.look()["chats"] == 24
