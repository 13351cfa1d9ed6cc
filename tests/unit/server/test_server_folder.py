"""The data folder as other processes see it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ftops.server.folder import FolderInUse, open_folder


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data"
    folder = open_folder(path)
    with pytest.raises(FolderInUse) as caught:
        open_folder(path)
    assert caught.value.owner == "a process that isn't ready yet"
    folder.announce(url="http://127.0.0.1:1", version="1", data_dir_id="d")
    with pytest.raises(FolderInUse) as caught:
        open_folder(path)
    assert caught.value.owner == f"process {os.getpid()} at http://127.0.0.1:1"
    folder.close()
    assert not (path / "server.json").exists()
    open_folder(path).close()


def test_the_announcement_is_for_this_user_only(tmp_path: Path) -> None:
    (tmp_path / "server.json.half").write_text("{")
    folder = open_folder(tmp_path)
    folder.announce(url="http://127.0.0.1:1", version="1", data_dir_id="d")
    file = tmp_path / "server.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {
        "pid": os.getpid(),
        "create_time": psutil.Process().create_time(),
        "url": "http://127.0.0.1:1",
        "version": "1",
        "data_dir_id": "d",
    }
    assert list(tmp_path.glob("server.json.*")) == []
    folder.close()


def test_a_client_counts_while_it_lives(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    clients = tmp_path / "clients"
    assert not folder.has_live_clients()
    me = clients / str(os.getpid())
    me.write_text(repr(psutil.Process().create_time()))
    assert folder.has_live_clients()
    me.write_text("")  # being written
    assert folder.has_live_clients()
    me.write_text(repr(psutil.Process().create_time() - 100))  # an earlier process with this id
    assert not folder.has_live_clients()
    assert not me.exists()
    folder.close()


def test_files_of_dead_clients_are_removed(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        file = tmp_path / "clients" / str(process.pid)
        file.write_text(repr(psutil.Process(process.pid).create_time()))
        assert folder.has_live_clients()
        assert process.stdin is not None
        process.stdin.close()
        # It has ended, but stays a zombie until it is waited for.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not folder.has_live_clients()
    (tmp_path / "clients" / "not-a-pid").write_text("1")
    (tmp_path / "clients" / "9999999999999999999999").write_text("1")
    (tmp_path / "clients" / str(process.pid)).write_text("1")
    assert not folder.has_live_clients()
    assert list((tmp_path / "clients").iterdir()) == []
    for stray in (str(os.getpid()), "stray"):
        (tmp_path / "clients" / stray).mkdir()
    assert not folder.has_live_clients()
    folder.close()
