"""What the commands that ask have in common: finding the fine-tune and its ledger, saying who asks, printing the answer."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftops.adapters.run_identity import own_identity, run_url
from ftops.application.requests import Asker, known
from ftops.bootstrap import Catalog, open_catalog
from ftops.bootstrap_place import find_place
from ftops.cli.options import print_json
from ftops.cli.style import echo, print_error, safe, tell
from ftops.domain.asking import Answer
from ftops.domain.manifest import FineTune, FineTuneName
from ftops.domain.records import FineTuneRecord
from ftops.ports import LedgerWriter


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A fine-tune as the ledger has it, by whatever name it was asked for; ``manifest`` where one declares it."""

    catalog: Catalog
    ledger: LedgerWriter
    record: FineTuneRecord
    manifest: FineTune | None


def find_asked(directory: Path, name: str, *, backend: str | None, is_former_meant: bool = False) -> Asked:
    """Finds a fine-tune of the ledger by a present or former name; warns of a former one unless just that is meant.

    Raises UsageProblem where the ledger knows none, and LedgerError.
    """
    catalog = open_catalog(find_place(directory), backend=backend)
    ledger = catalog.ledgers.of(catalog.backend_of(FineTuneName(name)))
    state = ledger.read().state
    manifest = next((m for m in catalog.fine_tunes if name == m.name or name in m.moved_from), None)
    others = (manifest.name, *manifest.moved_from) if manifest and not is_former_meant else ()
    names = (FineTuneName(name), *others)
    record = next((r for one in names if (r := state.named(one)) is not None), None) or known(state, names[0])
    if record.name != name and not is_former_meant:
        tell(f"Warning: {safe(name)} is called {record.name} in the ledger")
    declaring = next((m for m in catalog.fine_tunes if m.name == record.name), None)
    return Asked(catalog=catalog, ledger=ledger, record=record, manifest=declaring)


def asker() -> Asker:
    """Who asks: this process, and the CI run that it belongs to."""
    return Asker(owner=own_identity(), run_url=run_url(os.environ), at=datetime.now(UTC))


def report(name: str, answer: Answer, *, as_json: bool) -> int:
    """Prints what came of a request, and gives the exit code: 1 where it can't be had."""
    about = answer.records
    if as_json:
        print_json(
            {
                "format_version": "1",
                "fine_tune": name,
                "recorded": about is not None,
                "revision": about.revision if about else None,
                "backend": about.backend if about else None,
                "job": about.job if about else None,
                "message": answer.message,
            }
        )
    elif answer.is_vain:
        print_error(answer.message)
    else:
        echo(f"{safe(name)}: {safe(answer.message)}")
    return 1 if answer.is_vain else 0
