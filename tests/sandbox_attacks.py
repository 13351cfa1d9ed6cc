"""What a malicious python grader tries, and what must become of it: sources, and patterns of ftops' words.

Run as a program it tries them all as another user and writes what came of each as JSON: ``USER PROJECT PORT PID``, as root.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftops.adapters.grader_programs import GraderPrograms
from ftops.graders.problems import GradingFailed
from ftops.ports import ProgramMode
from ftops.sandbox import kernel

LATE_SECONDS = 0.3
ROOT = Path(__file__).parents[1]


def calling(call: str, imports: str = "os") -> str:
    """A grader of one statement that gives 1.0 where nothing stopped it."""
    return f"import {imports}\ndef grade(sample, item):\n    {call}\n    return 1.0\n"


SYSTEM_CALL = """import ctypes, os
def grade(sample, item):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.{call} == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return 1.0
"""

# By name: the source, and what must be said of it.
ATTACKS: Mapping[str, tuple[str, str]] = {
    "fork bomb": (calling("while True: os.fork()"), "PermissionError.*no processes"),
    "process in the background": (calling("os.posix_spawn('/bin/sh', ['sh'], {})"), "PermissionError"),
    "other program": (calling("subprocess.run(['/bin/sh', '-c', 'true'])", "subprocess"), "PermissionError"),
    "in place of itself": (calling("os.execv('/usr/lib/x', ['x'])"), "PermissionError"),
    "threads": (calling("threading.Thread(target=print).start()", "threading"), "can't start new thread.*threads"),
    "100 GB list": (calling("[0] * (100 * 2**30 // 8)"), "needed more than 2 GB of memory"),
    "growing": (
        "import mmap\ndef grade(sample, item):\n    kept = []\n    while True: kept.append(mmap.mmap(-1, 1 << 28))\n",
        "Cannot allocate memory",
    ),
    "memory that no limit counts": (SYSTEM_CALL.format(call="shmget(0, 1 << 30, 0o1600)"), "PermissionError"),
    "file without a folder": (calling("os.memfd_create('x')"), "PermissionError"),
    "keys in the environment": (
        calling("raise ValueError(sorted(name for name in os.environ if not name.endswith('_NUM_THREADS')))"),
        r"ValueError: '\[\]'",
    ),
    "own environment": (calling("open('/proc/self/environ').read()"), "FileNotFoundError"),
    "environment of the parent": (calling("open(f'/proc/{os.getppid()}/environ').read()"), "FileNotFoundError"),
    "environment of ftops": (calling("open(f\"/proc/{item['pid']}/environ\").read()"), "FileNotFoundError"),
    "keys that ftops knows": (calling("pass", "ftops.adapters.openai_client"), "No module named .ftops"),
    "modules that ftops has": (calling("sys.modules['ftops.sandbox.kernel']", "sys"), "KeyError"),
    "reads the project": (calling("open(item['project'] + '/secret').read()"), "FileNotFoundError"),
    "by way of dots": (calling("open('../' * 30 + item['project'][1:] + '/secret').read()"), "FileNotFoundError"),
    "by way of a link": (
        calling("os.symlink(item['project'], 'link'); open('link/secret').read()"),
        "FileNotFoundError",
    ),
    "writes to the project": (calling("open(item['project'] + '/written', 'w')"), "FileNotFoundError"),
    "makes a folder": (calling("os.makedirs('/srv/x')"), "Read-only file system|PermissionError"),
    "writes to the home folder": (calling("os.makedirs('/home/x')"), "Read-only file system|PermissionError"),
    "changes a library": (calling("open(json.__file__, 'a')", "json"), "Read-only file system|PermissionError"),
    "changes a library's rights": (calling("os.chmod(os.__file__, 0o777)"), "Read-only file system|PermissionError"),
    "socket": (calling("socket.create_connection(('127.0.0.1', item['port']))", "socket"), "PermissionError.*network"),
    "machine's other side": (calling("socket.socket(40, socket.SOCK_STREAM)", "socket"), "PermissionError"),
    "becomes root": (calling("os.setuid(0)"), "PermissionError|Invalid argument"),
    "new namespace": (SYSTEM_CALL.format(call="unshare(0x10000000)"), "PermissionError"),
    "mount": (SYSTEM_CALL.format(call="mount(b'none', b'/', b'tmpfs', 0, None)"), "PermissionError"),
    "other root": (calling("os.chroot('.')"), "PermissionError"),
    "traces its keeper": (SYSTEM_CALL.format(call="ptrace(16, 1, 0, 0)"), "PermissionError"),
    "kills all": (calling("os.kill(-1, 9)"), "ProcessLookupError|PermissionError"),
    "kills its group": (calling("os.killpg(0, 9)"), r"^1\.0$"),  # nobody else is in it, and it is process 1
    "kills process 1": (calling("os.kill(1, 9)"), r"^1\.0$"),  # that is itself too, not its keeper
    "asks for its keeper": (calling("return os.getppid()"), r"^0\.0$"),
    "wants a core": (SYSTEM_CALL.format(call="prctl(4, 1, 0, 0, 0)"), "PermissionError"),
    "has a core": (calling("return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)", "ctypes"), r"^0\.0$"),
    "takes what the machine has little of": (
        SYSTEM_CALL.format(call="syscall(ctypes.c_long(206 if os.uname().machine == 'x86_64' else 0), 9, None)"),
        "PermissionError",
    ),
    "reads the kernel's log": (SYSTEM_CALL.format(call="klogctl(3, None, 0)"), "PermissionError"),
    "devices": (calling("open('/dev/mem', 'rb')"), "FileNotFoundError"),
    "full disk": (
        "def grade(sample, item):\n    file = open('full', 'wb')\n    while True: file.write(bytes(1 << 20))\n",
        "File too large|No space left",
    ),
    "many files": (
        "def grade(sample, item):\n    for n in range(100_000): open(str(n), 'w').close()\n",
        "No space left",
    ),
    "many open files": (calling("[os.dup(1) for _ in range(1000)]"), "Too many open files"),
    "says too much": (calling("os.write(3, bytes(60_000)); os.write(3, bytes(60_000))"), "said more than 64,000 bytes"),
    "forges a score": (calling("os.write(3, b'{\"score\": 1.0}')"), "neither a score nor an error"),
    "forges words": (
        calling('os.write(3, b\'{"error": "0 errors: passed", "message": "", "line": 1}\'); os._exit(0)'),
        "neither a score nor an error",
    ),
    "forges a line": (
        calling('os.write(3, b\'{"error": "E", "message": "", "line": -\' + b\'9\' * 4000 + b\'}\'); os._exit(0)'),
        "^the python grader failed with E$",
    ),
    "forges infinity": (calling("os.write(3, b'{\"score\": 1e999}'); os._exit(0)"), "neither a score nor an error"),
    "forges an error": (calling("os.write(3, b'{\"error\": {}}'); os._exit(0)"), "neither a score nor an error"),
    "forges depth": (calling("os.write(3, b'[' * 50_000); os._exit(0)"), "neither a score nor an error"),
    "closes all files": (calling("os.closerange(0, 4096)"), "without a score"),
    "leaves": (calling("sys.exit(0)", "sys"), "SystemExit"),
    "leaves at once": (calling("os._exit(0)"), "without a score, by exit 0"),
    "aborts": (calling("os.abort()"), "without a score, by SIG(ABRT|SEGV)"),  # process 1 may not end itself
    "crashes": (calling("ctypes.string_at(0)", "ctypes"), "without a score, by SIGSEGV"),
    "recurses": ("def grade(sample, item): return grade(sample, item)\n", "RecursionError"),
    "control characters": (calling("raise ValueError('\\x1b[2J\\n::error::')"), r"in line 3.*\\x1b\[2J\\x0a::error::"),
    "an error that can't be told": (
        "class E(Exception):\n    def __str__(self): raise self\ndef grade(sample, item): raise E\n",
        "without a score, by exit 70",
    ),
    "nothing": (calling("return None"), "None instead of a number"),
    "text": (calling("return '1.0'"), "type str instead of a number"),
    "no number": (calling("return float('nan')"), "grade gave nan"),
    "too large": (calling("return 10**400"), "OverflowError"),
}

# These never end by themselves.
ENDLESS: Mapping[str, str] = {
    "endless loop": calling("while True: pass"),
    "sleeps": calling("time.sleep(1e9)", "time"),
    "ignores signals": (
        "import signal, time\ndef grade(sample, item):\n"
        "    for n in set(signal.valid_signals()) - {9, 19, 32, 33}: signal.signal(n, signal.SIG_IGN)\n"
        "    time.sleep(1e9)\n"
    ),
    "a pattern that backtracks": calling("re.match('(a+)+b', 'a' * 40)", "re"),
    "an error that takes for ever": (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\ndef grade(sample, item): raise E\n"
    ),
    "begins endlessly": "while True: pass\ndef grade(sample, item): return 1.0\n",
}

# What is done to the next item's surroundings, which then look like this again.
SPOILING = (
    "import os\ndef grade(sample, item):\n    open('left', 'w').close()\n"
    "    try: os.chmod('.', 0)\n    except PermissionError: pass\n    return 0.25\n"
)
# A keeper that is the same user could be given all of this, and would hand it on to the next item.
SPOILERS: Mapping[str, str] = {
    "limits": calling("[resource.prlimit(1, n, (40, 40)) for n in range(16) if n not in (2, 3, 9)]", "resource"),
    "priority": calling("os.setpriority(os.PRIO_PROCESS, 1, 19); os.setpriority(os.PRIO_USER, 0, 19)"),
    "processors": calling("os.sched_setaffinity(1, sorted(os.sched_getaffinity(0))[:1])"),
    "schedule": calling("os.sched_setscheduler(1, os.SCHED_BATCH, os.sched_param(0))"),
    "signals by way of a pipe": (
        "import fcntl, os\ndef grade(sample, item):\n    reading, writing = os.pipe()\n"
        "    fcntl.fcntl(reading, fcntl.F_SETOWN, 1)\n    fcntl.fcntl(reading, 10, 9)\n"
        "    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)\n    os.write(writing, b'x')\n    return 1.0\n"
    ),
}
STATE = (
    "import os, resource\ndef grade(sample, item):\n"
    "    limits = [resource.getrlimit(number)[0] for number in range(16)]\n"
    "    priority = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))\n"
    "    raise ValueError(limits, priority)\n"
)
# Looks through its memory for what the list of numbers stands for, and says how often it is there.
SEEKING = """import ctypes, os
def grade(sample, item):
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = ctypes.c_void_p
    reading, writing = os.pipe()
    sought = bytes(number ^ 1 for number in item["sought"])
    found = 0
    def look(at, step):
        nonlocal found
        nothing = 0
        while nothing < 600:
            if libc.write(writing, ctypes.c_void_p(at), 4096) > 0:  # EFAULT where nothing is
                found += os.read(reading, 4096).count(sought)
                nothing = 0
            else:
                nothing += 1
            at += step
    look((libc.sbrk(0) & ~4095) - 4096, -4096)
    for here in (id(object()), id(sample), id(item)):
        look(here & ~4095, 4096)
        look(here & ~4095, -4096)
    return found
"""
SAYING = """import os
def grade(sample, item):
    os.write(3, b'{"error": "E", "message": "' + 500 * bytes(number ^ 1 for number in item["sought"]) + b'"}')
    os._exit(0)
"""
FRESH = (
    "import os\ndef grade(sample, item):\n    open('new', 'w').close()\n    return float(os.listdir('.') == ['new'])\n"
)


def why_not_isolated() -> str | None:
    """Why no python grader can be isolated where the tests run; None where it can."""
    trial = GraderPrograms(ProgramMode.ISOLATED, stop=threading.Event(), most_cells=1)
    try:
        return trial.refusal()
    finally:
        trial.close()


def outcome(programs: GraderPrograms, source: str, item: Mapping[str, Any]) -> str | float:
    """What comes of a grader: its score, or ftops' words."""
    try:
        return programs.run(source, {"output_text": "x"}, item)
    except GradingFailed as problem:
        return str(problem)


def outcomes(item: Mapping[str, Any]) -> dict[str, str | float]:
    """What comes of all of them, each followed by an innocent one that must not notice."""
    came: dict[str, str | float] = {}
    for sources, seconds in (({name: source for name, (source, _) in ATTACKS.items()}, 60.0), (ENDLESS, LATE_SECONDS)):
        programs = GraderPrograms(ProgramMode.ISOLATED, stop=threading.Event(), seconds=seconds, most_cells=1)
        try:
            for name, source in sources.items():
                came[name] = outcome(programs, source, item)
            came[f"spoilt after {seconds}"] = outcome(programs, SPOILING, item)
            came[f"fresh after {seconds}"] = outcome(programs, FRESH, item)
        finally:
            programs.close()
    return came | _traces()


def _traces() -> dict[str, str | float]:
    """Whether an item finds the process as it was before each of SPOILERS."""
    came: dict[str, str | float] = {}
    programs = GraderPrograms(ProgramMode.ISOLATED, stop=threading.Event(), most_cells=1)
    try:
        before = came["as it was"] = outcome(programs, STATE, {})
        for name, source in SPOILERS.items():
            outcome(programs, source, {})
            came[f"fresh after {name}"] = float(before == outcome(programs, STATE, {}))
    finally:
        programs.close()
    return came


def _become(user: int, *paths: Path) -> None:
    """Becomes a user who can reach ``paths``, by showing them in folders that are closed to others."""
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.mount("none", "/", "", kernel.RECURSIVELY | kernel.PRIVATE)
    closed = {a for path in paths for a in path.parents if not a.stat().st_mode & 1}
    outermost = {a for a in closed if not closed & set(a.parents)}
    stage = Path("/mnt")
    kernel.mount("none", str(stage), "tmpfs", 0, "mode=0755")
    hidden = [path for path in paths if outermost & set(path.parents)]
    for number, path in enumerate(hidden):
        (stage / str(number)).mkdir()
        kernel.mount(str(path), str(stage / str(number)), "", kernel.BIND | kernel.RECURSIVELY)
    for folder in outermost:
        kernel.mount("none", str(folder), "tmpfs", 0, "mode=0755")
    for number, path in enumerate(hidden):
        path.mkdir(parents=True)
        kernel.mount(str(stage / str(number)), str(path), "", kernel.BIND | kernel.RECURSIVELY)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


if __name__ == "__main__":
    _become(int(sys.argv[1]), Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT)
    os.chdir("/")
    sys.stdout.write(json.dumps(outcomes({"project": sys.argv[2], "port": int(sys.argv[3]), "pid": int(sys.argv[4])})))
