"""No spelling and no link leads out of the project."""

import os

import pytest

from ftops.adapters.project_paths import PathRefused, file_inside


@pytest.fixture
def root(tmp_path):
    top = tmp_path / "root"
    (top / "finetunes/data").mkdir(parents=True)
    (top / "finetunes/data/train.jsonl").write_text("{}\n")
    (top / ".git").mkdir()
    (top / ".git/config").write_text("x")
    (top / ".FTOPS").mkdir()
    (top / ".FTOPS/x").write_text("x")
    (tmp_path / "secret").write_text("x")
    return top


def refusal(root, written):
    with pytest.raises(PathRefused) as caught:
        file_inside(root, root / "finetunes", written)
    return caught.value


@pytest.mark.parametrize("written", ["data/train.jsonl", "./data/../data/train.jsonl", "../finetunes/data/train.jsonl"])
def test_inside(root, written):
    assert file_inside(root, root / "finetunes", written) == "finetunes/data/train.jsonl"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("../../secret", "expected a path inside the project, '../../secret' leaves it"),
        ("/etc/passwd", "expected a relative path, got '/etc/passwd'"),
        ("~/x", "expected a relative path, got '~/x'"),
        ("C:\\x", "expected a path inside the project, 'C:\\x' is an address; remote files are not read"),
        (
            "s3://bucket/x",
            "expected a path inside the project, 's3://bucket/x' is an address; remote files are not read",
        ),
        ("data\\train.jsonl", "expected forward slashes, got 'data\\train.jsonl'"),
        ("a\x00b", "expected a path without control characters, got 'a\\x00b'"),
        (" ", "expected a path without control characters, got ' '"),
        ("data", "expected a file, 'data' is a folder"),
        ("../.git/config", "expected a path outside .git and .ftops, got '../.git/config'"),
        ("../.FTOPS/x", "expected a path outside .git and .ftops, got '../.FTOPS/x'"),
        ("data/train.jsonl/x", "expected a file, there is no 'data/train.jsonl/x'"),
        ("data/train.jsonl/", "expected a file, 'data/train.jsonl/' names a folder"),
        ("data/train.jsonl/.", "expected a file, 'data/train.jsonl/.' names a folder"),
        ("data/", "expected a file, 'data/' names a folder"),
        ("nowhere/x", "expected a file, there is no 'nowhere/x'"),
        ("x" * 300, "expected a readable file, got '" + "x" * 39 + "…': File name too long"),
    ],
)
def test_refused(root, written, expected):
    assert refusal(root, written).expected == expected


def test_the_nearest_name_is_told(root):
    assert refusal(root, "data/trian.jsonl").hint == "did you mean data/train.jsonl?"
    (root / "finetunes/train.jsonl").write_text("")
    assert refusal(root, "train.json").hint == "did you mean train.jsonl?"


def test_links_are_followed(root):
    (root / "finetunes/out").symlink_to(root.parent / "secret")
    (root / "finetunes/folder").symlink_to(root.parent)
    (root / "finetunes/in").symlink_to("data/train.jsonl")
    (root / "finetunes/loop").symlink_to("loop")
    assert "leaves it" in refusal(root, "out").expected
    assert "leaves it" in refusal(root, "folder/secret").expected
    assert file_inside(root, root / "finetunes", "in") == "finetunes/data/train.jsonl"
    assert "expected a" in refusal(root, "loop").expected


def test_a_pipe_is_no_file(root):
    os.mkfifo(root / "finetunes/pipe")
    assert refusal(root, "pipe").expected == "expected a regular file, 'pipe' is something else"


def test_a_file_with_a_slash_behind_it_is_told_without(root):
    assert refusal(root, "data/train.jsonl/").hint == "write data/train.jsonl"
    assert refusal(root, "data/").hint is None
