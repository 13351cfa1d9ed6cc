"""The parts of the sandbox that decide something by themselves: the filter's program, the frames, and what is a score."""

import json
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftops.sandbox import filter as filters
from ftops.sandbox import item, kernel, walls, wire
from ftops.sandbox.filter import filter_program

ALLOW, REFUSE_AS_EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# By name: the numbers of some calls on both, from the kernel's own tables; what graders need, and what they may not have.
PRCTL, SET_DUMPABLE = (157, 167), 4
NEEDED = {"read": (0, 63), "write": (1, 64), "openat": (257, 56), "mmap": (9, 222), "exit_group": (231, 94)}
FORBIDDEN = {"clone": (56, 220), "execve": (59, 221), "socket": (41, 198), "ptrace": (101, 117), "mount": (165, 40)}


def verdict(program: bytes, *, machine: int, number: int, argument: int = 0) -> int:
    """Runs a filter as the kernel does, for the four instructions that ours are made of."""
    instructions = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    data = {0: number, 4: machine, 16: argument}
    place, held = 0, 0
    while True:
        code, yes, no, value = instructions[place]
        place += 1
        match code:
            case 0x20:
                held = data[value]
            case 0x15:
                place += yes if held == value else no
            case 0x35:
                place += yes if held >= value else no
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(code)


@pytest.mark.parametrize(("column", "name"), list(enumerate(MACHINES)))
def test_the_filter_refuses_what_it_lists_and_nothing_else(column: int, name: str) -> None:
    program, machine = filter_program(name), MACHINES[name]
    refused = {numbers[column] for numbers in filters._REFUSED.values()} - {None}
    assert len(refused) > 30
    for number in range(600):
        expected = REFUSE_AS_EPERM if number in refused else ALLOW
        assert verdict(program, machine=machine, number=number) == expected, number
    for numbers in FORBIDDEN.values():
        assert verdict(program, machine=machine, number=numbers[column]) == REFUSE_AS_EPERM
    assert verdict(program, machine=machine, number=PRCTL[column], argument=SET_DUMPABLE) == REFUSE_AS_EPERM
    assert verdict(program, machine=machine, number=NEEDED["read"][column], argument=SET_DUMPABLE) == ALLOW
    for numbers in NEEDED.values():
        assert verdict(program, machine=machine, number=numbers[column]) == ALLOW


@pytest.mark.parametrize("name", MACHINES)
def test_calls_by_other_conventions_are_no_way_round(name: str) -> None:
    program = filter_program(name)
    for other in {0x40000003, *MACHINES.values()} - {MACHINES[name]}:
        assert verdict(program, machine=other, number=0) == KILL
    assert verdict(program, machine=MACHINES[name], number=0x40000000 | 41) == REFUSE_AS_EPERM
    assert verdict(program, machine=MACHINES[name], number=0xFFFFFFFF) == REFUSE_AS_EPERM


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
)
def test_numbers_are_those_of_the_kernels_tables(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"{header} is not here")
    lines = [line.split() for line in Path(header).read_text().splitlines() if line.startswith("#define __NR_")]
    known = {words[1].removeprefix("__NR_"): int(words[2]) for words in lines if words[2:] and words[2].isdigit()}
    ours = {name: numbers[column] for name, numbers in filters._REFUSED.items() if name in known}
    assert {name: known[name] for name in ours} == ours
    assert len(ours) > 30


def test_another_machine_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, machine, expected in (("Darwin", "arm64", "needs Linux.*Darwin"), ("Linux", "riscv64", "riscv64")):
        monkeypatch.setattr(kernel.platform, "system", lambda system=system: system)
        monkeypatch.setattr(kernel.platform, "machine", lambda machine=machine: machine)
        with pytest.raises(kernel.Unsupported, match=expected):
            walls.leave_namespaces()


def piped(send: Callable[[int], object]) -> tuple[bytes | None, bytes | None]:
    """The first two frames of what is sent."""
    reading, writing = os.pipe()
    sender = threading.Thread(target=lambda: (send(writing), os.close(writing)))
    sender.start()
    frames = wire.receive(reading), wire.receive(reading)
    sender.join()
    os.close(reading)
    return frames


def test_frames_of_any_size_arrive_whole() -> None:
    large = os.urandom(3_000_000)
    assert piped(lambda pipe: (wire.send(pipe, b""), wire.send(pipe, large))) == (b"", large)
    told = piped(lambda pipe: wire.send_json(pipe, {"refused": "ü"}))
    assert (json.loads(told[0] or b""), told[1]) == ({"refused": "ü"}, None)


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\5four"])
def test_half_a_frame_is_none(sent: bytes) -> None:
    assert piped(lambda pipe: os.write(pipe, sent))[0] is None


def test_folders_are_shown_once_outer_ones_first() -> None:
    shown = walls.outer_first(
        (("/usr/lib/x", "/lib/x"), ("/usr/lib", "/lib"), ("/linked/to", "/usr/lib/b"), ("/usr/lib", "/usr/lib"))
    )
    assert shown == (("/usr/lib", "/lib"), ("/usr/lib", "/usr/lib"))


def graded(source: str, **given: Any) -> float:
    return item._score(source.encode(), json.dumps({"sample": {}, "item": {}, **given}).encode())


def test_a_score_is_a_finite_number() -> None:
    assert graded("def grade(s, i): return i['x']", item={"x": 2}) == 2.0
    for value, error in (("'1'", TypeError), ("None", TypeError), ("1j", TypeError), ("1e400", ValueError)):
        with pytest.raises(error):
            graded(f"def grade(s, i): return {value}")


def test_an_error_is_told_with_the_graders_own_line() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        graded("import json\n\ndef grade(s, i):\n    return json.loads('1', parse_int=lambda _: 1 / 0)\n")
    assert item._error(caught.value) == {"error": "ZeroDivisionError", "message": "division by zero", "line": 4}
    with pytest.raises(SyntaxError) as wrong:
        graded("\ndef grade(:\n")
    assert item._error(wrong.value)["line"] == 2
    assert len(item._error(ValueError("x" * 10_000))["message"]) == 2_000
