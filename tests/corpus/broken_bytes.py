"""Files that are no JSONL, and lines that are no rows."""

# ruff: noqa: E501  (a case is one line)

import bz2
import gzip
import io
import json
import lzma
import zipfile

from corpus.files import ROWS, File, answer, chat, file_of, good_lines, line, user
from ftops.datasets.formats import Use

_GOOD = good_lines(Use.SUPERVISED, ROWS)


def _whole(name: str, data: bytes, *found: str) -> File:
    return File(name=name, data=data, use=Use.SUPERVISED, found=found)


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("rows.jsonl", _GOOD)
    return packed.getvalue()


_UTF_16 = "D005 1:1 : expected UTF-8, got what looks like UTF-16 or binary data"
_REST = "expected the rest of the row"
_TEXT = line(chat(user("é"), answer()))[:-1]

FILES = (
    _whole("empty", b"", "D002 0:1 : expected rows, the file is empty"),
    _whole(
        "lfs-pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n",
        "D003 1:1 : expected data, got a git-LFS pointer",
    ),
    _whole("gzip", gzip.compress(_GOOD), "D004 1:1 : expected JSONL, got a gzip archive"),
    _whole("bzip2", bz2.compress(_GOOD), "D004 1:1 : expected JSONL, got a bzip2 archive"),
    _whole("xz", lzma.compress(_GOOD), "D004 1:1 : expected JSONL, got an xz archive"),
    _whole("zip", _zip(), "D004 1:1 : expected JSONL, got a zip archive"),
    _whole("zstd", b"\x28\xb5\x2f\xfd\x04\x58\x00\x00", "D004 1:1 : expected JSONL, got a zstd archive"),
    _whole("utf-16-with-mark", _GOOD.decode().encode("utf-16"), _UTF_16),
    _whole("utf-16-le", _GOOD.decode().encode("utf-16-le"), _UTF_16),
    _whole("utf-16-be", _GOOD.decode().encode("utf-16-be"), _UTF_16),
    _whole("utf-32", _GOOD.decode().encode("utf-32"), _UTF_16),
    _whole("zeros", b"\x00" * 100, _UTF_16),
    _whole("byte-order-mark", b"\xef\xbb\xbf" + _GOOD, "D006 1:1 : expected JSONL without a byte-order mark"),
    _whole("blank-first-line", b"\n" + _GOOD, "D007 1:1 : expected a row, got a blank line"),
    _whole("blank-last-line", _GOOD + b"\n", f"D007 {ROWS + 1}:1 : expected a row, got a blank line"),
    _whole("blanks-at-the-end", _GOOD + b"  ", f"D007 {ROWS + 1}:1 : expected a row, got a blank line"),
    _whole("one-json-list", json.dumps([chat()] * ROWS).encode(), "D011 1:1 : expected a JSON object, got a list"),
    _whole("cut-off", _GOOD[:-2], f"D009 {ROWS}:104 : {_REST}"),
    _whole("cut-off-in-a-text", _GOOD[:-20], f"D009 {ROWS}:86 : {_REST}"),
    file_of("blank-line", b"\n", "D007 : expected a row, got a blank line"),
    file_of("blank-line-of-windows", b"\r\n", "D007 : expected a row, got a blank line"),
    file_of("line-of-blanks", b" \t \n", "D007 : expected a row, got a blank line"),
    file_of("latin-1", line(chat()).replace(b"question", b"qu\xe9stion"), "D005 48 : expected UTF-8"),
    file_of("half-a-character", line(chat()).replace(b"question", b"qu\xc3stion"), "D005 48 : expected UTF-8"),
    file_of("overlong-character", line(chat()).replace(b"question", b"qu\xc0\xafstion"), "D005 48 : expected UTF-8"),
    file_of("surrogate-in-utf-8", line(chat()).replace(b"question", b"qu\xed\xa0\x80stion"), "D005 48 : expected UTF-8"),
    file_of("wrong-byte-after-a-wide-character", _TEXT.replace(b"an answer", b"\xff") + b"\n", "D005 88 : expected UTF-8"),
    file_of("number", b"3\n", "D011 : expected a JSON object, got the integer 3"),
    file_of("text", b'"row"\n', "D011 : expected a JSON object, got the string 'row'"),
    file_of("null", b"null\n", "D011 : expected a JSON object, got null"),
    file_of("list-of-messages", line([user(), answer()]), "D011 : expected a JSON object, got a list"),
    file_of("no-json", b"hello\n", "D008 : expected JSON: invalid character"),
    file_of("csv", b"question,answer\n", "D008 : expected JSON: invalid character"),
    file_of("comment", b"// a row\n", "D008 : expected JSON: invalid character"),
    file_of("single-quotes", str(chat()).encode() + b"\n", "D008 2 : expected JSON: object keys must be strings"),
    file_of("python-none", line(chat(user(name=None), answer())).replace(b"null", b"None"), "D008 65 : expected JSON: invalid character"),
    file_of("python-true", line(chat(parallel_tool_calls=True)).replace(b"true", b"True"), "D008 129 : expected JSON: invalid character"),
    file_of("not-a-number", line(chat(answer(weight=7))).replace(b"7", b"NaN"), "D008 71 : expected JSON: invalid character"),
    file_of("infinity", line(chat(answer(weight=7))).replace(b"7", b"Infinity"), "D008 71 : expected JSON: invalid character"),
    file_of("negative-infinity", line(chat(answer(weight=7))).replace(b"7", b"-Infinity"), "D008 72 : expected JSON: invalid character"),
    file_of("number-too-large", line(chat(id=7)).replace(b"7", b"1e999"), "D008 : expected JSON: number out of range"),
    file_of("leading-zero", line(chat(id=7)).replace(b"7", b"07"), "D008 113 : expected JSON: invalid number"),
    file_of("leading-plus", line(chat(id=7)).replace(b"7", b"+7"), "D008 112 : expected JSON: invalid character"),
    file_of("no-digits-after-the-point", line(chat(id=7)).replace(b"7", b"7."), "D008 114 : expected JSON: invalid number"),
    file_of("hexadecimal", line(chat(id=7)).replace(b"7", b"0x7"), "D008 113 : expected JSON: expected ',' or '}'"),
    file_of("trailing-comma", line(chat())[:-2] + b",}\n", "D008 105 : expected JSON: trailing comma in object"),
    file_of("trailing-comma-in-a-list", line(chat())[:-3] + b",]}\n", "D008 104 : expected JSON: trailing comma in array"),
    file_of("missing-comma", line(chat()).replace(b', "content"', b' "content"'), "D008 31 : expected JSON: expected ',' or '}'"),
    file_of("missing-colon", line(chat()).replace(b'"messages":', b'"messages"'), "D008 13 : expected JSON: expected ':'"),
    file_of("bare-key", line(chat()).replace(b'"messages":', b"messages:"), "D008 2 : expected JSON: object keys must be strings"),
    file_of("comma-after-the-row", line(chat())[:-1] + b",\n", "D008 106 : expected JSON: trailing characters"),
    file_of("two-rows-in-a-line", line(chat())[:-1] + line(chat()), "D008 106 : expected JSON: trailing characters"),
    file_of("bracket-too-many", line(chat())[:-1] + b"}\n", "D008 106 : expected JSON: trailing characters"),
    file_of("wrong-bracket", line(chat())[:-3] + b"}}\n", "D008 103 : expected JSON: expected ',' or ']'"),
    file_of("line-feed-in-a-text", line(chat()).replace(b"a question", b"a\\nquestion").replace(b"\\n", b"\x0b"), "D008 45 : expected JSON: invalid character"),
    file_of("tab-in-a-text", line(chat()).replace(b"a question", b"a\tquestion"), "D008 45 : expected JSON: invalid character"),
    file_of("zero-in-a-text", line(chat()).replace(b"a question", b"a\x00question"), "D008 45 : expected JSON: invalid character"),
    file_of("unknown-escape", line(chat()).replace(b"a question", b"a\\question"), "D008 47 : expected JSON: invalid escape character in string"),
    file_of("short-unicode-escape", line(chat()).replace(b"a question", b"a \\u12"), "D008 51 : expected JSON: invalid character in unicode escape"),
    file_of("mark-in-the-middle", b"\xef\xbb\xbf" + line(chat()), "D008 : expected JSON: invalid character"),
    file_of("open-object", line(chat())[:-2] + b"\n", "D009 104 : expected the rest of the row"),
    file_of("open-text", line(chat())[:-30] + b"\n", "D009 76 : expected the rest of the row"),
    file_of("first-half-of-a-pair", line(chat(user("\ud800"), answer())), "D012 44 : expected both halves of a character, got \\ud800 alone"),
    file_of("second-half-of-a-pair", line(chat(user("x\udc00"), answer())), "D012 45 : expected both halves of a character, got \\udc00 alone"),
    file_of("half-a-pair-before-text", line(chat(user("\ud83dx"), answer())), "D012 44 : expected both halves of a character, got \\ud83d alone"),
    file_of("halves-in-the-wrong-order", line(chat(user("\udc00\ud800"), answer())), "D012 44 : expected both halves of a character, got \\udc00 alone"),
    file_of("half-a-pair-after-an-escaped-backslash", line(chat(user("\\\ud800"), answer())), "D012 46 : expected both halves of a character, got \\ud800 alone"),
    file_of("half-a-pair-after-wide-text", line(chat(user(), answer("\ud83d\ude00\ud83d"))), "D012 104 : expected both halves of a character, got \\ud83d alone"),
    file_of("half-a-pair-in-a-tool", line(chat(tools=[{"type": "function", "function": {"name": "f", "description": "\ud800"}}])), "D012 179 : expected both halves of a character, got \\ud800 alone"),
    file_of("nested-too-deep", b'{"messages": ' + b"[" * 5_000 + b"]" * 5_000 + b"}\n", "D013 : expected less nesting"),
    file_of("nested-too-deep-in-a-further-key", line(chat())[:-2] + b', "x": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001 + b"\n", "D013 : expected less nesting"),
)  # fmt: skip
