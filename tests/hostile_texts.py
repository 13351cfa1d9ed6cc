"""What strangers may write into descriptions, labels, file names, messages of an API and answers of a model.

Each text tries one way out of the place where it is shown: a terminal, a Markdown comment, a step summary, a file of outputs,
a workflow command. ``HOSTILE`` is for ``pytest.mark.parametrize``; ``runner_commands`` and ``terminal_tricks`` find what got
through. Texts that only one place suffers from are here all the same: who shows a text doesn't know where it goes next.
"""

import re
from typing import Any, Final

import pytest

TICKS: Final = "`" * 3
TEXTS: Final[dict[str, str]] = {
    # Markers and structure of our own comment.
    "marker": "<!-- ftops:acme-support -->",
    "marker on its own line": "x\n<!-- ftops:acme-support -->\ny",
    "comment left open": "<!-- and all that follows is gone",
    "comment closed": "--> out",
    "short comment": "<!-->out",
    "details closed": "</details>",
    "details closed in a line": "x\n</details>\n\n# Approved\n",
    "details closed in capitals": "</DETAILS></SUMMARY>",
    "details opened": "<details open><summary>Look</summary>",
    "summary line faked": "Plan: 0 to train, 0 to evaluate, 0 to promote, 0 to delete. Estimated cost: $0.00.",
    # People and references.
    "everybody": "@all",
    "a person": "hello @octocat, @acme/admins please approve",
    "a person in brackets": "(@octocat)",
    "an issue": "fixes #123, closes GH-7, octocat/hello#1",
    "a commit": "da39a3ee5e6b4b0d3255bfef95601890afd80709 octocat@da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "a mail address": "mail me: ada@example.com",
    "a bare link": "https://example.com/?q=1 http://example.com www.example.com ftp://example.com",
    "an emoji's name": ":tada: :+1:",
    # Markdown, inline.
    "an image": "![x](https://example.com/track.png)",
    "a link": "[press here](https://example.com/phish)",
    "a link by reference": "[press here][1]\n\n[1]: https://example.com/phish",
    "a link in a link": "[![x](https://a.example/b.png)](https://example.com)",
    "a script's link": "[x](javascript:alert(1))",
    "an autolink": "<https://example.com> <ada@example.com>",
    "emphasis": "**bold** __bold__ *it* _it_ ~~gone~~",
    "code": "a `b` c",
    "an open code span": "` and no end",
    "two backticks": "``",
    "backticks at both ends": "`x`",
    "backticks only": "`" * 7,
    "many runs of backticks": " ".join("`" * n for n in range(1, 30)),
    "a very long run of backticks": "`" * 5_000,
    "a backslash at the end": "C:\\data\\",
    "backslashes and backticks": "\\`\\\\`\\\\\\`",
    "a footnote": "see[^1]\n\n[^1]: out",
    "math": "$a$ $$b$$ $`c`$ \\(d\\) \\[e\\]",
    "a formula that bombs": "$" + "\\def\\x{\\x\\x}\\x" + "$",
    "a task": "- [ ] tick me\n- [x] done",
    "a hard break": "one  \ntwo\\\nthree",
    # Markdown, blocks.
    "a heading": "# Approved",
    "a heading underlined": "Approved\n===",
    "a rule": "\n\n---\n\n",
    "a list": "\n- one\n- two",
    "a quote": "\n> [!WARNING]\n> said by ftops",
    "a fence": f"{TICKS}\nout\n{TICKS}",
    "a fence with a language": f"\n{TICKS}mermaid\ngraph TD; a-->b\n{TICKS}\n",
    "a fence of tildes": "~~~\nout\n~~~",
    "a long fence": "`" * 40 + "\nout\n" + "`" * 40,
    "an indented block": "\n\n    code\n\nout",
    "a table": "\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "pipes": "a | b || c \\| d \\\\| e",
    "a pipe alone": "|",
    # HTML.
    "a script": "<script>alert(1)</script>",
    "a picture in HTML": "<img src=x onerror=alert(1)>",
    "an attribute": '" onmouseover="alert(1)" x="',
    "a single quote": "' onmouseover='alert(1)",
    "a tag left open": "<a href='https://example.com'",
    "a table closed": "</td></tr></table></code></pre>",
    "CDATA": "<![CDATA[ x ]]> <!DOCTYPE x> <?php echo 1 ?>",
    "entities": "&lt;b&gt; &amp;lt; &#64;all &#x40;all &commat;all &nbsp; &#10;",
    "entities with a tag": "&lt;/details&gt;</details>",
    "a style": "<style>*{display:none}</style><pre>",
    # A runner's commands, files and outputs.
    "a workflow command": "::set-output name=changes::false",
    "a workflow command after a line break": "x\n::error file=a,line=1::hacked",
    "a workflow command after CR": "x\r::warning::hacked",
    "an old workflow command": "##[error]hacked",
    "an old workflow command within": "x ##[add-mask]a",
    "commands stopped": "::stop-commands::token",
    "a property's end": "a,line=9::b%0A::c,title=x:y",
    "percent signs": "%0A%0D%25%3A%2C 100%",
    "an output": "x\ncost=0.00\nchanges=false",
    "the end of a heredoc": "x\nEOF\nghadelimiter_x\n\ncost<<EOF\n0.00\nEOF\n",
    "an environment": "x\nLD_PRELOAD=/tmp/evil.so\nPATH=/tmp",
    "an expression": "${{ secrets.OPENAI_API_KEY }}",
    "a shell": "$(id) `id` ; id && id | id > /dev/null\n'\"",
    "an azure command": "##vso[task.setvariable variable=x]y",
    # Terminals.
    "colours": "\x1b[31mred\x1b[0m",
    "a title": "\x1b]0;pwned\x07",
    "a link in a terminal": "\x1b]8;;https://example.com\x1b\\press\x1b]8;;\x1b\\",
    "a screen cleared": "\x1b[2J\x1b[H\x1b[1A\x1b[K",
    "eight bits": "\x9b31m\x9d0;x\x9c",
    "a line written over": "to delete\rto keep  ",
    "backspaces": "delete\b\b\b\b\b\bkeep",
    "a bell and a null": "\x07\x00\x7f",
    "tabs and feeds": "a\tb\x0bc\x0cd",
    # Unicode.
    "right to left": "\u202eetaler\u202c ot",
    "isolates": "\u2066a\u2067b\u2069\u2068c\u2069",
    "marks of direction": "a\u200eb\u200fc\u061cd",
    "no width": "pay\u200bpal\u2060 ad\u00admin\u200d\u200c",
    "tags": "a" + "".join(chr(0xE0000 + ord(sign)) for sign in "approve") + "\U000e007f",
    "selectors": "a\ufe00\ufe01\U000e0100\U000e01ef",
    "separators": "a\u2028b\u2029c\u0085d\ufeff",
    "half a pair": "a\ud800b\udfffc",
    "noncharacters": "\ufffe\uffff\U0001ffff",
    "wide": "漢字かな한글🙂👩\u200d👩\u200d👧",
    "combining": "Z" + "\u0301" * 300,
    "another width": "\uff20all \uff5c \uff1cscript\uff1e \uff1a\uff1aerror",
    # Size and nothing.
    "nothing": "",
    "spaces": "   ",
    "line breaks": "\n\n\n\r\n\r",
    "a space at both ends": " x ",
    "huge": "A" * 200_000,
    "huge and wide": "🙂" * 70_000,
    "a huge list of lines": "- x\n" * 20_000,
}  # fmt: skip
HOSTILE: Final[list[Any]] = [pytest.param(text, id=name.replace(" ", "-")) for name, text in TEXTS.items()]
# Those that are quick to show: a test that goes through a process or a repository takes these.
SHORT: Final[list[Any]] = [param for param in HOSTILE if len(str(param.values[0])) < 1_000]

_RUNNER_COMMAND: Final = re.compile(r"^\s*::|##\[")
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff\ud800-\udfff]"
)
_OUR_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


def runner_commands(output: str) -> list[str]:
    """The lines of an output that GitHub's runner would take for a command: GitHub's looks for ``##[`` in the whole line."""
    return [line for line in re.split(r"\r\n|\r|\n", output) if _RUNNER_COMMAND.search(line)]


def terminal_tricks(output: str, *, is_coloured: bool = False) -> list[str]:
    """What an output holds that moves the cursor, hides or reorders text; colours of our own are left out where allowed."""
    return _UNSEEN.findall(_OUR_COLOURS.sub("", output) if is_coloured else output)
