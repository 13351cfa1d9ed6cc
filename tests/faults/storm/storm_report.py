"""What is told of a storm: a test that reproduces what went wrong, and how much it rained."""

import ast
import textwrap
from collections import Counter
from collections.abc import Sequence

from storm_play import play
from storm_script import Script
from storm_shrinker import TRIES, shrink

# Each must have struck in a long run, or it was no storm.
MUST_STRIKE = (
    "kill before at training.create", "kill after at training.create", "kill in flight at training.create",
    "lost at training.create", "late at training.create", "429 at training.create", "503 at training.create",
    "kill after at ledger.push", "lost at ledger.push", "forbidden at ledger.push", "kill after at ledger.keep",
    "kill before at training.cancel", "lost at training.cancel", "401 at jobs.list_jobs", "interrupt at clock.sleep",
    "suspend after at ledger.push", "an owner slept past its lease and sent its POST", "runs at the same time", "runs killed",
    "things that lists did not show yet", "ledger deleted", "ledger set back", "rewritten ledgers refused",
    "clean applies rightly refused", "runs in a clone without a remote", "runs of another project",
    "models deleted", "asked to retry: heard", "asked to cancel: heard", "asked to forget: heard",
    "drift: cancel", "drift: fail", "drift: fail for a moment", "drift: pause", "drift: block", "drift: lose model",
    "drift: lose file", "drift: by hand", "drift: of another ledger", "weather: drop", "weather: 429", "weather: 401",
)  # fmt: skip


def shrunk(script: Script, *, tries: int = TRIES) -> Script:
    """Gives a small script that breaks one of the promises that this one breaks."""
    kinds = play(script).kinds
    return shrink(script, lambda candidate: _breaks(candidate, kinds), tries=tries)


def _breaks(script: Script, kinds: frozenset[str]) -> bool:
    return bool(play(script).kinds & kinds)


def reproducing_test(script: Script, wrong: Sequence[str]) -> str:
    """Gives a test, to be pasted into a file beside ``storm_play``, that fails as long as the script goes wrong."""
    text = repr(script)
    used = {node.func.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and _is_name(node.func)}
    said = "\n".join(f"    # {line}" for line in wrong[:5])
    return (
        "from storm_play import weather_the_storm\n"
        f"from storm_script import {', '.join(sorted(used))}\n\n\n"
        f"def test_the_storm_of_seed_{script.seed}() -> None:\n"
        f"{said}\n"
        f"    weather_the_storm({textwrap.indent(text, '    ').strip()})\n"
    )


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def rainfall(struck: Counter[str]) -> str:
    """Gives how often what struck, a line for each."""
    return "\n".join(f"  {number:7,} {what}" for what, number in sorted(struck.items()) if number)


def never_struck(struck: Counter[str]) -> list[str]:
    """Gives what a long run should have met and did not."""
    return [what for what in MUST_STRIKE if not struck[what]]
