"""The demo: two fine-tunes are planned, trained and judged; one is refused, mended in its manifest, and promoted.

Everything happens in a scratch git repository of its own, on the server inside ftops: no key, no network, no cost. The folder
is removed at the end; ``KEEP=1`` keeps it.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "finetunes"
MANIFEST: Final = Path("finetunes/support-triage.yaml")
TOO_FEW, ENOUGH = "train: data/support-triage.train-v1.jsonl", "train: data/support-triage.train-v2.jsonl"


class StepFailed(Exception):
    """A step of the demo ended in another way than it should."""


class Stage:
    """The scratch repository and its reader: says what comes, shows a command, runs it, checks its exit code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_plain = not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR"))
        self._environment = _clean_environment()

    def say(self, text: str) -> None:
        """Prints a remark."""
        print("\n" + (f"# {text}" if self._is_plain else f"\033[36m# {text}\033[0m"), flush=True)

    def ftops(self, words: str, *, expected: int = 0) -> None:
        """Runs ``ftops`` with these words, with the interpreter that runs the demo."""
        self._run(f"ftops {words}", [sys.executable, "-m", "ftops", *shlex.split(words)], expected)

    def git(self, words: str) -> None:
        """Runs ``git`` with these words."""
        self._run(f"git {words}", ["git", "--no-pager", *shlex.split(words)], 0)

    def prepare(self) -> None:
        """Copies the examples and makes a repository of them, without a word."""
        shutil.copytree(EXAMPLES, self._folder / "finetunes")
        (self._folder / ".gitignore").write_text(".ftops/\n", encoding="utf-8")
        for words in (
            "init --quiet --initial-branch=main",
            "config user.name Demo",
            "config user.email demo@example.org",
            "add .",
            "commit --quiet --message Declare",
        ):
            subprocess.run(["git", *words.split()], cwd=self._folder, env=self._environment, check=True)

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replaces the only occurrence of a text in a file."""
        text = (self._folder / path).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise StepFailed(f"{path} should hold {old!r} once")
        (self._folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def _run(self, shown: str, command: Sequence[str], expected: int) -> None:
        print("\n" + (f"$ {shown}" if self._is_plain else f"\033[1m$ {shown}\033[0m"), flush=True)
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, timeout=120, check=False
        )
        if done.returncode != expected:
            raise StepFailed(f"`{shown}` ended with exit code {done.returncode}, not {expected}")


def play(stage: Stage) -> None:
    """Plays the demo from the first plan to the plan that finds nothing to do."""
    stage.say("Two manifests declare two fine-tuned models. What would it take to have them?")
    stage.ftops("plan")
    stage.say("Do it. The server inside ftops really trains both; each model then has to pass its gates.")
    stage.ftops("apply --auto-approve", expected=4)
    stage.say("Exit code 4: support-triage learnt from too few messages, and production was not given its model.")
    stage.ftops("status")
    stage.say("The mend is an edit of the manifest: more training data. In a team this is the pull request.")
    stage.edit(MANIFEST, TOO_FEW, ENOUGH)
    stage.git("diff --unified=1")
    stage.git("commit --quiet --all --message 'Train support-triage on version 2 of its data'")
    stage.ftops("apply --auto-approve")
    stage.say("Both models stand in production. An application asks for the model to call:")
    stage.ftops("resolve support-triage@production")
    stage.ftops("status")
    stage.say("What happened is on record in git, on a branch of its own:")
    stage.ftops("history support-triage --number 6")
    stage.say("And a second plan finds nothing to do: nothing is ever trained twice.")
    stage.ftops("plan --detailed-exitcode")


def main() -> int:
    """Plays the demo and gives its exit code: 0 when every step ended as it should."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="ftops-demo-"))
    print(f"Scratch repository: {folder}", flush=True)
    stage = Stage(folder)
    try:
        stage.prepare()
        play(stage)
    except (StepFailed, subprocess.SubprocessError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        end_server(folder)
        if os.environ.get("KEEP") == "1":
            print(f"\nKept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(
        f"\nThe demo took {time.monotonic() - started:.0f} seconds. To look around in its repository: KEEP=1 make demo"
    )
    return 0


def _clean_environment() -> dict[str, str]:
    """Gives the environment without what would lead ftops or git elsewhere, or stop a commit."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FTOPS_", "OPENAI_", "GIT_"))}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def end_server(folder: Path) -> None:
    """Ends the server of this folder at once; by itself it would, a few seconds after its last client."""
    try:
        known = json.loads((folder / ".ftops/embedded/server.json").read_text(encoding="utf-8"))
        server = psutil.Process(known["pid"])
        if server.create_time() == known["create_time"]:
            server.terminate()
            server.wait(timeout=15)
    except (OSError, ValueError, psutil.Error):
        return


if __name__ == "__main__":
    sys.exit(main())
