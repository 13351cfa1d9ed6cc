"""Linux, as far as Python's ``os`` doesn't speak to it: namespaces, mounts, capabilities, and the filter of system calls.

Owns the calls and their numbers, and no decision about what is called. Each raises OSError, with what was tried, where the
kernel says no. Numbers are those of ``include/uapi/linux`` and of the two architectures' tables of system calls.
"""

import ctypes
import functools
import os
import platform
import struct
from typing import Final

NEW_MOUNTS: Final = 0x00020000
NEW_HOST_NAME: Final = 0x04000000
NEW_IPC: Final = 0x08000000
NEW_USERS: Final = 0x10000000
NEW_PROCESSES: Final = 0x20000000
NEW_NETWORK: Final = 0x40000000

NO_SETUID: Final = 2
NO_DEVICES: Final = 4
NO_PROGRAMS: Final = 8
BIND: Final = 4096
RECURSIVELY: Final = 16384
PRIVATE: Final = 1 << 18

_DETACH: Final = 2
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_MOUNT_SETATTR: Final = 442
_READ_ONLY_NO_SETUID: Final = 0x1 | 0x2

_SET_DEATH_SIGNAL: Final = 1
_SET_DUMPABLE: Final = 4
_SET_SECCOMP: Final = 22
_DROP_BOUNDING: Final = 24
_SET_NO_NEW_PRIVILEGES: Final = 38
_CAPABILITIES_V3: Final = 0x20080522

_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}


class Unsupported(Exception):
    """This machine has no way to isolate; the message says why."""


def machine() -> str:
    """Gives the architecture, one of those whose system calls are known here. Raises Unsupported."""
    name = platform.machine()
    if platform.system() != "Linux":
        raise Unsupported(f"isolation needs Linux, and this is {platform.system() or 'another system'}")
    if name not in _PIVOT_ROOT or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise Unsupported(f"isolation is made for x86_64 and aarch64, and this is {name}")
    return name


def unshare(namespaces: int) -> None:
    """Moves this process into new namespaces; of a new one for processes only its children to come are part."""
    _check(_libc().unshare(ctypes.c_int(namespaces)), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Moves this process into a namespace that is open as a file; of one for processes only its children to come are part."""
    _check(_libc().setns(ctypes.c_int(namespace), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mounts, or changes a mount."""
    told = (source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode() or None)
    _check(_libc().mount(*told), f"mount {target}")


def unmount(target: str) -> None:
    """Takes a mount out of sight at once; it goes when nobody uses it."""
    _check(_libc().umount2(os.fsencode(target), ctypes.c_int(_DETACH)), f"umount {target}")


def make_read_only(target: str) -> None:
    """Makes a mount and all mounts below it read-only, without set-user-id. Needs Linux 5.12."""
    wanted = struct.pack("QQQQ", _READ_ONLY_NO_SETUID, 0, 0, 0)
    _call(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, wanted, len(wanted), what="mount_setattr (5.12)"
    )


def pivot_root(new: str, old: str) -> None:
    """Makes the mount ``new`` the root, and puts the root that was at ``old``."""
    _call(_PIVOT_ROOT[machine()], os.fsencode(new), os.fsencode(old), what="pivot_root")


def die_with_parent() -> None:
    """Has this process killed when its parent ends."""
    _prctl(_SET_DEATH_SIGNAL, 9)


def set_dumpable(value: int) -> None:
    """Says whether this process's files in /proc are its own, 1, or out of reach, 0."""
    _prctl(_SET_DUMPABLE, value)


def drop_bounding_capabilities() -> None:
    """Gives up that a program could ever have capabilities; needs CAP_SETPCAP."""
    for number in range(64):
        if _libc().prctl(ctypes.c_int(_DROP_BOUNDING), *_words(number, 0, 0, 0)) != 0:
            return  # past the last one that this kernel has


def drop_capabilities() -> None:
    """Gives up every capability of this process, for good."""
    header = struct.pack("Ii", _CAPABILITIES_V3, 0)
    _check(_libc().capset(header, bytes(24)), "capset")


def forbid_new_privileges() -> None:
    """Nothing that this process starts can have more rights than it has."""
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)


def install_filter(program: bytes) -> None:
    """Installs a filter of system calls, as instructions of 8 bytes each; it can't be taken off."""
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    held = ctypes.create_string_buffer(described, len(described))
    _check(_libc().prctl(ctypes.c_int(_SET_SECCOMP), *_words(2, ctypes.addressof(held), 0, 0)), "seccomp")


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    _check(_libc().prctl(ctypes.c_int(option), *_words(value, 0, 0, 0)), f"prctl {option}")


def _words(*values: int) -> tuple[ctypes.c_ulong, ...]:
    """A variadic function takes what it is given: each argument must have a word's width."""
    return tuple(ctypes.c_ulong(value) for value in values)


def _call(number: int, *arguments: int | bytes, what: str) -> None:
    told = [ctypes.c_long(each) if isinstance(each, int) else ctypes.c_char_p(each) for each in arguments]
    _check(_libc().syscall(ctypes.c_long(number), *told), what)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
