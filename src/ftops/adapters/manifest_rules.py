"""What must hold in one manifest beyond its schema, and what people should be warned of.

Owns rules within a document; rules between documents are in ``manifest_files``. Every rule stands what is missing or of the
wrong kind, so that a document's problems come at once whatever its schema says.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ftops.adapters.findings import Findings
from ftops.adapters.grader_templates import IN_INPUT, IN_TRAINING, template_findings
from ftops.adapters.pairwise_rules import known_variables, pairwise_findings
from ftops.adapters.plain_values import mapping, member, sequence
from ftops.adapters.project_file import unknown_backend
from ftops.adapters.schema_problems import near_miss
from ftops.adapters.yaml_documents import child
from ftops.datasets.checks import CHECKS
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.manifest import LATEST, BackendName, DatasetPaths, FineTune, MethodType, Project
from ftops.domain.manifest_notices import ManifestNotice
from ftops.evaluation.metrics import why_never
from ftops.evaluation.pairwise import is_pairwise


def check_rules(value: Any, project: Project, findings: Findings) -> None:
    """Checks a manifest of any shape, and puts what is wrong into ``findings``."""
    spec = member(value, "spec")
    _check_backend(spec, "/spec/backend", project, findings)
    _check_method(spec, findings)
    _check_checks(mapping(member(member(spec, "dataset"), "checks")), findings)
    seen: set[str] = set()
    for index, entry in enumerate(sequence(member(spec, "evals"))):
        pointer = child("/spec/evals", index)
        name = member(entry, "name")
        if isinstance(name, str):
            if name in seen:
                findings.add(f"{pointer}/name", f"expected a name used once, '{visible(name)}' is taken")
            seen.add(name)
        for finding in template_findings(member(entry, "grader"), f"{pointer}/grader", known_variables(entry)):
            findings.add(*finding)
        for finding in template_findings(member(entry, "input"), f"{pointer}/input", IN_INPUT):
            findings.add(*finding)
        conditions = list(_conditions(entry, pointer))
        for finding in pairwise_findings(entry, pointer, conditions):
            findings.add(*finding)
        for place, condition in conditions:
            _check_metric(member(condition, "metric"), f"{place}/metric", member(entry, "grader"), findings)
            _check_baseline(member(condition, "baseline"), f"{place}/baseline", spec, project, findings)
    marked = [i for i, entry in enumerate(sequence(member(spec, "evals"))) if member(entry, "select") is True]
    for index in marked[1:]:
        findings.add(
            f"{child('/spec/evals', index)}/select", "expected one evaluation that selects, an earlier one does"
        )
    metadata = member(value, "metadata")
    name = member(metadata, "name")
    if isinstance(name, str) and name in sequence(member(metadata, "moved_from")):
        findings.add("/metadata/moved_from", "expected earlier names, got the present one")


def notices_of(fine_tune: FineTune) -> Iterator[ManifestNotice]:
    """Gives what people should know about a valid manifest."""
    for said in _sentences_about(fine_tune):
        yield ManifestNotice(fine_tunes=(fine_tune.name,), message=said, file=fine_tune.path, line=fine_tune.line)


def _sentences_about(fine_tune: FineTune) -> Iterator[str]:
    following = [name for name, target in fine_tune.aliases.items() if target == LATEST]
    if following and not any(one.is_enforced for one in fine_tune.evals):
        shown = ", ".join(following)
        yield f"no gate is enforced, so {shown} follows every trained revision unmeasured"
    unsampled = [one.name for one in fine_tune.evals if one.sampling is None]
    if unsampled:
        yield f"no sampling stated for {', '.join(unsampled)}; the backend's own defaults apply"
    yield from _notices_of_choosing(fine_tune)
    yield from _notices_of_programs(fine_tune)
    if fine_tune.evals and not any(one.opponents for one in fine_tune.evals):
        yield "no gate compares with a baseline, so nothing shows that tuning beats prompting"


def _notices_of_choosing(fine_tune: FineTune) -> Iterator[str]:
    """Says what of a manifest chooses no checkpoint although it looks as if it did."""
    policy = fine_tune.policy.checkpoints
    marked = [one.name for one in fine_tune.evals if one.select]
    if marked and policy != "evaluate":
        yield f"{marked[0]} has select: true, which chooses nothing without policy.checkpoints: evaluate"
    dataset = fine_tune.dataset
    is_by_loss = policy == "best_validation_loss" or (policy == "evaluate" and not marked)
    if is_by_loss and isinstance(dataset, DatasetPaths) and dataset.validation is None:
        hint = "" if policy == "best_validation_loss" else ", and no evaluation has select: true"
        yield f"policy.checkpoints: {policy} has no validation set to choose by{hint}: the last checkpoint is taken"


def _notices_of_programs(fine_tune: FineTune) -> Iterator[str]:
    """Says which evaluations run code of the repository, before an apply ends in an error for the lack of a word."""
    programs = {one.name: list(_programs(one.grader)) for one in fine_tune.evals}
    if named := [name for name, found in programs.items() if found]:
        yield (
            f"code of this repository grades {', '.join(named)}; apply and eval run it only with --allow-python-graders"
        )
    if tagged := [name for name, found in programs.items() if any("image_tag" in one for one in found)]:
        yield f"image_tag in {', '.join(tagged)} is for OpenAI alone: evaluations run the Python that ftops runs in"


def _programs(grader: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if grader["type"] == "python":
        yield grader
    inner = grader.get("graders", ())
    for one in inner.values() if isinstance(inner, Mapping) else inner:
        yield from _programs(one)


def _check_backend(value: Any, pointer: str, project: Project, findings: Findings) -> None:
    """Checks the backend that ``value``, a spec or a baseline, names."""
    name = member(value, "backend")
    if isinstance(name, str) and BackendName(name) not in project.backends:
        findings.add(pointer, *unknown_backend(name, project.backends))


def _check_method(spec: Any, findings: Findings) -> None:
    method = member(spec, "method")
    if member(method, "type") != MethodType.REINFORCEMENT:
        return
    dataset = member(spec, "dataset")
    if isinstance(dataset, Mapping) and not {"validation", "adopted_job"} & dataset.keys():
        findings.add("/spec/dataset/validation", "required for reinforcement, but missing")
    for finding in template_findings(member(method, "grader"), "/spec/method/grader", IN_TRAINING):
        findings.add(*finding)


def _check_checks(settings: Mapping[str, Any], findings: Findings) -> None:
    """Checks what a manifest sets checks of its datasets to; the levels themselves, the schema checks."""
    for code in settings:
        pointer = child("/spec/dataset/checks", code)
        check = CHECKS.get(code)
        if check is None:
            named = {**{one.name: one.code for one in CHECKS.values()}, **{one.lower(): one for one in CHECKS}}
            near = get_close_matches(code.lower(), named, n=1)
            hint = f"did you mean {named[near[0]]}?" if near else "docs/data-checks.md lists them"
            findings.add(pointer, f"expected the code of a check, got {quoted(code)}", hint)
        elif check.is_format:
            wrong = f"{code} ({check.name}) can't be changed: a backend refuses such a file"
            findings.add(pointer, f"expected a check beyond the format, {wrong}")


def _check_metric(metric: Any, pointer: str, grader: Any, findings: Findings) -> None:
    """Checks that a grader's scores may have the metric: else training would be paid for before an error says it."""
    is_known = findings.is_sound(pointer) and isinstance(metric, str) and isinstance(grader, Mapping)
    if is_known and not is_pairwise(grader) and (why := why_never(metric, grader)) is not None:
        findings.add(pointer, f"expected a metric that this grader's scores have: {why}")


def _check_baseline(baseline: Any, pointer: str, spec: Any, project: Project, findings: Findings) -> None:
    aliases = mapping(member(spec, "aliases"))
    alias = member(baseline, "alias")
    if isinstance(alias, str) and alias not in aliases:
        known = visible(", ".join(sorted(aliases))) or "none is declared"
        findings.add(
            f"{pointer}/alias",
            f"expected an alias of this manifest ({known}), got {quoted(alias)}",
            near_miss(alias, aliases),
        )
    _check_backend(baseline, f"{pointer}/backend", project, findings)
    if member(member(spec, "dataset"), "adopted_job") and member(member(baseline, "prompt"), "few_shot"):
        findings.add(f"{pointer}/prompt/few_shot", "expected a prompt's file: the adopted job's data is gone")


def _conditions(entry: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    gate = member(entry, "gate")
    if isinstance(gate, Mapping):
        yield f"{pointer}/gate", gate
    else:
        yield from ((child(f"{pointer}/gate", index), one) for index, one in enumerate(sequence(gate)))
