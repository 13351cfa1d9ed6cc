"""What ``ftops doctor`` finds at backends and on this machine, each gone wrong for real."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from doctor_kit import KEY, VARIABLE, Patient, plain, standin, template
from ftops.adapters import doctor_backend, doctor_machine
from ftops.adapters.http_questions import Unanswered, ask
from openai_standin import BASE_MODEL, OpenAIStandin

__all__ = ["plain", "standin", "template"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_key(plain: Patient) -> None:
    plain.monkeypatch.delenv(VARIABLE)
    found = plain.look()
    assert (found["key"]["exit_code"], found["key"]["mends"]) == (9, [f"export {VARIABLE}=…"])
    assert found["connection"]["state"] == "well"
    assert found["access"]["says"] == "there is no key to ask with"


def test_a_key_of_a_shape_that_no_key_has(plain: Patient) -> None:
    key = f"{KEY[:9]}\n{KEY[9:]}"
    plain.setenv(**{VARIABLE: key})
    found = plain.look("--offline")["key"]
    assert (found["exit_code"], "holds blanks or line breaks" in found["says"]) == (9, True)
    assert KEY[9:] not in json.dumps(found)


@pytest.mark.parametrize(("key", "says"), [("token-0123456789abcdef", "begin with sk-"), ("sk-short", "shorter")])
def test_a_key_that_openai_would_hardly_give(plain: Patient, key: str, says: str) -> None:
    plain.project("  backend: openai\n")
    plain.setenv(OPENAI_API_KEY=key)
    found = plain.look("--offline")["key"]
    assert (found["state"], says in found["says"]) == ("warning", True)


def test_a_key_that_is_refused(plain: Patient, standin: OpenAIStandin) -> None:
    standin.key = "another"
    found = plain.look()
    assert (found["access"]["state"], found["access"]["exit_code"]) == ("wrong", 9)
    assert (found["reading"]["says"], found["writing"]["says"]) == ("the key is refused", "the key is refused")


def test_a_key_that_may_not_list_jobs(plain: Patient, standin: OpenAIStandin) -> None:
    standin.refused = {"GET /v1/fine_tuning/jobs": 403}
    found = plain.look()
    assert (found["access"]["state"], found["reading"]["exit_code"]) == ("well", 9)


@pytest.mark.parametrize(("call", "says"), [("/cancel", "not cancel fine-tuning jobs"), ("DELETE", "not delete files")])
def test_a_key_that_may_only_read(plain: Patient, standin: OpenAIStandin, call: str, says: str) -> None:
    standin.refused = {call: 403}
    found = plain.look()
    assert (found["writing"]["exit_code"], says in found["writing"]["says"]) == (9, True)
    assert found["reading"]["state"] == "well"


def test_a_key_that_may_not_list_models(plain: Patient, standin: OpenAIStandin) -> None:
    standin.refused = {"GET /v1/models": 403}
    found = plain.look()
    assert (found["access"]["exit_code"], found["reading"]["state"]) == (9, "well")
    assert found["base-models"]["state"] == "not_asked"


def test_a_backend_that_is_ill(plain: Patient, standin: OpenAIStandin) -> None:
    standin.refused = {"/v1": 500}
    found = plain.look()
    assert (found["access"]["exit_code"], found["writing"]["state"]) == (1, "warning")


def test_an_address_from_the_environment(plain: Patient, standin: OpenAIStandin) -> None:
    plain.project("  backend: openai\n")
    plain.setenv(OPENAI_BASE_URL=standin.base_url, OPENAI_API_KEY=KEY)
    found = plain.look()["address"]
    assert (found["state"], found["mends"]) == ("warning", ["unset OPENAI_BASE_URL, unless that is meant"])
    plain.setenv(OPENAI_BASE_URL="localhost:8400")
    assert plain.look()["address"]["exit_code"] == 2


def test_a_backend_that_is_not_trusted(plain: Patient) -> None:
    plain.lab("https://gpu.invalid/v1")
    found = plain.look()
    assert found["address"]["exit_code"] == 2
    assert "FTOPS_TRUSTED_BACKENDS=https://gpu.invalid/v1" in found["address"]["mends"][0]
    assert found["connection"]["says"] == "its address can't be used"


def test_nothing_listens(plain: Patient) -> None:
    plain.lab(f"http://127.0.0.1:{free_port()}/v1")
    found = plain.look()["connection"]
    assert (found["exit_code"], found["state"]) == (1, "wrong")
    assert found["mends"] == ["nothing listens there: start the server, or correct the address"]


def test_a_name_that_nobody_knows(plain: Patient) -> None:
    plain.lab("https://gpu.invalid/v1")
    plain.setenv(FTOPS_TRUSTED_BACKENDS="gpu.invalid")
    assert "DNS" in plain.look()["connection"]["mends"][0]
    plain.setenv(HTTPS_PROXY=f"http://me:secretword@127.0.0.1:{free_port()}")
    found = plain.look()["connection"]
    assert "proxy variables are set: HTTPS_PROXY" in found["says"]
    assert "NO_PROXY" in found["mends"][0]
    assert "secretword" not in json.dumps(found)


def test_a_server_that_speaks_no_tls(plain: Patient, standin: OpenAIStandin) -> None:
    plain.lab(standin.base_url.replace("http:", "https:"))
    assert "SSL_CERT_FILE" in plain.look()["connection"]["mends"][0]


def test_a_server_that_says_nothing_holds_nobody_up(plain: Patient, standin: OpenAIStandin) -> None:
    plain.monkeypatch.setattr(doctor_backend, "SECONDS", 0.2)
    standin.is_silent = True
    found = plain.look()
    assert "no answer came in time" in found["connection"]["mends"][0]
    assert found["python"]["state"] == "well"


def test_a_redirect_is_not_followed_and_counts_as_an_answer(standin: OpenAIStandin) -> None:
    with pytest.raises(Unanswered):
        ask("http://127.0.0.1:1/", seconds=1)
    assert ask(f"{standin.base_url}/elsewhere", seconds=5).json() is None


def test_a_base_model_that_is_about_to_be_shut_down(plain: Patient, standin: OpenAIStandin) -> None:
    day = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    standin.models[BASE_MODEL] = {"shutdown_date": day}
    found = plain.look()["base-models"]
    assert found["exit_code"] == 5
    assert f"shuts down on {day}" in found["says"]
    standin.models[BASE_MODEL] = {"shutdown_date": "2026-01-31"}
    assert "was shut down on 2026-01-31" in plain.look()["base-models"]["says"]
    plain.manifest("  policy: {min_days_to_shutdown: 5}\n")
    standin.models[BASE_MODEL] = {"shutdown_date": day}
    assert plain.look()["base-models"]["state"] == "well"


def test_a_base_model_that_the_backend_does_not_list(plain: Patient) -> None:
    plain.manifest(base_model="gpt-5-nano")
    found = plain.look()["base-models"]
    assert (found["state"], "'gpt-5-nano'" in found["says"]) == ("warning", True)


@pytest.mark.parametrize("skew", [-7200.0, 90.0])
def test_a_clock_that_is_wrong(plain: Patient, standin: OpenAIStandin, skew: float) -> None:
    standin.skew = skew
    found = plain.look()["clock"]
    assert (found["state"], found["mends"]) == ("warning", ["sudo timedatectl set-ntp true"])


def test_the_embedded_server(plain: Patient) -> None:
    plain.project("  backend: embedded\n")
    announced = {"pid": 2**22 + 1, "create_time": 1.0, "url": "http://127.0.0.1:9", "version": "0", "data_dir_id": "x"}
    plain.write(".ftops/embedded/server.json", json.dumps(announced))
    assert "ended without a word" in plain.look()["embedded-server"]["says"]
    plain.write(".ftops/embedded/server.json", "[]")
    assert "no server runs" in plain.look()["embedded-server"]["says"]


@pytest.mark.parametrize("version", ["0.0.1", None])
def test_an_embedded_server_of_another_version(plain: Patient, standin: OpenAIStandin, version: str | None) -> None:
    from ftops.version import __version__

    plain.project("  backend: embedded\n")
    # A process that lives and answers /healthz with JSON, as a server does.
    announced = {
        "pid": os.getpid(),
        "create_time": psutil.Process().create_time(),
        "url": standin.base_url.removesuffix("/v1"),
        "version": version or __version__,
        "data_dir_id": "x",
    }
    standin.key = None
    standin.health = {}
    plain.write(".ftops/embedded/server.json", json.dumps(announced))
    found = plain.look()["embedded-server"]
    assert found["state"] == ("warning" if version else "well")


def test_the_embedded_servers_packages_are_missing(plain: Patient) -> None:
    plain.project("  backend: embedded\n")
    plain.monkeypatch.setitem(sys.modules, "uvicorn", None)
    found = plain.look()["embedded-server"]
    assert (found["exit_code"], found["mends"]) == (1, ["pip install --upgrade ftops"])


def test_packages_that_are_old_early_or_missing(plain: Patient) -> None:
    folder = plain.root.parent / "packages"
    stated = plain.write(f"{folder}/openai-1.99.0.dist-info/METADATA", "Name: openai\nVersion: 1.99.0\n\nVersion: 99\n")
    plain.monkeypatch.syspath_prepend(folder)
    found = plain.look("--offline")["packages"]
    assert (found["exit_code"], "openai 1.99.0 (needs 3.0)" in found["says"]) == (1, True)
    stated.write_text("Name: openai\nVersion: 99.0.0rc1\n")
    assert plain.look("--offline")["packages"]["mends"] == ["pip install --upgrade openai"]

    real = metadata.distribution

    def gone(name: str) -> metadata.Distribution:
        if name in missing:
            raise metadata.PackageNotFoundError(name)
        return real(name)

    missing = {"click"}
    plain.monkeypatch.setattr(doctor_machine.metadata, "distribution", gone)
    assert "click is missing" in plain.look("--offline")["packages"]["says"]
    missing = {"ftops"}
    assert plain.look("--offline")["packages"]["state"] == "not_asked"


def test_a_disk_that_is_nearly_full(plain: Patient) -> None:
    usage = shutil.disk_usage(plain.root)
    plain.monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50 << 20))
    found = plain.look("--offline")["disk"]
    assert (found["state"], "50 MiB" in found["says"]) == ("warning", True)


def test_a_state_folder_that_is_a_file(plain: Patient) -> None:
    plain.write(".ftops", "x")
    found = plain.look("--offline")["disk"]
    assert (found["exit_code"], "it is a file" in found["says"]) == (1, True)


def test_a_state_folder_that_cannot_be_written(plain: Patient) -> None:
    locked = plain.root / ".ftops/cache"
    locked.mkdir(parents=True)
    # Root may write anywhere, so that permission is taken away by hand.
    plain.monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked)
    assert "no permission for cache" in plain.look("--offline")["disk"]["says"]


def test_files_that_killed_processes_left(plain: Patient) -> None:
    young, old = plain.write(".ftops/.a.json.abcd1234", "x"), plain.write(".ftops/cache/.b.json.abcd1234", "x")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    found = plain.look("--offline")["leftovers"]
    assert found["mends"] == ["rm -- .ftops/cache/.b.json.abcd1234"]
    assert young.exists()
    assert old.exists()


def test_a_terminal_without_utf_8(plain: Patient) -> None:
    class Latin:
        encoding = "latin-1"

    facts = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", Latin())
        facts = doctor_machine.look_at_machine(plain.root)
    assert facts.encoding == "latin-1"


def test_python_graders_where_nothing_isolates_them(plain: Patient) -> None:
    plain.write("finetunes/data/test.jsonl", '{"messages": []}\n')
    source = "def grade(sample, item): return 1.0"
    grader = f"{{type: python, source: '{source}'}}"
    plain.manifest(f"  evals: [{{name: own, dataset: data/test.jsonl, grader: {grader}}}]\n")
    real = plain.look("--offline")["sandbox"]
    assert real["state"] in {"well", "warning"}
    plain.monkeypatch.delattr(os, "fork")
    found = plain.look("--offline")["sandbox"]
    assert (found["state"], "fork" in found["says"]) == ("warning", True)


def test_ctrl_c_ends_in_130(plain: Patient, standin: OpenAIStandin) -> None:

    from ftops.cli.main import run

    standin.is_silent = True
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    assert run(["-C", str(plain.root), "doctor"]) == 130
    timer.join()
