"""What must hold in one manifest beyond its schema, and what people should be warned of.

Owns rules within a document; rules between documents are in ``manifest_files``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ftops.adapters.findings import Findings
from ftops.adapters.grader_templates import IN_EVALS, IN_INPUT, IN_TRAINING, template_findings
from ftops.adapters.project_file import unknown_backend
from ftops.adapters.schema_problems import near_miss
from ftops.adapters.unsupported import unsupported_values
from ftops.adapters.yaml_nodes import child
from ftops.domain.manifest import LATEST, BackendName, FineTune, MethodType, Project


def check_rules(value: Mapping[str, Any], project: Project, findings: Findings) -> None:
    """Checks a manifest that fits its schema, and puts what is wrong into ``findings``."""
    spec = value["spec"]
    _check_backend(spec, project, findings)
    _check_method(spec, findings)
    seen: set[str] = set()
    for index, entry in enumerate(spec.get("evals", ())):
        pointer = child("/spec/evals", index)
        if entry["name"] in seen:
            findings.add(f"{pointer}/name", f"expected a name used once, '{entry['name']}' is taken")
        seen.add(entry["name"])
        for finding in template_findings(entry["grader"], f"{pointer}/grader", IN_EVALS):
            findings.add(*finding)
        for finding in template_findings(entry.get("input"), f"{pointer}/input", IN_INPUT):
            findings.add(*finding)
        for place, condition in _conditions(entry, pointer):
            _check_baseline(condition.get("baseline"), f"{place}/baseline", spec, project, findings)
    if value["metadata"]["name"] in value["metadata"].get("moved_from", ()):
        findings.add("/metadata/moved_from", "expected earlier names, got the present one")
    for place, sentence in unsupported_values(value):
        findings.add(place, sentence)


def notices_of(fine_tune: FineTune) -> Iterator[str]:
    """Gives what people should know about a valid manifest, one line each."""
    where = f"{fine_tune.path}:{fine_tune.line}: {fine_tune.name}"
    following = [name for name, target in fine_tune.aliases.items() if target == LATEST]
    if following and not any(one.is_enforced for one in fine_tune.evals):
        shown = ", ".join(following)
        yield f"{where}: no gate is enforced, so {shown} follows every trained revision unmeasured"
    unsampled = [one.name for one in fine_tune.evals if one.sampling is None]
    if unsampled:
        yield f"{where}: no sampling stated for {', '.join(unsampled)}; the backend's own defaults apply"
    conditions = [condition for one in fine_tune.evals for condition in one.gate]
    if fine_tune.evals and not any(condition.baseline for condition in conditions):
        yield f"{where}: no gate compares with a baseline, so nothing shows that tuning beats prompting"


def _check_backend(spec: Mapping[str, Any], project: Project, findings: Findings) -> None:
    if "backend" in spec and BackendName(spec["backend"]) not in project.backends:
        findings.add("/spec/backend", *unknown_backend(spec["backend"], project.backends))


def _check_method(spec: Mapping[str, Any], findings: Findings) -> None:
    method = spec.get("method", {})
    if method.get("type") != MethodType.REINFORCEMENT:
        return
    if "validation" not in spec["dataset"]:
        findings.add("/spec/dataset/validation", "required for reinforcement, but missing")
    for finding in template_findings(method["grader"], "/spec/method/grader", IN_TRAINING):
        findings.add(*finding)


def _check_baseline(
    baseline: Mapping[str, Any] | None, pointer: str, spec: Mapping[str, Any], project: Project, findings: Findings
) -> None:
    if baseline is None:
        return
    aliases = spec.get("aliases", {})
    alias = baseline.get("alias")
    if alias is not None and alias not in aliases:
        known = ", ".join(sorted(aliases)) or "none is declared"
        findings.add(
            f"{pointer}/alias",
            f"expected an alias of this manifest ({known}), got '{alias}'",
            near_miss(alias, aliases),
        )
    backend = baseline.get("backend")
    if backend is not None and BackendName(backend) not in project.backends:
        findings.add(f"{pointer}/backend", *unknown_backend(backend, project.backends))


def _conditions(entry: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    gate = entry.get("gate", [])
    if isinstance(gate, Mapping):
        yield f"{pointer}/gate", gate
    else:
        yield from ((child(f"{pointer}/gate", index), condition) for index, condition in enumerate(gate))
