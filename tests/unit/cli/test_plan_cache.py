"""The cache changes how long a plan takes, and not a byte of what it says."""

import os
import shutil
from pathlib import Path

import pytest

from scratch_project import Scratch, git, make_project, opened, rows


@pytest.fixture
def project(tmp_path):
    with opened(make_project(tmp_path, None)) as scratch:
        scratch.manifest("second", file="more")
        scratch.write("finetunes/data/few.jsonl", rows(0, 60))
        scratch.commit()
        yield scratch


def said(scratch: Scratch) -> tuple[int, str, str]:
    done = scratch.ftops("plan", "--json")
    return done.code, done.out, done.err


def cache_of(scratch: Scratch) -> Path:
    return scratch.root / ".ftops/cache"


def rewrite(path: Path, old: str, new: str) -> None:
    """Changes a file so that neither its size nor its times tell."""
    before = path.stat()
    text = path.read_text()
    assert len(old) == len(new)
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def test_cold_and_warm_say_the_same(project):
    cold = said(project)
    assert cold[0] == 0
    assert {"datasets", "manifests"} <= {file.name for file in cache_of(project).iterdir()}
    assert said(project) == cold
    shutil.rmtree(cache_of(project))
    assert said(project) == cold


def test_a_change_that_neither_size_nor_time_tells_is_seen(project):
    before = said(project)
    rewrite(project.root / "finetunes/router.yaml", "seed: 7", "seed: 8")
    changed = said(project)
    assert changed[0] == 0
    assert changed[1] != before[1]
    rewrite(project.root / "finetunes/data/train.jsonl", "number 3", "number 4")
    assert said(project)[1] not in {before[1], changed[1]}
    rewrite(project.root / "finetunes/router.yaml", "seed: 8", "sead: 8")
    code, _, words = said(project)
    assert code == 2
    assert "/spec/sead: unknown key (did you mean seed?)" in words
    rewrite(project.root / "finetunes/data/train.jsonl", '"role": "user"', '"role": "usar"')
    assert "train.jsonl:1:1 /messages/0/role" in said(project)[2]


def test_what_is_wrong_beside_the_bytes_is_found_in_kept_manifests_too(project):
    said(project)
    (project.root / "finetunes/data/test.jsonl").rename(project.root / "finetunes/data/moved.jsonl")
    shutil.copy(project.root / "finetunes/router.yaml", project.root / "finetunes/copy.yaml")
    warm = said(project)
    assert warm[0] == 2
    assert "finetunes/router.yaml:11:16 /spec/evals/0/dataset: expected a file, there is no" in warm[2]
    assert "/metadata/name: expected a name used once" in warm[2]
    shutil.rmtree(cache_of(project))
    assert said(project) == warm


@pytest.mark.parametrize("name", ["manifests", "datasets"])
def test_a_cache_that_a_repository_brings_along_is_ignored(project, tmp_path, name):
    """What another clone kept is sealed with another key: here it is nothing, whatever it says."""
    honest = said(project)
    assert honest[0] == 0
    theirs = tmp_path / "theirs"
    git(tmp_path, "clone", "-q", str(project.root), str(theirs))
    other = Scratch(theirs, env=project.env)
    said(other)
    ours, foreign = cache_of(project) / name, cache_of(other) / name
    assert foreign.read_bytes() != ours.read_bytes()
    shutil.copy(foreign, ours)
    assert said(project) == honest
