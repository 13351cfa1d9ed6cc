"""``ftops.yaml`` as a Project, and the project that stands in where there is none.

Owns the rules about backends that the schema can't say. Whether a base URL is trusted is asked elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from ftops.adapters.findings import Findings, findings_of
from ftops.adapters.kept_manifests import KeptManifests
from ftops.adapters.manifest_bytes import read_bytes
from ftops.adapters.plain_values import mapping, member, sequence
from ftops.adapters.schema_problems import near_miss, schema_problems
from ftops.adapters.unsupported import PROJECT_LIMITS, unsupported_values
from ftops.adapters.yaml_documents import Place, YamlDocument, child
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.manifest import (
    BUILT_IN,
    EMBEDDED,
    OPENAI,
    OPENAI_KEY_ENV,
    REHEARSAL_SUFFIX,
    Backend,
    BackendName,
    BackendType,
    LedgerSettings,
    Price,
    Project,
)
from ftops.errors import Problem

PROJECT_FILE: Final = "ftops.yaml"
IMPLICIT_NAME: Final = "local"

_SCHEMA: Final = "project.v1"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectFile:
    """The project, what is wrong with its file, and where its manifests are named.

    ``has_name`` tells a stated name from the one that stands in. ``digest`` is None where there is no file.
    """

    project: Project
    has_name: bool = False
    digest: str | None = None
    problems: tuple[Problem, ...] = ()
    manifest_places: Mapping[str, Place] = field(default_factory=dict)


def read_project_file(root: Path, *, kept: KeptManifests | None = None) -> ProjectFile:
    """Reads ``ftops.yaml`` below ``root``. A broken file gives its problems, and the defaults for what can't be read.

    ``kept`` are files found valid before.
    """
    if not (root / PROJECT_FILE).exists() and not (root / PROJECT_FILE).is_symlink():
        misnamed = Problem(file="ftops.yml", expected=f"expected the name {PROJECT_FILE}")
        return ProjectFile(
            project=Project(name=IMPLICIT_NAME, backends=BUILT_IN, is_implicit=True),
            problems=(misnamed,) if (root / "ftops.yml").exists() else (),
        )
    content = read_bytes(root, PROJECT_FILE)
    if isinstance(content, Problem):
        return ProjectFile(project=_salvaged(None), has_name=True, problems=(content,))
    known = kept.get(content.sha256, _SCHEMA) if kept else None
    if known:
        return _checked(known[0], content.sha256, [], [])
    from ftops.adapters.yaml_nodes import read_yaml  # not needed where all files were read before

    read = read_yaml(content.data, PROJECT_FILE)
    problems = [*read.problems, *(_surplus(further.place) for further in read.documents[1:])]
    document = read.documents[0] if read.documents else None
    if document is None:
        return ProjectFile(project=_salvaged(None), has_name=True, digest=content.sha256, problems=tuple(problems))
    wrong = schema_problems(document, _SCHEMA, PROJECT_FILE)
    if kept and not (problems or wrong):
        kept.put(content.sha256, _SCHEMA, read.documents)
    return _checked(document, content.sha256, problems, wrong)


def _checked(document: YamlDocument, sha256: str, problems: list[Problem], wrong: list[Problem]) -> ProjectFile:
    """Gives the project of a document, with everything wrong in it beside ``problems`` and what is ``wrong`` by its schema.

    Where YAML or schema find fault, it is only what can be salvaged.
    """
    value = document.value
    is_readable = not (problems or wrong)
    findings = findings_of(document, PROJECT_FILE, wrong)
    spec = member(value, "spec")
    _check_backends(spec, findings)
    _check_branch(member(member(spec, "ledger"), "branch"), findings)
    for pointer, sentence in unsupported_values(value, PROJECT_LIMITS):
        findings.add(pointer, sentence)
    project = _project(value) if is_readable else _salvaged(value)
    return ProjectFile(
        project=project,
        has_name=not is_readable or "name" in mapping(member(value, "metadata")),
        digest=sha256,
        problems=(*problems, *wrong, *findings.problems),
        manifest_places={
            text: document.at(child("/spec/manifests", i))
            for i, text in enumerate(sequence(member(spec, "manifests")))
            if isinstance(text, str)
        },
    )


def _surplus(place: Place) -> Problem:
    wrong = "expected one document, got another"
    return Problem(file=PROJECT_FILE, line=place.line, column=place.column, expected=wrong)


def project_lines(backend: str) -> str:
    """Gives the lines of a project file that names a project for ``backend``."""
    return "\n".join(
        (
            "  apiVersion: ftops/v1",
            "  kind: Project",
            "  metadata: {name: my-project}",
            f"  spec: {{backend: {backend}}}",
        )
    )


def _salvaged(value: Any) -> Project:
    """Gives the defaults, with what a broken file still shows of folders and backends, to check manifests by."""
    spec = value.get("spec") if isinstance(value, dict) else None
    spec = spec if isinstance(spec, dict) else {}
    manifests = spec.get("manifests")
    if not isinstance(manifests, list) or not all(isinstance(text, str) and text for text in manifests):
        manifests = ["finetunes"]
    named = spec.get("backends")
    backends = dict(BUILT_IN)
    for name in named if isinstance(named, dict) else ():
        backends.setdefault(name, Backend(name=BackendName(name), type=BackendType.OPENAI))
    return Project(name=IMPLICIT_NAME, manifests=tuple(manifests), backends=backends)


def _project(value: Mapping[str, Any]) -> Project:
    spec = value.get("spec", {})
    backends = dict(BUILT_IN)
    backends.update({BackendName(name): _backend(name, entry) for name, entry in spec.get("backends", {}).items()})
    ledger = spec.get("ledger", {})
    return Project(
        name=value.get("metadata", {}).get("name", IMPLICIT_NAME),
        manifests=tuple(spec.get("manifests", ("finetunes",))),
        backend=BackendName(spec.get("backend", EMBEDDED)),
        backends=MappingProxyType({name: backends[name] for name in sorted(backends)}),
        ledger=LedgerSettings(
            branch=ledger.get("branch", "ftops-ledger"),
            remote=ledger.get("remote", "origin"),
            outputs=ledger.get("outputs", "local"),
        ),
        training_budget_usd=spec.get("budget", {}).get("training_usd"),
        prune=spec.get("prune", False),
    )


def _backend(name: str, entry: Mapping[str, Any]) -> Backend:
    kind = BackendType(entry["type"])
    price = entry.get("price")
    is_own_address = kind is BackendType.EMBEDDED or "base_url" in entry
    return Backend(
        name=BackendName(name),
        type=kind,
        base_url=entry.get("base_url"),
        # The common key goes to the SDK's own address only; any other address gets its own key, or none.
        api_key_env=entry.get("api_key_env", None if is_own_address else OPENAI_KEY_ENV),
        settle_seconds=float(entry.get("settle_seconds", 0 if kind is BackendType.EMBEDDED else 60)),
        price=None
        if price is None
        else Price(
            training=price.get("training_usd_per_million"),
            input=price.get("input_usd_per_million"),
            output=price.get("output_usd_per_million"),
        ),
    )


def _check_backends(spec: Any, findings: Findings) -> None:
    entries = mapping(member(spec, "backends"))
    known = {*BUILT_IN, *entries}
    default = member(spec, "backend")
    if isinstance(default, str) and default not in known:
        findings.add("/spec/backend", *unknown_backend(default, known))
    for name, entry in entries.items():
        pointer = child("/spec/backends", name)
        built_in = BUILT_IN.get(BackendName(name))
        kind, url = member(entry, "type"), member(entry, "base_url")
        if built_in is not None and kind != built_in.type:
            findings.add(f"{pointer}/type", f"expected {built_in.type.value}, the type that {name} always has")
        elif name == OPENAI:
            for key in sorted({"base_url", "api_key_env"} & mapping(entry).keys()):
                findings.add(f"{pointer}/{key}", f"expected no {key} here: give such a backend a name of its own")
        elif kind == BackendType.EMBEDDED:
            for key in sorted({"base_url", "api_key_env", "price"} & entry.keys()):
                findings.add(f"{pointer}/{key}", f"expected no {key}: an embedded backend is local and free")
        if isinstance(url, str) and (wrong := _address_fault(url)) is not None:
            findings.add(f"{pointer}/base_url", wrong)


def _check_branch(branch: Any, findings: Findings) -> None:
    """Finds fault with names that git takes for something else, and those that rehearsals' ledgers bear."""
    pointer = "/spec/ledger/branch"
    if branch == "HEAD":
        findings.add(pointer, "expected a branch's name: HEAD is what is checked out")
    elif isinstance(branch, str) and branch.startswith("refs/"):
        findings.add(pointer, "expected a branch's name without refs/heads/ before it")
    elif isinstance(branch, str) and branch.endswith(REHEARSAL_SUFFIX):
        findings.add(
            pointer, f"expected a name that doesn't end in {REHEARSAL_SUFFIX}: rehearsals' ledgers are called so"
        )


def unknown_backend(name: str, known: set[Any] | Mapping[Any, Any]) -> tuple[str, str | None]:
    """Gives what to say about a backend that nothing declares: the sentence and a near miss."""
    shown = visible(", ".join(sorted(known)))
    return f"expected a backend ({shown}), got {quoted(name)}", near_miss(name, known)


def _address_fault(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "expected a URL with a valid host and port"
    if not host:
        return "expected a URL with a host"
    if parts.scheme == "http" and not _is_loopback(host):
        return f"expected https: {host} is not on this machine"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
