"""Python graders: what they get, what they may give, and that a malicious one neither reaches out nor leaves anything."""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import sandbox_attacks
from ftops.adapters import grader_cell
from ftops.adapters.grader_programs import MOST_LATE, GraderPrograms, well_known_imports
from ftops.errors import Interrupted
from ftops.graders.problems import FailureKind, GradingFailed
from ftops.ports import ProgramMode
from sandbox_attacks import ATTACKS, ENDLESS, FRESH, SAYING, SEEKING, SPOILING, outcome, why_not_isolated

KEY = "sk-a-key-that-no-grader-sees"
NEVER = threading.Event()
EXACT = "def grade(sample, item):\n    return float(sample['output_text'] == item['want'])\n"


REFUSED = why_not_isolated()
needs_walls = pytest.mark.skipif(REFUSED is not None, reason=REFUSED or "")
needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def programs() -> Iterator[GraderPrograms]:
    made = GraderPrograms(ProgramMode.ISOLATED, stop=NEVER, seconds=60, most_cells=1)
    yield made
    made.close()


@pytest.fixture
def unsafe() -> Iterator[GraderPrograms]:
    made = GraderPrograms(ProgramMode.UNSAFE, stop=NEVER, seconds=60, most_cells=1)
    yield made
    made.close()


class Surroundings:
    """What graders are after: a project with a secret, a server, and a process with a key in its environment."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "secret").write_text(KEY)
        folder.chmod(0o755)
        self.project.chmod(0o777)
        self.connections: list[str] = []
        seen = self.connections

        class Handler(http.server.BaseHTTPRequestHandler):
            def setup(self) -> None:
                seen.append(str(self.client_address))
                super().setup()

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.keyholder = subprocess.Popen(["sleep", "300"], env={"PATH": os.environ["PATH"], "OPENAI_API_KEY": KEY})

    @property
    def item(self) -> Mapping[str, Any]:
        return {"project": str(self.project), "port": self.server.server_port, "pid": self.keyholder.pid}

    def check_untouched(self) -> None:
        assert self.connections == []
        assert [path.name for path in self.project.iterdir()] == ["secret"]
        assert (self.project / "secret").read_text() == KEY
        assert self.keyholder.poll() is None

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.keyholder.kill()
        self.keyholder.wait()


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    made = Surroundings(tmp_path_factory.mktemp("surroundings"))
    yield made
    made.close()


def processes_of_graders() -> list[psutil.Process]:
    """Those that this process has started, whatever their state."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie has no command line: nobody should leave one
            if child.status() == psutil.STATUS_ZOMBIE or "ftops.sandbox" in " ".join(child.cmdline()):
                found.append(child)
    return found


def check(came: Mapping[str, str | float]) -> None:
    for name, (_, pattern) in ATTACKS.items():
        assert re.search(pattern, str(came[name])), f"{name}: {came[name]}"
    for name in ENDLESS:
        assert came[name] == f"the python grader took longer than {sandbox_attacks.LATE_SECONDS} seconds", name
    assert "ValueError: '([" in str(came["as it was"])
    assert [name for name, value in came.items() if name.startswith("fresh after") and value != 1.0] == []
    assert KEY not in str(came)


@needs_walls
def test_every_attack_is_contained_and_reported(surroundings: Surroundings) -> None:
    check(sandbox_attacks.outcomes(surroundings.item))
    surroundings.check_untouched()
    assert processes_of_graders() == []


@needs_walls
@needs_root
def test_every_attack_is_contained_and_reported_for_another_user_too(surroundings: Surroundings) -> None:
    told = surroundings.item
    command = [sys.executable, "-B", sandbox_attacks.__file__, "4321", told["project"], str(told["port"])]
    done = subprocess.run([*command, str(told["pid"])], capture_output=True, text=True, check=False, timeout=120)
    if "mount" in done.stderr and "PermissionError" in done.stderr:
        pytest.skip("this root can't show the interpreter to another user")
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout))
    surroundings.check_untouched()


IN_A_NAMESPACE = """
import threading
from ftops.adapters.grader_programs import GraderPrograms
from ftops.ports import ProgramMode
programs = GraderPrograms(ProgramMode.ISOLATED, stop=threading.Event())
print(programs.refusal() or programs.run("import os\\ndef grade(s, i): return os.getuid()", {}, {}))
programs.close()
"""
ONE_FOR_ALL = "echo 1 > /proc/sys/user/max_pid_namespaces && exec"
FORBID = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -sys_admin"


@needs_walls
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ([], r"65534\.0"),
        (
            ["sh", "-c", f'{ONE_FOR_ALL} "$@"', "sh"],
            "python graders can't be isolated here: graders can't have a namespace each .*unsafe-python-graders",
        ),
        (
            ["sh", "-c", f'{FORBID} "$@"', "sh"],
            "python graders can't be isolated here: .*namespaces.*unsafe-python-graders",
        ),
    ],
)
def test_root_of_a_container_needs_namespaces_too(command: list[str], expected: str) -> None:
    container = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*container, "setpriv", "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare or setpriv is not there, or may not make a namespace")
    whole = [*container, *command, sys.executable, "-c", IN_A_NAMESPACE]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60)
    assert re.match(expected, done.stdout), done


@needs_walls
@pytest.mark.parametrize("value", ["0.25", "True", "1", "__import__('numpy').float32(0.5)", "-3e300"])
def test_a_number_of_any_kind_is_a_score(programs: GraderPrograms, value: str) -> None:
    expected = {"True": 1.0, "__import__('numpy').float32(0.5)": 0.5}.get(value)
    score = programs.run(f"def grade(sample, item):\n    return {value}\n", {}, {})
    assert score == (float(value) if expected is None else expected)
    assert type(score) is float


@needs_walls
def test_a_grader_sees_sample_and_item_and_scores_are_exact(programs: GraderPrograms) -> None:
    source = "def grade(sample, item):\n    return item['a'] / 3 + len(sample['output_tools'])\n"
    assert programs.run(source, {"output_tools": [{}]}, {"a": 0.1}) == 0.1 / 3 + 1
    assert programs.run(EXACT, {"output_text": "Zürich\ud800"}, {"want": "Zürich\ud800"}) == 1.0


@needs_walls
def test_graders_have_the_libraries_beside_ftops(programs: GraderPrograms) -> None:
    source = (
        "import nltk, numpy as np, scipy.stats, rapidfuzz\nfrom dataclasses import dataclass\nfrom random import random\n"
        "@dataclass\nclass Seen:\n    ratio: float\n"
        "def grade(sample, item):\n"
        "    seen = Seen(rapidfuzz.fuzz.ratio('ab', 'ab') + nltk.edit_distance('ab', 'ab'))\n"
        "    return np.float64(seen.ratio) / 100 + scipy.stats.norm.cdf(0)\n"
    )
    assert programs.run(source, {}, {}) == 1.5


@needs_walls
def test_a_grader_is_somebody_whose_home_is_its_folder(programs: GraderPrograms) -> None:
    source = (
        "import os, pathlib, pwd\ndef grade(sample, item):\n"
        "    return float(str(pathlib.Path.home()) == os.getcwd() and pwd.getpwuid(os.getuid()).pw_name == 'nobody')\n"
    )
    assert programs.run(source, {}, {}) == 1.0


@needs_walls
def test_items_do_not_influence_one_another(programs: GraderPrograms) -> None:
    counting = "count = 0\ndef grade(sample, item):\n    global count\n    count += 1\n    return count\n"
    assert [programs.run(counting, {}, {}) for _ in range(2)] == [1.0, 1.0]
    assert programs.run(SPOILING, {}, {}) == 0.25
    assert programs.run(FRESH, {}, {}) == 1.0


@needs_walls
def test_memory_holds_nothing_of_earlier_items(programs: GraderPrograms) -> None:
    given, said = b"what the earlier item was about", b"what the earlier grader has said"
    about = {text: {"sought": [byte ^ 1 for byte in text]} for text in (given, said)}
    before = {text: programs.run(SEEKING, {}, item) for text, item in about.items()}
    for size in (1, 100, 10_000):
        assert programs.run("def grade(sample, item): return 0.5", {"output_text": given.decode() * size}, {}) == 0.5
    assert "neither a score nor an error" in str(outcome(programs, SAYING, about[said]))
    assert {text: programs.run(SEEKING, {}, item) for text, item in about.items()} == before


@needs_walls
def test_sets_have_the_same_order_in_every_process() -> None:
    source = "def grade(sample, item):\n    return hash('a text') % 10**9\n"
    scores = set()
    for _ in range(2):
        programs = GraderPrograms(ProgramMode.ISOLATED, stop=NEVER, most_cells=1)
        scores.add(programs.run(source, {}, {}))
        programs.close()
    assert len(scores) == 1


@needs_walls
def test_the_guides_limits_are_the_default() -> None:
    programs = GraderPrograms(ProgramMode.ISOLATED, stop=NEVER)
    source = (
        "import resource\ndef grade(sample, item):\n"
        "    return resource.getrlimit(resource.RLIMIT_AS)[0] + resource.getrlimit(resource.RLIMIT_CPU)[0] / 1000\n"
    )
    try:
        assert programs.run(source, {}, {}) == 2 * 2**30 + 0.122
    finally:
        programs.close()


@needs_walls
def test_threads_grade_side_by_side() -> None:
    several = GraderPrograms(ProgramMode.ISOLATED, stop=NEVER, seconds=60, most_cells=2)
    waiting = "import time\ndef grade(sample, item):\n    time.sleep(0.05)\n    return item['n']\n"
    try:
        with ThreadPoolExecutor(6) as pool:
            scores = list(pool.map(lambda n: several.run(waiting, {}, {"n": n}), range(12)))
        assert scores == list(range(12))
        assert len(processes_of_graders()) <= 2 * 2  # one in front of the walls and a keeper each
    finally:
        several.close()


@needs_walls
def test_an_interrupted_run_does_not_wait_for_a_grader() -> None:
    stop = threading.Event()
    programs = GraderPrograms(ProgramMode.ISOLATED, stop=stop, most_cells=1)
    assert programs.refusal() is None
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Interrupted):
        programs.run(ENDLESS["sleeps"], {}, {})
    programs.close()
    assert processes_of_graders() == []


def test_a_grader_that_never_ends_is_given_up() -> None:
    programs = GraderPrograms(ProgramMode.UNSAFE, stop=NEVER, seconds=0.05, most_cells=1)
    for _ in range(MOST_LATE):
        assert "took longer than 0.05 seconds" in str(outcome(programs, ENDLESS["sleeps"], {}))
    assert outcome(programs, ENDLESS["sleeps"], {}) == "the python grader took too long 8 times: not run again"
    assert "took longer" in str(outcome(programs, ENDLESS["endless loop"], {}))  # another one is tried
    programs.close()


@needs_walls
def test_a_lost_process_costs_one_item() -> None:
    programs = GraderPrograms(ProgramMode.ISOLATED, stop=NEVER, most_cells=1)
    assert programs.run(EXACT, {"output_text": "a"}, {"want": "a"}) == 1.0
    before = processes_of_graders()
    before[0].kill()
    with pytest.raises(GradingFailed, match="was ended") as caught:
        programs.run(EXACT, {"output_text": "a"}, {"want": "a"})
    assert caught.value.failure.kind is FailureKind.PROGRAM_HOST
    assert programs.run(EXACT, {"output_text": "b"}, {"want": "a"}) == 0.0
    programs.close()
    assert psutil.wait_procs(before, timeout=20)[1] == []


KILLED = """
import sys, threading
from ftops.adapters.grader_programs import GraderPrograms
from ftops.ports import ProgramMode
programs = GraderPrograms(ProgramMode(sys.argv[1]), stop=threading.Event())
print(programs.refusal(), flush=True)
programs.run("import time\\ndef grade(sample, item):\\n    time.sleep(1e9)\\n", {}, {})
"""


@needs_walls
@pytest.mark.parametrize("mode", [ProgramMode.ISOLATED, ProgramMode.UNSAFE])
def test_nothing_outlives_a_killed_ftops(mode: ProgramMode) -> None:
    wanted = 3 if mode is ProgramMode.ISOLATED else 2  # the process in front of the walls, the keeper, its child
    with subprocess.Popen([sys.executable, "-c", KILLED, mode.value], stdout=subprocess.PIPE, text=True) as ftops:
        assert ftops.stdout is not None
        assert ftops.stdout.readline() == "None\n"
        mine = psutil.Process(ftops.pid)
        for _ in range(1000):
            graders = mine.children(recursive=True)
            if len(graders) == wanted:
                break
            NEVER.wait(0.02)
        assert len(graders) == wanted
        ftops.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(graders, timeout=20)
    assert alive == []


def test_where_walls_cant_be_built_graders_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder that isn't there stands for one that can't be reached: what fails is the real building of walls.
    monkeypatch.setattr(grader_cell, "shown_folders", lambda _: (("/no/such/folder", "/no/such/folder"),))
    programs = GraderPrograms(ProgramMode.ISOLATED, stop=NEVER)
    refusal = programs.refusal()
    assert refusal is not None
    assert re.match("python graders can't be isolated here: .*; run where .*--unsafe-python-graders", refusal)
    assert "/no/such/folder" in refusal
    assert programs.isolation is None
    with pytest.raises(GradingFailed) as caught:
        programs.run(EXACT, {}, {})
    assert str(caught.value) == refusal
    assert caught.value.failure.kind is FailureKind.PROGRAM_HOST
    programs.close()
    assert processes_of_graders() == []


def test_a_process_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader_cell, "_PROGRAM", "import sys; sys.exit('no \\x1b such module')")
    programs = GraderPrograms(ProgramMode.UNSAFE, stop=NEVER)
    assert str(programs.refusal()) == (
        r"python graders can't be run here: the process for python graders did not start: no \x1b such module"
    )
    programs.close()


def test_a_system_without_fork_has_no_python_graders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    assert "fork" in str(GraderPrograms(ProgramMode.UNSAFE, stop=NEVER).refusal())


def test_unsafe_graders_run_without_walls_but_within_limits(
    unsafe: GraderPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTOPS_TEST_KEY", KEY)
    (tmp_path / "words").write_text("hello")
    reading = "def grade(sample, item):\n    return len(open(item['file']).read())\n"
    assert unsafe.run(reading, {}, {"file": str(tmp_path / "words")}) == 5.0
    assert unsafe.isolation == "none"
    assert outcome(unsafe, ATTACKS["keys in the environment"][0], {}).endswith("ValueError: '[]'")  # type: ignore[union-attr]
    assert outcome(unsafe, ATTACKS["100 GB list"][0], {}) == "the python grader needed more than 2 GB of memory"
    assert "without a score, by SIGSEGV" in str(outcome(unsafe, ATTACKS["crashes"][0], {}))


def test_unsafe_graders_end_in_time() -> None:
    programs = GraderPrograms(ProgramMode.UNSAFE, stop=NEVER, seconds=0.3, most_cells=1)
    assert "took longer" in str(outcome(programs, ENDLESS["ignores signals"], {}))
    programs.close()
    assert processes_of_graders() == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np\nfrom scipy import stats\n", ("numpy", "scipy", "scipy.stats")),
        ("import os, antigravity, idlelib.idle, nltk.__main__, numpy._core\n", ()),
        ("from . import re\ndef grade(s, i):\n    import numpy\n", ()),
        ("def grade(:", ()),
    ],
)
def test_only_well_known_imports_are_made_by_the_keeper(source: str, expected: tuple[str, ...]) -> None:
    assert well_known_imports(source) == expected
