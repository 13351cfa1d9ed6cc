"""The options of ``ftops eval`` by which people choose between answers. Owns the words alone, and which go together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from ftops.errors import UsageProblem

_NEW: Final = click.Path(dir_okay=False, path_type=Path)
_EXISTING: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, kw_only=True, slots=True)
class PairWords:
    """What was asked for: a file of pairs to write, or files with choices, and whether rows are made of these."""

    export: Path | None
    labels: tuple[Path, ...]
    form: str | None
    output: Path | None

    @property
    def is_asking(self) -> bool:
        """Whether anything was."""
        return any((self.export, self.labels, self.form, self.output))

    def check(self, *, model: str | None, others: bool) -> None:
        """Raises UsageProblem for words that don't go together; ``others`` are words of other things that eval does."""
        for wrong, remedy in self._wrong(model=model, others=others):
            raise UsageProblem(wrong, remedy=remedy)

    def _wrong(self, *, model: str | None, others: bool) -> Iterator[tuple[str, str]]:
        if self.export is not None and self.labels:
            yield "--export-pairs writes pairs and --import-labels reads choices", "give one of them"
        if (self.form is None) != (self.output is None):
            yield "--as and --output go together", "give --as dpo --output FILE"
        if self.output is not None and not self.labels:
            yield "--as and --output are for choices", "give --import-labels FILE too"
        if model is not None:
            yield (
                "people choose between the answers of the declared revision's model and its baselines",
                "leave --model out",
            )
        if others:
            yield (
                "pairs and labels are all that is written and read then",
                "leave --prompt, --export-failures and --judge-agreement out",
            )


def pair_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--export-pairs``, ``--import-labels``, ``--as`` and ``--output``, handed over together as ``pairs``."""

    @wraps(function)
    def with_pairs(
        *arguments: Any,
        export_pairs: Path | None,
        import_labels: tuple[Path, ...],
        form: str | None,
        output: Path | None,
        **others: Any,
    ) -> Any:
        pairs = PairWords(export=export_pairs, labels=import_labels, form=form, output=output)
        return function(*arguments, pairs=pairs, **others)

    command: Callable[..., Any] = with_pairs
    command = click.option("--output", metavar="FILE", type=_NEW, help="Where --as writes.")(command)
    command = click.option(
        "--as", "form", type=click.Choice(["dpo"]), help="Make training rows of choices; record nothing."
    )(command)
    command = click.option(
        "--import-labels",
        metavar="FILE",
        type=_EXISTING,
        multiple=True,
        help="Record what people chose (one file for each person, repeatable).",
    )(command)
    return click.option(
        "--export-pairs",
        metavar="FILE",
        type=_NEW,
        help="Write recorded answers beside the baseline's, blinded and shuffled, for people to choose.",
    )(command)
