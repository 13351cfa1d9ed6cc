"""A candidate and all that its evaluations depend on: the ledger's record, the manifest, its baselines and their prompts.

Owns which measurements an evaluation consists of and what is recorded of them. It calls no model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ftops.application.baselines import Candidate, ResolvedBaseline, resolve_baseline
from ftops.application.contests import Contest
from ftops.application.measurements import Measurement, sendable_rows
from ftops.domain.checkpoints import compared_on
from ftops.domain.desired import Dataset, Declared, DeclaredEval
from ftops.domain.judgement import MissingReason
from ftops.domain.manifest import (
    WIN_RATE,
    Backend,
    BackendName,
    Baseline,
    Condition,
    FewShot,
    ModelId,
    Price,
    PromptFile,
    Revision,
)
from ftops.domain.preferences import KnownPreferences
from ftops.domain.pricing import inference_price
from ftops.domain.records import FineTuneRecord
from ftops.domain.scores import Comparison, EvaluationRecord
from ftops.evaluation.few_shot import draw_examples
from ftops.evaluation.identity import form_digest, is_dated, prompt_identity, sent_digest
from ftops.evaluation.judging import BaselineScores, MeasuredEval
from ftops.evaluation.prompts import Examples
from ftops.evaluation.win_rates import said_of


class EvaluationFiles(Protocol):
    """Reads what evaluations are made of."""

    def rows(self, dataset: Dataset) -> Sequence[Mapping[str, Any]]:
        """Gives the rows of an evaluation's or a training dataset, in their order."""
        ...

    def each_row(self, dataset: Dataset) -> Iterator[Mapping[str, Any]]:
        """Gives the same rows one after the other, and holds none of them."""
        ...

    def text(self, path: str) -> str:
        """Gives the text of a prompt file; the path is relative to the project's root."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Form:
    """A declared baseline, its form's digest and the identity of its prompt."""

    baseline: Baseline
    digest: str
    prompt: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One candidate.

    ``trained_inputs`` gives a training set's input digests by its SHA-256, None where nobody knows them; ``training_set`` the
    training set of a model that another fine-tune made. ``backends`` are those of the project, for the prices of models.
    """

    record: FineTuneRecord
    declared: Declared
    candidate: Candidate
    files: EvaluationFiles
    trained_inputs: Callable[[str], frozenset[str] | None]
    training_set: Callable[[BackendName, ModelId], str | None]
    backends: Mapping[BackendName, Backend] = field(default_factory=dict)

    def measured(self, one: DeclaredEval) -> MeasuredEval:
        """Gives one evaluation with what is recorded of it."""
        candidate = self.candidate
        is_known_name = any(
            (old.name, old.model, old.backend) == (one.spec.name, candidate.model, candidate.backend)
            for old in self.record.evaluations
        )
        return MeasuredEval(
            declared=one,
            candidate=self._of_candidate(one).recorded(self.record),
            baselines=tuple(self._baseline_scores(one, condition) for condition in one.spec.gate),
            missing_reason=MissingReason.EVAL_CHANGED if is_known_name else MissingReason.NOT_EVALUATED,
            price=self.price(candidate.model, candidate.backend),
            compared=self._compared(one),
        )

    def price(self, model: ModelId, name: BackendName) -> Price | None:
        """Gives what calling a model costs; None is unknown."""
        ours = self.declared.backend
        backend = ours if name == ours.name else self.backends.get(name)
        if backend is None:
            return None
        is_tuned = model.startswith("ft:") or self.record.revision_of_model(name, model) is not None
        return inference_price(model, is_tuned=is_tuned, backend=backend)

    def _compared(self, one: DeclaredEval) -> int:
        """Gives among how many checkpoints the candidate was chosen by the items of this evaluation; else 1."""
        model, backend = self.candidate.model, self.candidate.backend
        jobs = (job for _, where, _, job in self.record.jobs() if where == backend and job.has_model(model))
        return max((compared_on(self.record, job, model, self.declared, one) for job in jobs), default=1)

    def _baseline_scores(self, one: DeclaredEval, condition: Condition) -> BaselineScores | None:
        opponent = one.spec.opponent(condition)
        if opponent is None:
            return None
        known = self._comparison(one, self._form(one, opponent))
        if known is None:
            return None
        model, backend = ModelId(known.model), BackendName(known.backend)
        scores = self.record.evaluation(
            digest=one.digest, sent=known.sent, model=model, backend=backend, for_model=self.candidate.keeps_for
        )
        return BaselineScores(
            model=model,
            backend=backend,
            record=scores,
            note=_note(known, scores),
            price=self.price(model, backend),
            preferences=self._preferences(one, condition, scores),
        )

    def _preferences(
        self, one: DeclaredEval, condition: Condition, baseline: EvaluationRecord | None
    ) -> KnownPreferences | None:
        ours = self._of_candidate(one).recorded(self.record)
        if condition.metric != WIN_RATE or ours is None or baseline is None:
            return None
        return said_of(one.spec, self.record.preferences, ours, baseline)

    def comparisons(self, one: DeclaredEval) -> Iterator[Comparison]:
        """Gives what each baseline that was never resolved for this evaluation is resolved to now."""
        for form in self._forms(one):
            if self._comparison(one, form) is None:
                resolved = self._resolved(form)
                notes = (resolved.note, self._lacking(one, form.baseline.prompt))
                yield Comparison(
                    candidate=self.candidate.model,
                    digest=one.digest,
                    form=form.digest,
                    model=resolved.model,
                    backend=resolved.backend,
                    sent=sent_digest(one.spec, form.prompt),
                    note="; ".join(note for note in notes if note) or None,
                )

    def examples(self, one: DeclaredEval, shots: FewShot) -> Examples:
        """Draws the examples of a few-shot baseline from the training data."""
        rows = sendable_rows(self.files.each_row(one.dataset), one)
        return draw_examples(self.files.rows(self.declared.train), rows, k=shots.k, seed=shots.seed)

    def wanted(self, one: DeclaredEval) -> tuple[Measurement, ...]:
        """Gives what has to be measured, each once: what is not recorded, or recorded as an error."""
        found: dict[tuple[str, ...], Measurement] = {}
        for measurement in self.measurements(one):
            recorded = measurement.recorded(self.record)
            if recorded is None or recorded.error is not None:
                found.setdefault((measurement.model, measurement.backend, measurement.sent), measurement)
        return tuple(found.values())

    def measurements(self, one: DeclaredEval) -> tuple[Measurement, ...]:
        """Gives all that an evaluation consists of, recorded or not: the candidate, then each declared baseline."""
        return (self._of_candidate(one), *(self._of_baseline(one, form) for form in self._forms(one)))

    def contests(self, one: DeclaredEval) -> Iterator[Contest]:
        """Gives the candidate beside each baseline that its win rate is against, where the answers of both are recorded.

        An evaluation without a win rate has the baselines that its conditions name.
        """
        asking = [condition for condition in one.spec.gate if condition.metric == WIN_RATE] or one.spec.gate
        candidate = self._of_candidate(one)
        ours = candidate.recorded(self.record)
        for opponent in dict.fromkeys(one.spec.opponent(condition) for condition in asking):
            if opponent is None or ours is None:
                continue
            baseline = self._of_baseline(one, self._form(one, opponent))
            theirs = baseline.recorded(self.record)
            if theirs is not None:
                yield Contest(candidate=candidate, baseline=baseline, ours=ours, theirs=theirs)

    def _lacking(self, one: DeclaredEval, asks: FewShot | PromptFile | None) -> str | None:
        """Says where a few-shot baseline gets fewer examples than it declares."""
        if not isinstance(asks, FewShot) or (count := self.examples(one, asks).count) == asks.k:
            return None
        return f"only {count} of {asks.k} examples: no other training row is far enough from the evaluation's"

    def _of_candidate(self, one: DeclaredEval) -> Measurement:
        candidate = self.candidate
        is_lasting = candidate.revision is not None or is_dated(candidate.model)
        return Measurement(
            declared=one,
            model=candidate.model,
            backend=candidate.backend,
            revision=candidate.revision,
            for_model=None if is_lasting else candidate.keeps_for,
            sent=sent_digest(one.spec, self._prompt_identity(one, candidate.asks)),
            trained_on=partial(self._trained_on, candidate.revision, candidate.backend, candidate.model),
            asks=candidate.asks,
        )

    def _of_baseline(self, one: DeclaredEval, form: _Form) -> Measurement:
        resolved = self._resolved(form)
        is_lasting = resolved.revision is not None or is_dated(resolved.model)
        return Measurement(
            declared=one,
            model=resolved.model,
            backend=resolved.backend,
            revision=resolved.revision,
            for_model=None if is_lasting else self.candidate.keeps_for,
            sent=sent_digest(one.spec, form.prompt),
            trained_on=partial(self._trained_on, resolved.revision, resolved.backend, resolved.model),
            asks=form.baseline.prompt,
        )

    def _trained_on(self, revision: Revision | None, backend: BackendName, model: ModelId) -> frozenset[str] | None:
        """Gives the input digests of a model's training set, none of a base model's; None where nobody knows them."""
        ours = self.declared.train
        known = None if revision is None else self.record.revisions.get(revision)
        train = known.train.sha256 if known is not None else self.training_set(backend, model)
        if train == ours.sha256 or (revision is not None and revision == self.declared.revision):
            return None if ours.is_gone else ours.input_digests
        if train is None:
            return None if model.startswith("ft:") else frozenset()
        return self.trained_inputs(train)

    def _resolved(self, form: _Form) -> ResolvedBaseline:
        return resolve_baseline(self.record, self.declared, self.candidate, form.baseline, form=form.digest)

    def _forms(self, one: DeclaredEval) -> tuple[_Form, ...]:
        """Gives each baseline of an evaluation once."""
        forms = (self._form(one, baseline) for baseline in one.spec.opponents)
        return tuple({form.digest: form for form in forms}.values())

    def _form(self, one: DeclaredEval, baseline: Baseline) -> _Form:
        prompt = self._prompt_identity(one, baseline.prompt)
        return _Form(baseline=baseline, digest=form_digest(baseline, prompt), prompt=prompt)

    def _prompt_identity(self, one: DeclaredEval, asks: FewShot | PromptFile | None) -> Mapping[str, Any] | None:
        return prompt_identity(
            asks,
            file_text=self.files.text(asks.path) if isinstance(asks, PromptFile) else None,
            train_sha256=self.declared.train.sha256,
            dataset_sha256=one.dataset.sha256,
        )

    def _comparison(self, one: DeclaredEval, form: _Form) -> Comparison | None:
        wanted = (self.candidate.model, one.digest, form.digest)
        return next((c for c in self.record.comparisons if (c.candidate, c.digest, c.form) == wanted), None)


def _note(resolved: Comparison, scores: EvaluationRecord | None) -> str | None:
    """Gives what the report says of a baseline: what it was resolved to and why, and which rows it was trained on."""
    trained_on = ""
    if scores is not None and scores.left_out:
        rows = "row" if scores.left_out == 1 else "rows"
        trained_on = f"the baseline was trained on {scores.left_out} {rows}, left out for both"
    return "; ".join(said for said in (resolved.note, trained_on) if said) or None
