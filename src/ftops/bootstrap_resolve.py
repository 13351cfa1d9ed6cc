"""Answers which model an application should call, beside ``bootstrap``: for the command ``resolve`` and for the Python API."""

from dataclasses import dataclass

from ftops.bootstrap_catalog import open_catalog
from ftops.bootstrap_place import Place
from ftops.domain.aliases import NoAnswer, Resolved, resolve
from ftops.domain.manifest import AliasName, FineTuneName
from ftops.errors import FtopsError, UsageProblem


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The model behind an alias, and where it is called.

    ``warnings`` are about the model and the age of what was read, ``caution`` is about ``base_url``. That is None where no
    embedded server runs to stay, or the project knows the backend no more.
    """

    found: Resolved
    base_url: str | None
    warnings: tuple[str, ...]
    caution: str | None


def answer(place: Place, what: str, *, backend: str | None, is_cached: bool) -> Answer:
    """Gives what ``NAME`` or ``NAME@ALIAS`` stands for; needs no key. ``is_cached`` doesn't fetch the ledger first.

    Raises UsageProblem where the question has to change, FtopsError where there is no model to name (yet).
    """
    words, _, alias = what.partition("@")
    name = FineTuneName(words)
    catalog = open_catalog(place, backend=backend)
    wanted = catalog.backend_of(name)
    snapshot = catalog.read(wanted, is_cached=is_cached)
    try:
        found = resolve(snapshot.state, catalog.fine_tunes, name, AliasName(alias) if alias else None, wanted.name)
    except NoAnswer as error:
        unread = "; ".join(snapshot.caveats) or ("without --cached the ledger is fetched first" if is_cached else None)
        if error.is_usage:
            raise UsageProblem(str(error), remedy=unread) from error
        raise FtopsError(str(error), remedy=unread or "ftops status tells where it stands") from error
    base_url, caution = catalog.base_url(found.backend, snapshot.state)
    return Answer(found=found, base_url=base_url, warnings=(*snapshot.caveats, *found.warnings), caution=caution)
