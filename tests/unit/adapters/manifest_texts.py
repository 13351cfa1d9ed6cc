"""Manifests that are right, for tests to break."""

from pathlib import Path

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata:
  name: router
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data/train.jsonl}
"""

EVALUATED = (
    MANIFEST
    + """\
  evals:
    - name: intent
      dataset: data/test.jsonl
      grader: {type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{reference}}"}
      sampling: {temperature: 0}
      gate:
        - {min: 0.9, confidence: 0.95}
        - {baseline: {base: true}, test: superiority}
  aliases: {staging: latest}
"""
)

PROJECT = """\
apiVersion: ftops/v1
kind: Project
metadata: {name: acme}
spec:
  backend: openai
"""


def project(root: Path, *, manifest: str | None = MANIFEST, file: str | None = None, **files: str) -> Path:
    """Writes a project with data into ``root``; further ``files`` go beside the manifest by stem."""
    data = root / "finetunes" / "data"
    data.mkdir(parents=True)
    for name in ("train", "valid", "test"):
        (data / f"{name}.jsonl").write_text("{}\n", encoding="utf-8")
    texts = {"router": manifest, **files}
    for stem, text in texts.items():
        if text is not None:
            (root / "finetunes" / f"{stem}.yaml").write_text(text, encoding="utf-8")
    if file is not None:
        (root / "ftops.yaml").write_text(file, encoding="utf-8")
    return root
