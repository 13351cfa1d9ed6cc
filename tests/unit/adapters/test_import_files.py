"""Imported files in the work tree: nothing is written over, nothing leaves the project, and YAML reads as it was meant."""

import hashlib
import os

import pytest

from ftops.adapters.import_files import ImportFiles
from ftops.adapters.manifest_text import manifest_text, quoted_text, read_back
from ftops.adapters.project_paths import PathRefused
from ftops.adapters.yaml_nodes import read_yaml
from ftops.domain.manifest import Backend, BackendName, BackendType, Project
from ftops.errors import UsageProblem

BACKENDS = {BackendName("openai"): Backend(name=BackendName("openai"), type=BackendType.OPENAI)}


def project(*manifests: str) -> Project:
    return Project(name="acme", manifests=manifests or ("finetunes",), backends=BACKENDS)


def files(root, *manifests: str) -> ImportFiles:
    return ImportFiles(root, root / ".ftops", project(*manifests))


def document(**spec):
    spec = {"base_model": "gpt-4.1-mini", "dataset": {"adopted_job": "ftjob-a"}} | spec
    return {"apiVersion": "ftops/v1", "kind": "FineTune", "metadata": {"name": "x"}, "spec": spec}


def never() -> bytes:
    raise AssertionError("asked a second time")


def test_what_is_kept_has_line_feeds_and_is_asked_for_once(tmp_path):
    kept = files(tmp_path).keep("file-1", lambda: b"a\r\nb\nc\r\n")
    assert (kept.sha256, kept.size, kept.rows) == (hashlib.sha256(b"a\nb\nc\n").hexdigest(), 6, 3)
    again = files(tmp_path)
    assert again.keep("file-1", never) == kept
    with again.open(kept) as content:
        assert content.read() == b"a\nb\nc\n"
    assert (tmp_path / ".ftops/import/.gitignore").exists()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / ".ftops/import").glob("*.jsonl"))
    again.discard()
    assert not (tmp_path / ".ftops/import").exists()


def test_rows_are_lines_and_the_last_may_lack_its_feed(tmp_path):
    aside = files(tmp_path)
    assert [
        aside.keep(name, lambda d=d: d).rows for name, d in (("1", b""), ("2", b"a"), ("3", b"a\n"), ("4", b"a\nb"))
    ] == [
        0,
        1,
        1,
        2,
    ]


def test_ids_make_no_paths(tmp_path):
    files(tmp_path).keep("../../evil", lambda: b"x")
    assert {path.parent.name for path in tmp_path.rglob("*.jsonl")} == {"import"}


def test_a_manifest_and_its_data(tmp_path):
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/finetune.v1.json").write_text("{}")
    writer = files(tmp_path)
    data = {"train": writer.keep("t", lambda: b"train\r\n"), "validation": writer.keep("v", lambda: b"valid\n")}
    draft = writer.draft("x", document(aliases={"production": "123456789e12"}), data, ("One\nline.",))
    assert not (tmp_path / "finetunes").exists()
    writer.write(draft)
    assert (tmp_path / "finetunes/x.yaml").read_text() == draft.text
    assert draft.text.splitlines() == [
        "# yaml-language-server: $schema=../schemas/finetune.v1.json",
        "# One\\x0aline.",
        "apiVersion: ftops/v1",
        "kind: FineTune",
        "metadata: {name: x}",
        "spec:",
        "  base_model: gpt-4.1-mini",
        "  dataset: {train: data/x.train.jsonl, validation: data/x.valid.jsonl}",
        "  aliases:",
        '    production: "123456789e12"',
    ]
    assert (draft.fine_tune.dataset.train, draft.fine_tune.aliases) == (
        "finetunes/data/x.train.jsonl",
        {"production": "123456789e12"},
    )
    assert (tmp_path / "finetunes/data/x.train.jsonl").read_bytes() == b"train\n"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "finetunes/x.yaml").stat().st_mode & 0o777 == 0o666 & ~umask
    assert [path.name for path in (tmp_path / "finetunes").iterdir() if path.name.startswith(".")] == []


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "finetunes/data").mkdir(parents=True)
    (tmp_path / "finetunes/x.yaml").write_text("mine")
    (tmp_path / "finetunes/data/x.train.jsonl").write_text("other")
    (tmp_path / "finetunes/data/x.train-2.jsonl").symlink_to("nowhere")
    (tmp_path / "finetunes/data/x.train-3.jsonl").write_bytes(b"same\r\n")
    writer = files(tmp_path)
    draft = writer.draft("x", document(), {"train": writer.keep("t", lambda: b"same\n")}, ())
    assert (draft.path, list(draft.data)) == ("finetunes/x-2.yaml", ["finetunes/data/x.train-3.jsonl"])
    writer.write(draft)
    assert (tmp_path / "finetunes/x.yaml").read_text() == "mine"
    assert (tmp_path / "finetunes/data/x.train-3.jsonl").read_bytes() == b"same\r\n"
    with pytest.raises(FileExistsError):
        writer.write(draft)


def test_two_drafts_never_promise_one_place(tmp_path):
    writer = files(tmp_path)
    assert [writer.draft("x", document(), {}, ()).path for _ in range(2)] == ["finetunes/x.yaml", "finetunes/x-2.yaml"]


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    writer = files(tmp_path)
    writer.write(writer.draft("x", document(), {}, ()))
    assert read_yaml((tmp_path / "finetunes/x.yaml").read_bytes(), "").documents[0].value == document()


def test_a_folder_that_leads_outside_is_refused(tmp_path):
    root = tmp_path / "project"
    (root / "finetunes").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (root / "finetunes/data").symlink_to(tmp_path / "outside")
    writer = files(root)
    with pytest.raises(PathRefused):
        writer.draft("x", document(), {"train": writer.keep("t", lambda: b"x\n")}, ())


@pytest.mark.parametrize(
    ("patterns", "path"),
    [
        (("models",), "models/x.yaml"),
        (("models/*.yaml",), "models/x.yaml"),
        (("one.yaml", "models/**/*.yml", "there"), "there/x.yaml"),
        (("../out", "a"), "a/x.yaml"),
        (("file", "a"), "a/x.yaml"),
        (("*.yaml",), "x.yaml"),
        ((".",), "x.yaml"),
    ],
)
def test_the_folder_is_the_first_that_the_project_names(tmp_path, patterns, path):
    (tmp_path / "file").write_text("")
    draft = files(tmp_path, *patterns).draft("x", document(), {}, ())
    assert draft.path == path


def test_a_project_without_a_folder_for_manifests(tmp_path):
    with pytest.raises(UsageProblem, match="names no folder"):
        files(tmp_path, "one.yaml", "a/*/b")


@pytest.mark.parametrize(
    "text", ["123456789e12", "0o14", "1e3", "yes", "012", "null", "~", "a: b", "# c", "é", ".5e3", "-"]
)
def test_texts_stay_texts(text):
    value = {"a": text, "b": [text, {"c": text, "d": 3, "e": 1.5, "f": None}], "g": (text,)}
    written = manifest_text(value)
    assert read_yaml(written.encode(), "").documents[0].value == {**value, "g": [text]}


def test_what_reads_the_same_is_left_plain():
    assert manifest_text({"a": "x", "b": {"c": 1}}) == "a: x\nb: {c: 1}\n"
    assert manifest_text({"a": quoted_text("x")}) == 'a: "x"\n'


def test_a_text_that_is_no_yaml_is_told_of(tmp_path):
    found, problems = read_back("a: [", path="x.yaml", root=tmp_path, project=project(), paths={})
    assert found is None
    assert problems[0].startswith("x.yaml:")


def test_what_the_rules_refuse_is_told_of(tmp_path):
    draft = files(tmp_path).draft("x", document(backend="nowhere"), {}, ())
    assert draft.fine_tune is None
    assert draft.problems == ("finetunes/x.yaml:7:12 /spec/backend: expected a backend (openai), got 'nowhere'",)
