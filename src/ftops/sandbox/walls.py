"""Namespaces and a root of its own: what a grader can see of the machine.

Owns the two ways there. Root makes namespaces as it is, and graders then run as nobody. Who is not root, or is it in a
container alone, makes a namespace for users first, in which it may make the others. The new root holds what ``Setup`` lists,
read-only, some harmless devices, and one folder in memory that can be written. It has no ``/proc``, and a network without any
way out.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ftops.sandbox import kernel
from ftops.sandbox.kernel import Unsupported

NOBODY: Final = 65534
SCRATCH: Final = "/scratch-of-grader"
"""The only folder that can be written, inside; a name that no folder of the machine should have."""

# Who graders are, and the keeper: libraries look for a home folder when they are imported, and some fail without one.
_USERS: Final = "".join(
    f"{name}:x:{number}:{number}::{SCRATCH}:\n" for name, number in (("root", 0), ("nobody", NOBODY))
)
_SCRATCH_OPTIONS: Final = "size=64m,nr_inodes=1024,mode=0777"
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_NAMESPACES: Final = (
    kernel.NEW_MOUNTS | kernel.NEW_PROCESSES | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_HOST_NAME
)
# Where the new root is put together: any folder does, as it is covered only within the new namespace.
_STAGE: Final = "/tmp"  # noqa: S108 (nothing is written there: a file system in memory is mounted over it)


def leave_namespaces() -> bool:
    """Moves this process into namespaces of its own; the process namespace begins with its next child.

    Gives whether graders must become nobody inside: where root made the namespaces. Raises Unsupported.
    """
    kernel.machine()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # memory runs out: this process goes first, not ftops
    is_root = os.geteuid() == 0
    if is_root and _can_become_nobody():
        try:
            kernel.unshare(_NAMESPACES)
        except OSError:
            become_nobody()  # a root without that right, as in many containers: users may have it
            kernel.set_dumpable(1)  # or its own maps in /proc would be root's
        else:
            return True
    elif is_root and _is_real_root():
        raise Unsupported("this root can't become nobody")
    user, group = os.geteuid(), os.getegid()
    try:
        kernel.unshare(_NAMESPACES | kernel.NEW_USERS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
    except OSError as error:
        raise Unsupported(f"this machine lets nobody make namespaces ({error.strerror})") from error
    return False


def _can_become_nobody() -> bool:
    """Tries it in a child: a root of a user namespace of its own often has no other user there."""
    child = os.fork()
    if child == 0:
        try:
            become_nobody()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _is_real_root() -> bool:
    """Whether user 0 is the machine's own, and not an ordinary user who bears that number in a namespace."""
    return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]


def build_root(folders: Iterable[tuple[str, str]]) -> None:
    """Makes a new root in this process's own namespaces and goes there for good; ``folders`` as in ``Setup``.

    Raises Unsupported.
    """
    try:
        _assemble(folders)
        # Not the root of the namespace but a folder below it: in a chroot, nobody may make a user namespace any more.
        os.chroot("/cell")
        os.chdir(SCRATCH)
    except OSError as error:
        raise Unsupported(f"a root of its own can't be built ({error.strerror})") from error


def open_processes() -> int:
    """Opens this process's own namespace for processes, and tries what ``fork_alone`` needs it for. Raises Unsupported."""
    try:
        processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        kernel.unshare(kernel.NEW_PROCESSES)
        kernel.enter(processes, kernel.NEW_PROCESSES)
    except OSError as error:
        raise Unsupported(f"graders can't have a namespace each ({error.strerror})") from error
    return processes


def fork_alone(processes: int) -> int:
    """Forks a child that is alone in a namespace below ``processes``, this process's own. Raises OSError.

    A child has no number for its keeper, who may be the same user: it can set no limit, priority or signal of anybody else.
    """
    kernel.unshare(kernel.NEW_PROCESSES)
    child = os.fork()
    if child != 0:
        kernel.enter(processes, kernel.NEW_PROCESSES)
    return child


def renew_scratch() -> None:
    """Puts a new folder for writing in the place of the one there, of which somebody may have changed anything."""
    os.chdir("/")
    kernel.unmount(SCRATCH)
    _mount_scratch(SCRATCH)
    os.chdir(SCRATCH)


def become_nobody() -> None:
    """Gives up root and all groups, for good."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _assemble(folders: Iterable[tuple[str, str]]) -> None:
    kernel.mount("none", "/", "", kernel.RECURSIVELY | kernel.PRIVATE)
    kernel.mount("tmpfs", _STAGE, "tmpfs", kernel.NO_SETUID | kernel.NO_DEVICES, "mode=0755")
    new, old = f"{_STAGE}/cell", f"{_STAGE}/old"
    for path in (new, old):
        os.mkdir(path, 0o755)  # noqa: PTH102
    kernel.mount(new, new, "", kernel.BIND)
    kernel.pivot_root(_STAGE, old)
    os.chdir("/")
    for source, target in (*folders, *((device, device) for device in _DEVICES)):
        _bind(f"/old{source}", f"/cell{target}")
    os.mkdir(f"/cell{SCRATCH}", 0o755)  # noqa: PTH102
    Path("/cell/etc").mkdir(mode=0o755, exist_ok=True)
    Path("/cell/etc/passwd").write_text(_USERS)
    if not os.path.exists("/cell/tmp"):  # noqa: PTH110
        os.symlink(SCRATCH, "/cell/tmp")  # noqa: PTH211
    kernel.unmount("/old")
    kernel.make_read_only("/cell")
    _mount_scratch(f"/cell{SCRATCH}")


def _bind(source: str, target: str) -> None:
    """Shows a folder or a file of the old root, with all below it, at another place. Raises Unsupported, OSError."""
    try:
        is_folder = stat.S_ISDIR(os.stat(source).st_mode)  # noqa: PTH116
    except OSError as error:
        path = source.removeprefix("/old")
        raise Unsupported(f"graders have to read {path}, and can't as {_user()}: {error.strerror}") from error
    place = Path(target)
    if is_folder:
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
    else:
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        place.touch()
    kernel.mount(source, target, "", kernel.BIND | kernel.RECURSIVELY)


def _user() -> str:
    return "nobody" if os.geteuid() == NOBODY else f"user {os.geteuid()}"


def _mount_scratch(target: str) -> None:
    flags = kernel.NO_SETUID | kernel.NO_DEVICES | kernel.NO_PROGRAMS
    kernel.mount("tmpfs", target, "tmpfs", flags, _SCRATCH_OPTIONS)


def outer_first(folders: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Sorts (source, target) pairs, and leaves out targets below another one: there, what is there is shown.

    So no folder is ever made in one that is the machine's. A link in it leads to where it led, if that is shown too.
    """
    kept: list[tuple[str, str]] = []
    for source, target in sorted(set(folders), key=lambda pair: (pair[1].count("/"), pair)):
        if not any(target == outer or target.startswith(f"{outer}/") for _, outer in kept):
            kept.append((source, target))
    return tuple(kept)
