"""Breaks each rule of the protocol on purpose, one at a time, and sees which tests notice: ``make mutations``.

Every mutation is an edit of the committed source, made in a clone of its own; the tests that could notice run there until a
few have failed. One that no test notices, or whose text the source no longer has, makes this fail.

    python tests/faults/mutations.py              all of them, as a table
    python tests/faults/mutations.py NAME …       these
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

ROOT: Final = Path(__file__).parents[2]
# Where a broken rule could be noticed, by the part of the house that it stands in; the storm plays against all of them.
STORM: Final = ("tests/faults/storm",)
APPLYING: Final = (
    "tests/unit/application/test_train.py",
    "tests/unit/application/test_claims.py",
    "tests/unit/application/test_execute.py",
    "tests/unit/application/test_reconcile.py",
    "tests/unit/application/test_standing.py",
    "tests/faults/test_kill_in_process.py",
    *STORM,
)
DECIDING: Final = ("tests/unit/domain", "tests/plans", *STORM)
WRITING: Final = (
    "tests/unit/adapters/test_git_ledger.py",
    "tests/unit/adapters/test_git_ledger_races.py",
    "tests/unit/adapters/test_git_ledger_trouble.py",
)
CALLING: Final = ("tests/unit/adapters/test_openai_creation.py", "tests/contract/test_backend_contract.py")
ENOUGH: Final = 3
MINUTES: Final = 10


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A rule and how it is broken: in ``file`` each text gives way to another. ``tests`` are those that may notice."""

    name: str
    rule: str
    file: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


MUTATIONS: Final = (
    Mutation(
        name="sdk-retries",
        rule="a creation is one POST: the SDK repeats nothing",
        tests=CALLING,
        file="adapters/openai_client.py",
        edits=(("max_retries=0, timeout", "max_retries=2, timeout"),),
    ),
    Mutation(
        name="no-intent",
        rule="the intent is written before the POST",
        tests=APPLYING,
        file="application/train.py",
        edits=(("[*declares, event], guard", "[*declares], guard"),),
    ),
    Mutation(
        name="no-listing",
        rule="the backend is listed before a creation, and after one whose answer was lost",
        tests=APPLYING,
        file="application/train.py",
        edits=(
            ("        snapshot = self.ledger.read()\n", "        return None\n        snapshot = self.ledger.read()\n"),
        ),
    ),
    Mutation(
        name="no-fence",
        rule="the ledger is read again before every paid step, and a newer commit stops the run",
        tests=APPLYING,
        file="application/workspace.py",
        edits=(("            if applied.commit != ours and", "            if False and"),),
    ),
    Mutation(
        name="last-job-wins",
        rule="the first job recorded is the job; another is cancelled",
        tests=APPLYING,
        file="application/train.py",
        edits=(("if winner is not None and winner.id != job.id:", "if False:"),),
    ),
    Mutation(
        name="claim-over-a-claim",
        rule="a claim is refused where another one stands",
        tests=DECIDING,
        file="domain/attempt_transitions.py",
        edits=(("        if standing.id != event.takes_over:", "        if False:"),),
    ),
    Mutation(
        name="no-random-id",
        rule="a ledger commit holds a random id",
        tests=WRITING,
        file="adapters/git_ledger.py",
        edits=(("write_id=self._new_id()", 'write_id="0" * 16'),),
    ),
    Mutation(
        name="no-lease-on-push",
        rule="a push counts only from the state that its events were applied to",
        tests=WRITING,
        file="adapters/ledger_remote.py",
        edits=(("f\"--force-with-lease={self._ref}:{old or ''}\"", '"--force"'),),
    ),
    Mutation(
        name="no-settling",
        rule="after a lost answer the lists get time to show the job",
        tests=APPLYING,
        file="application/train.py",
        edits=(("if found is not None or clock.monotonic() >= until:", "if True:"),),
    ),
    Mutation(
        name="hasty-take-over",
        rule="another run's intent is taken over after 150 s, or once its owner is dead",
        tests=APPLYING,
        file="application/train.py",
        edits=(("TAKE_OVER_SECONDS: Final = 150.0", "TAKE_OVER_SECONDS: Final = 1.0"),),
    ),
    Mutation(
        name="sleepy-owner",
        rule="an owner that slept between claim and POST looks again, and gives up a claim that is too old",
        tests=APPLYING,
        file="application/train.py",
        edits=(("        if claim.is_fresh:\n", "        if True:\n"),),
    ),
    Mutation(
        name="one-clock",
        rule="a claim's age is that of the clock that went further",
        tests=APPLYING,
        file="application/claims.py",
        edits=(
            (
                "return max(wall, self._clock.monotonic() - self._monotonic)",
                "return self._clock.monotonic() - self._monotonic",
            ),
        ),
    ),
    Mutation(
        name="nothing-pending",
        rule="what was paid for is kept where the ledger can't be written",
        tests=WRITING,
        file="adapters/git_ledger.py",
        edits=(("kept = self._pending.keep(events, unique=self._new_id())", "kept = None"),),
    ),
    Mutation(
        name="budget-off",
        rule="the budget is checked again on the newest tip when the intent is written",
        tests=DECIDING,
        file="domain/transitions.py",
        edits=(("            _check_budget(state, event)\n", ""),),
    ),
    Mutation(
        name="guards-off",
        rule="guards take away what is over budget, of unknown cost, or too near a shutdown",
        tests=DECIDING,
        file="domain/planner.py",
        edits=(("    apply_guards(draft, desired, observed, policy, today)\n", ""),),
    ),
    Mutation(
        name="strangers-welcome",
        rule="jobs of another ledger, or without a ledger, refuse the run",
        tests=APPLYING,
        file="application/planning.py",
        edits=(("    if refusal is not None:", "    if False:"),),
    ),
    Mutation(
        name="standing-off",
        rule="a diverged or newer applied commit, or a dirty work tree, refuses the run",
        tests=APPLYING,
        file="application/standing.py",
        edits=(("    if workspace.is_ledger_shared and", "    return\n    if workspace.is_ledger_shared and"),),
    ),
    Mutation(
        name="cancel-unrecorded",
        rule="a cancel is written to the ledger before it is sent",
        tests=APPLYING,
        file="application/execute.py",
        edits=(("    ledger.record([event], workspace.fence(action.backend))\n    try:\n", "    try:\n"),),
    ),
    Mutation(
        name="any-maker",
        rule="an alias moves only to a model that the backend says this job made",
        tests=APPLYING,
        file="application/execute.py",
        edits=(("    if made is not None:", "    if False:"),),
    ),
    Mutation(
        name="delete-behind-alias",
        rule="a model that an alias points to is never deleted",
        tests=DECIDING,
        file="domain/attempt_transitions.py",
        edits=(("        check_model_deletion(record, event)\n", "        pass\n"),),
    ),
)


def main() -> int:
    """Runs the mutations asked for, prints a table, and gives 1 where one went unnoticed."""
    parser = argparse.ArgumentParser(description="Break each rule of the protocol and see which tests notice.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which mutations; all without")
    wanted = parser.parse_args().names
    chosen = [mutation for mutation in MUTATIONS if not wanted or mutation.name in wanted]
    if unknown := sorted(set(wanted) - {mutation.name for mutation in chosen}):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(m.name for m in MUTATIONS)}")
    unnoticed = 0
    click.echo("| rule broken | noticed by |\n|---|---|")
    for mutation in chosen:
        with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
            noticed = noticed_by(mutation, Path(folder) / "clone")
        unnoticed += not noticed
        shown = ", ".join(f"`{test}`" for test in noticed) or "**nobody**"
        click.echo(f"| {mutation.name}: {mutation.rule} | {shown} |")
    return 1 if unnoticed else 0


def noticed_by(mutation: Mutation, clone: Path) -> tuple[str, ...]:
    """Gives the first tests that fail on a clone of the committed source with one rule broken."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    source = clone / "src/ftops" / mutation.file
    text = source.read_text(encoding="utf-8")
    for old, new in mutation.edits:
        if old not in text:
            raise SystemExit(f"{mutation.name}: {mutation.file} no longer has {old!r}; mend this list")
        text = text.replace(old, new)
    source.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--maxfail={ENOUGH}", "-p", "no:cacheprovider"]
    tests = [test for test in mutation.tests if (clone / test).exists()]
    environment = os.environ | {"PYTHONPATH": str(clone / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, "--timeout=120", *tests],
            cwd=clone, env=environment, capture_output=True, text=True, timeout=MINUTES * 60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return (f"(nothing ended within {MINUTES} minutes)",)
    return tuple(dict.fromkeys(_failed(done.stdout)))


def _failed(output: str) -> Iterator[str]:
    for line in output.splitlines():
        if match := re.match(r"(?:FAILED|ERROR) (?:\S*/)?(\S+?\.py)(?:::(\S+?))?(?:\[| - |$)", line):
            yield "::".join(part for part in match.groups() if part)


if __name__ == "__main__":
    sys.exit(main())
