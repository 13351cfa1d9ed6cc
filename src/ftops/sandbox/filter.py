"""Which system calls a grader may not make, as a program for the kernel's filter (seccomp, in classic BPF).

Owns the list and the instructions. It is a second wall behind the namespaces: what makes processes, opens sockets, keeps
memory that no limit counts, or reaches parts of the kernel that no function needs. One call is refused with one argument:
a process that may be dumped when it crashes would be written down by a program outside the walls. All else is allowed.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

# By name: the number on x86_64 and on aarch64, None where there is none.
_REFUSED: Final[Mapping[str, tuple[int | None, int | None]]] = {
    # Processes and threads. A child that outlives its item, or a bomb of them, can't begin.
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    "clone3": (435, 435),
    "execve": (59, 221),
    "execveat": (322, 281),
    # Network. The namespace has none; families such as vsock know no namespaces.
    "socket": (41, 198),
    # Memory beside the address space, which is what is limited.
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # Parts of the kernel with a history.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_setup": (206, 0),  # of which the whole machine has so many
    "fanotify_init": (300, 262),
    "modify_ldt": (154, None),
    "syslog": (103, 116),
    "personality": (135, 92),
}
_PRCTL: Final = (157, 167)
_SET_DUMPABLE: Final = 4
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0
_MACHINE_AT: Final = 4
_ARGUMENT_AT: Final = 16  # the first one's lower half, on both machines
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1  # as EPERM
_KILL: Final = 0x80000000
# On x86_64 the same calls can be made by other numbers, with this bit: none of ours does.
_OTHER_NUMBERS: Final = 0x40000000


def filter_program(machine: str) -> bytes:
    """Gives the filter for an architecture of ``kernel.machine``: instructions of 8 bytes.

    A call by another architecture's convention ends the process.
    """
    column, name = _MACHINES[machine]
    refused = [numbers[column] for numbers in _REFUSED.values()]
    return b"".join(_instructions(name, [number for number in refused if number is not None], _PRCTL[column]))


def _instructions(machine: int, refused: Sequence[int], prctl: int) -> list[bytes]:
    last = [
        _instruction(_IF_EQUAL, yes=1, value=prctl),
        _instruction(_RETURN, value=_ALLOW),
        _instruction(_LOAD, value=_ARGUMENT_AT),
        _instruction(_IF_EQUAL, yes=1, value=_SET_DUMPABLE),
        _instruction(_RETURN, value=_ALLOW),
    ]
    ahead = len(refused) + len(last)  # from the first of them to the refusal
    return [
        _instruction(_LOAD, value=_MACHINE_AT),
        _instruction(_IF_EQUAL, yes=1, value=machine),
        _instruction(_RETURN, value=_KILL),
        _instruction(_LOAD, value=_NUMBER_AT),
        _instruction(_IF_AT_LEAST, yes=ahead, value=_OTHER_NUMBERS),
        *(_instruction(_IF_EQUAL, yes=ahead - place - 1, value=number) for place, number in enumerate(refused)),
        *last,
        _instruction(_RETURN, value=_REFUSE),
    ]


def _instruction(code: int, *, yes: int = 0, value: int) -> bytes:
    """``yes`` is how many instructions are skipped where a condition holds."""
    return struct.pack("=HBBI", code, yes, 0, value)
