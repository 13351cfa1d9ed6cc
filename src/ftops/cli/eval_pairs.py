"""``ftops eval --export-pairs`` and ``--import-labels``: people choose between answers, and see no model's name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ftops.adapters.pair_files import json_lines, pair_lines, pairs_key, read_choices
from ftops.application.contests import Contest, SideBySide
from ftops.application.labels import Sheet, Votes, lay_out, record_labels, take_choices, to_dpo_rows, to_records
from ftops.application.trials import Trial, choose_evals, find_declared, make_trial
from ftops.bootstrap import load_desired, open_catalog
from ftops.bootstrap_pairs import open_kept_evaluations
from ftops.bootstrap_place import Place, find_place
from ftops.cli.asking import asker
from ftops.cli.eval_files import check_free, write_whole
from ftops.cli.options import print_json
from ftops.cli.pair_options import PairWords
from ftops.cli.style import echo, safe, tell
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.manifest import WIN_RATE, FineTuneName
from ftops.domain.preferences import PreferenceRecord
from ftops.errors import FtopsError, UsageProblem
from ftops.evaluation.choices import Blinding
from ftops.evaluation.pairwise import is_pairwise
from ftops.ports import LedgerWriter

_NO_KEY: Final = "the key of exported pairs is not in this clone's .ftops"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the words of the command say."""

    directory: Path
    name: str
    evals: tuple[str, ...]
    backend: str | None
    as_json: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    place: Place
    trial: Trial
    ledger: LedgerWriter
    contests: tuple[tuple[Contest, tuple[SideBySide, ...]], ...]

    def sheet(self, *, may_make_key: bool) -> Sheet:
        """Lays the pairs out. Raises FtopsError where their key is wanted and is not here."""
        key = pairs_key(self.place.ftops_dir, may_make=may_make_key)
        if key is None:
            raise FtopsError(_NO_KEY, remedy="import labels in the clone that exported the pairs")
        return lay_out(self.contests, Blinding(key=key))


def answer(asked: Asked, words: PairWords, *, overwrites: bool) -> int:
    """Does what the words say, which go together, and gives the exit code."""
    if words.export is not None:
        return export_pairs(asked, words.export, overwrites=overwrites)
    return import_labels(asked, words.labels, output=words.output, overwrites=overwrites)


def export_pairs(asked: Asked, file: Path, *, overwrites: bool) -> int:
    """Writes the pairs of a fine-tune's model and its baselines, blinded and shuffled; gives the exit code."""
    check_free(file, overwrites=overwrites)
    with _opened(asked) as opened:
        sheet = opened.sheet(may_make_key=True)
    if not sheet.shown:
        remedy = "export pairs where the evaluation ran: answers are kept in .ftops/outputs of that machine alone"
        raise FtopsError(f"none of the {len(sheet.gone):,} pairs of answers is kept on this machine", remedy=remedy)
    write_whole(file, pair_lines(shown.blind for shown in sheet.shown.values()), overwrites=overwrites)
    if asked.as_json:
        print_json({"file": str(file), "pairs": len(sheet.shown), "gone": len(sheet.gone)})
        return 0
    echo(f"{_pairs(len(sheet.shown))} written to {safe(str(file))}.")
    if sheet.gone:
        tell(f"Warning: {_pairs(len(sheet.gone))} left out: their answers are not kept on this machine any more")
    tell('Fill in "choice": "a", "b" or "tie". Give each person a copy, or let "annotator" name who chose.')
    tell(f"Then: ftops eval {safe(asked.name)} --import-labels {safe(str(file))}")
    return 0


def import_labels(asked: Asked, files: Sequence[Path], *, output: Path | None, overwrites: bool) -> int:
    """Takes people's choices: into the ledger, or with ``output`` as rows for preference training; gives the exit code."""
    check_free(output, overwrites=overwrites)
    made = read_choices(files)
    with _opened(asked) as opened:
        sheet = opened.sheet(may_make_key=False)
        votes = take_choices(sheet, made)
        if not votes.wins:
            raise FtopsError("nobody has chosen anything", remedy='fill in "choice": "a", "b" or "tie"')
        if output is not None:
            return _write_rows(asked, sheet, votes, output, overwrites=overwrites)
        _check_counting(opened.trial.declared.evals, sheet, votes)
        who = asker()
        records = to_records(sheet, votes, at=who.at)
        record_labels(opened.ledger, FineTuneName(opened.trial.record.name), records, opened.trial.record, at=who.at)
    _tell_labels(asked, records, votes)
    return 0


@contextmanager
def _opened(asked: Asked) -> Iterator[_Opened]:
    """Finds what is to be compared. Raises UsageProblem, FtopsError where nothing is recorded, LedgerError."""
    place = find_place(asked.directory)
    desired = load_desired(place, backend=asked.backend)
    declared = choose_evals(find_declared(desired.fine_tunes, asked.name), asked.evals)
    ledger = open_catalog(place, backend=asked.backend).ledgers.of(declared.backend)
    state = ledger.read().state
    names = (declared.name, *declared.fine_tune.moved_from)
    record = next((known for name in names if (known := state.named(name)) is not None), None)
    trial = make_trial(declared, record, model=None, today=datetime.now(UTC).date())
    if trial.candidate.revision is None:
        raise FtopsError(
            f"revision {declared.revision} of {declared.name} is not trained on {declared.backend.name}: "
            "there are no answers to compare",
            remedy="ftops apply",
        )
    with open_kept_evaluations(place) as evaluations:
        chosen = [one.spec.name for one in _asking_people(trial.declared)]
        contests = [
            found
            for name in chosen
            for found in evaluations.side_by_side(
                trial.record, trial.declared, candidate=trial.candidate, evaluation=name
            )
        ]
        if not contests:
            raise FtopsError(
                f"no answers of {trial.candidate.model} and of a baseline are recorded under {', '.join(chosen)}",
                remedy=f"give the gate {{metric: {WIN_RATE}, min: 0.5, confidence: 0.95}}, and ftops apply",
            )
        yield _Opened(place=place, trial=trial, ledger=ledger, contests=tuple(contests))


def _asking_people(declared: Declared) -> tuple[DeclaredEval, ...]:
    """Gives the evaluations whose win rate is people's; where there is none, all that were chosen."""
    asking = tuple(
        one
        for one in declared.evals
        if not is_pairwise(one.spec.grader) and any(c.metric == WIN_RATE for c in one.spec.gate)
    )
    return asking or declared.evals


def _check_counting(evals: Sequence[DeclaredEval], sheet: Sheet, votes: Votes) -> None:
    """Raises UsageProblem for choices that no gate would ever ask for, because a model judges there."""
    names = {sheet.shown[name].contest.candidate.declared.spec.name for name in votes.wins}
    judged = [one.spec.name for one in evals if one.spec.name in names and is_pairwise(one.spec.grader)]
    if judged:
        raise UsageProblem(
            f"the pairs of {', '.join(judged)} are judged by a model: people's choices would not count",
            remedy="give --as dpo --output FILE to make training rows of them",
        )


def _write_rows(asked: Asked, sheet: Sheet, votes: Votes, output: Path, *, overwrites: bool) -> int:
    rows, without = to_dpo_rows(sheet, votes)
    if not rows:
        raise FtopsError("no choice makes a row: ties, and answers that can't be trained on, make none")
    write_whole(output, json_lines(rows), overwrites=overwrites)
    sources = sorted({sheet.shown[name].contest.candidate.declared.dataset.path for name in votes.wins})
    if asked.as_json:
        print_json({"file": str(output), "rows": len(rows), "left_out": without, "datasets": sources})
        return 0
    echo(f"{len(rows):,} row{'' if len(rows) == 1 else 's'} written to {safe(str(output))}.")
    if without:
        tell(f"{_pairs(without)} left out: ties, and answers that can't be trained on")
    tell(
        "Warning: a row that is trained on is no evidence any more. Take these rows out of "
        f"{', '.join(safe(source) for source in sources)} before you train on them."
    )
    return 0


def _tell_labels(asked: Asked, records: Sequence[PreferenceRecord], votes: Votes) -> None:
    agreed = votes.agreement
    if asked.as_json:
        print_json(
            {
                "fine_tune": asked.name,
                "annotators": votes.people,
                "agreement": None
                if agreed is None
                else {"share": agreed.share, "alpha": agreed.alpha, "items": agreed.items},
                "comparisons": [_as_json(record) for record in records],
            }
        )
        return
    for record in records:
        wins = [item.win for item in record.items]
        echo(
            f"{safe(asked.name)}, {record.name}: {_pairs(len(wins))}: {wins.count(1.0)} for {record.candidate}, "
            f"{wins.count(0.0)} for {record.baseline}, {wins.count(0.5)} tied"
        )
    if agreed is not None:
        alpha = "" if agreed.alpha is None else f", Krippendorff's alpha {agreed.alpha:.2f}"
        echo(f"{votes.people} people agree in {100 * agreed.share:.0f} % of choices on {_pairs(agreed.items)}{alpha}")
    tell("Recorded in the ledger: the next plan judges by it.")


def _as_json(record: PreferenceRecord) -> dict[str, Any]:
    wins = [item.win for item in record.items]
    return {
        "eval": record.name,
        "candidate": record.candidate,
        "baseline": record.baseline,
        "pairs": len(wins),
        "won": wins.count(1.0),
        "lost": wins.count(0.0),
        "tied": wins.count(0.5),
    }


def _pairs(count: int) -> str:
    return f"{count:,} pair{'' if count == 1 else 's'}"
