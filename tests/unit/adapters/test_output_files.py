"""Outputs survive killed processes, and two processes at once; nobody else can read them."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ftops.adapters.output_files import OutputFiles
from ftops.domain.scores import Outcome
from ftops.errors import LocalStorageFailed
from ftops.ports import ChatAnswer

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

WRITER = """
import sys
from pathlib import Path
from ftops.adapters.output_files import OutputFiles
from ftops.domain.scores import Outcome
from ftops.ports import ChatAnswer

store = OutputFiles(Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    store.put(f"{sys.argv[2]}-{n}", ChatAnswer(text=str(n), tool_calls=(), outcome=Outcome.OK, input_tokens=1,
                                               output_tokens=1, seconds=0.1))
    print(n, flush=True)
"""


def answer(text: str = "Grüße") -> ChatAnswer:
    return ChatAnswer(
        text=text, tool_calls=(CALL,), outcome=Outcome.LENGTH, input_tokens=3, output_tokens=2, seconds=0.25
    )


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    store = OutputFiles(tmp_path / "outputs")
    assert store.get("a") is None
    assert not (tmp_path / "outputs").exists()
    store.put("a", answer())
    assert (store.get("a"), store.get("b")) == (answer(), None)
    store.put("a", answer("newer"))
    store.close()
    store.close()
    again = OutputFiles(tmp_path / "outputs")
    assert again.get("a") == answer("newer")
    again.close()


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "outputs"
    old = os.umask(0o022)
    try:
        store = OutputFiles(folder)
        store.put("a", answer())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        store.close()
    finally:
        os.umask(old)


def test_what_another_version_wrote_is_not_there(tmp_path: Path) -> None:
    store = OutputFiles(tmp_path)
    store.put("a", answer())
    store.close()
    with sqlite3.connect(tmp_path / "outputs.sqlite3") as connection:
        connection.execute("UPDATE output SET answer = X'C1'")
    connection.close()
    assert store.get("a") is None
    store.close()


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name, "50"], stdout=subprocess.DEVNULL) for name in ("x", "y")]
    assert [writer.wait() for writer in writers] == [0, 0]
    store = OutputFiles(tmp_path)
    assert all(store.get(f"{name}-{n}") for name in ("x", "y") for n in range(50))
    store.close()


def test_a_killed_process_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path), "x", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(30)]
        writer.send_signal(signal.SIGKILL)
    store = OutputFiles(tmp_path)
    assert all(store.get(f"x-{n}") for n in told)
    store.put("after", answer())
    store.close()


def test_a_full_disk_is_told_with_its_remedy(tmp_path: Path) -> None:
    store = OutputFiles(tmp_path)
    store.put("a", answer())
    connection = store._open()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LocalStorageFailed, match="disk is full") as caught:
        store.put("b", answer("x" * 100_000))
    assert caught.value.remedy == "free space on the disk that holds .ftops"
    assert store.get("a") == answer()
    store.close()


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStorageFailed, match="Not a directory: "):
        OutputFiles(tmp_path / "file/outputs").put("a", answer())


def test_a_damaged_file_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "outputs.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(LocalStorageFailed, match="not a database") as caught:
        OutputFiles(tmp_path).get("a")
    assert "remove" in (caught.value.remedy or "")


def test_many_answers_are_found_at_once(tmp_path: Path) -> None:
    outputs = OutputFiles(tmp_path)
    assert outputs.get_all(["1"]) == {}
    for number in range(0, 1200, 2):
        outputs.put(str(number), answer(str(number)))
    found = outputs.get_all([str(number) for number in range(1200)])
    outputs.close()
    assert {key: kept.text for key, kept in found.items()} == {str(n): str(n) for n in range(0, 1200, 2)}


def test_embeddings_come_back_as_they_were(tmp_path: Path) -> None:
    outputs = OutputFiles(tmp_path)
    assert outputs.get_vector("k") is None
    outputs.put_vector("k", (0.1, -2.0))
    assert outputs.get_vector("k") == (0.1, -2.0)
    assert outputs.get_vector("other") is None
    outputs.close()
    with sqlite3.connect(tmp_path / "outputs.sqlite3") as connection:
        connection.execute("UPDATE embedding SET vector = x'0102'")
    connection.close()
    damaged = OutputFiles(tmp_path)
    assert damaged.get_vector("k") is None
    damaged.close()
