"""From facts about the git host to findings: the remote, the push, protected branches, workflows, the CI run's token.

Pure: ``adapters.doctor_git``, ``doctor_host`` and ``doctor_workflows`` gather the facts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from ftops.domain.diagnosing_git import Trouble
from ftops.domain.diagnosis import Check, Finding, Unknown, listed, unknown, warning, well, wrong
from ftops.domain.foreign_text import quoted, visible

_PROTECTING: Final = frozenset({"non_fast_forward", "deletion"})
# GitHub's names of rules that refuse a push of one's own, however small it is.
_REFUSING: Final = frozenset(
    {
        "pull_request",
        "required_status_checks",
        "update",
        "required_signatures",
        "required_deployments",
        "merge_queue",
        "workflows",
        "code_scanning",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFacts:
    """The ledger's remote. ``name`` None: none is configured under ``wanted``, but ``others`` may be.

    ``trouble`` is why it can't be read, ``refusal`` why it refuses pushes of the ledger's branch.
    """

    wanted: str = "origin"
    name: str | None = "origin"
    others: tuple[str, ...] = ()
    trouble: Trouble | None = None
    refusal: Trouble | Unknown | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchRules:
    """What a host says of a branch: ``is_protected`` in the classic way, and the kinds of rules of its rulesets.

    ``allows_force`` is None where the token may not ask. ``exists`` False: there is no such branch yet.
    """

    exists: bool = True
    is_protected: bool = False
    allows_force: bool | None = None
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFacts:
    """What GitHub says of the repository. ``settings`` is the page where rules are made.

    ``may_push`` and ``main`` are None where it doesn't tell.
    """

    settings: str
    main: str | None
    may_push: bool | None
    ledger_rules: BranchRules | Unknown
    main_rules: BranchRules | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFacts:
    """One file of CI that runs or installs ftops. ``path`` is relative to the repository's top.

    ``is_readable`` False: it could not be understood. ``may_write`` None: no permissions are stated. ``pins`` are
    versions of ftops that it installs.
    """

    path: str
    is_readable: bool = True
    applies: bool = False
    may_write: bool | None = None
    has_target_trigger: bool = False
    pins: tuple[str, ...] = ()


def diagnose_hosting(
    *,
    remote: RemoteFacts | Unknown,
    host: HostFacts | Unknown,
    workflows: tuple[WorkflowFacts, ...] | Unknown,
    branch: str,
    is_ci: bool,
) -> Iterator[Finding]:
    """Gives the findings about the host of the ledger's ``branch``."""
    yield _remote(remote)
    yield _push(remote, branch)
    yield _ledger_protection(host, branch)
    yield _main_protection(host)
    yield _workflows(workflows)
    yield _token(host, is_ci=is_ci)


def _remote(facts: RemoteFacts | Unknown) -> Finding:
    if isinstance(facts, Unknown):
        return unknown(Check.REMOTE, facts)
    if facts.trouble is not None:
        return wrong(Check.REMOTE, visible(facts.trouble.message), *facts.trouble.mends, code=facts.trouble.exit_code)
    if facts.name is not None:
        return well(Check.REMOTE, f"the remote {visible(facts.name)} answers")
    if facts.wanted != "origin":
        says = f"spec.ledger.remote names {quoted(facts.wanted)}, which is no remote of this repository"
        return wrong(Check.REMOTE, says, f"git remote add {visible(facts.wanted)} URL", code=2)
    known = f" (there is {listed(map(visible, facts.others))})" if facts.others else ""
    says = f"no remote is called origin{known}: the ledger stays in this clone, and others would train again"
    mends = (f"in ftops.yaml: spec.ledger.remote: {visible(facts.others[0])}",) if facts.others else ()
    return warning(Check.REMOTE, says, *mends or ("git remote add origin URL",))


def _push(facts: RemoteFacts | Unknown, branch: str) -> Finding:
    if isinstance(facts, Unknown):
        return unknown(Check.PUSH, facts)
    if facts.name is None or facts.trouble is not None:
        return unknown(Check.PUSH, Unknown(why="there is no remote that answers"))
    match facts.refusal:
        case Unknown():
            return unknown(Check.PUSH, facts.refusal)
        case Trouble():
            says = f"{visible(facts.name)} refuses pushes of {visible(branch)}: {visible(facts.refusal.message)}"
            return wrong(Check.PUSH, says, *facts.refusal.mends, code=facts.refusal.exit_code)
        case None:
            says = (
                f"{visible(facts.name)} lets you begin a push of {visible(branch)}; its hooks and rules speak only then"
            )
            return well(Check.PUSH, says)
        case _:
            assert_never(facts.refusal)


def _ledger_protection(host: HostFacts | Unknown, branch: str) -> Finding:
    check, shown = Check.LEDGER_PROTECTION, visible(branch)
    if isinstance(host, Unknown):
        return unknown(check, host)
    if isinstance(host.ledger_rules, Unknown):
        return unknown(check, host.ledger_rules)
    rules = host.ledger_rules
    refusing = sorted(rules.rules & (_REFUSING if rules.exists else _REFUSING | {"creation"}))
    if refusing:
        says = f"rules of {shown} refuse plain pushes ({', '.join(refusing)}): apply could not record anything"
        return wrong(check, says, f"take {shown} out of these rules: {host.settings}", code=9)
    if rules.rules >= _PROTECTING or (rules.is_protected and rules.allows_force is False):
        return well(check, f"nobody can rewrite {shown} unseen")
    if rules.is_protected and rules.allows_force is None:
        return well(check, f"{shown} is protected; whether force pushes are blocked only administrators are told")
    says = f"whoever may push can rewrite or delete {shown}, and with it what was paid for"
    mend = f"a ruleset for {shown} with 'Block force pushes' and 'Restrict deletions': {host.settings}"
    return warning(check, says, mend)


def _main_protection(host: HostFacts | Unknown) -> Finding:
    check = Check.MAIN_PROTECTION
    if isinstance(host, Unknown):
        return unknown(check, host)
    if isinstance(host.main_rules, Unknown):
        return unknown(check, host.main_rules)
    main = visible(host.main or "the default branch")
    if host.main_rules.is_protected or "pull_request" in host.main_rules.rules:
        return well(check, f"{main} is protected")
    says = f"{main} is not protected: a push to it can promote a model without a review"
    return warning(check, says, f"a ruleset for {main} with 'Require a pull request before merging': {host.settings}")


def _workflows(facts: tuple[WorkflowFacts, ...] | Unknown) -> Finding:
    check = Check.WORKFLOWS
    if isinstance(facts, Unknown):
        return unknown(check, facts)
    if not facts:
        return unknown(check, Unknown(why="no workflow of this repository runs ftops"))
    for flow in facts:
        if flow.has_target_trigger:
            says = f"{visible(flow.path)} runs on pull_request_target: a stranger's code would run beside your keys"
            return warning(check, says, f"in {visible(flow.path)}: on: pull_request")
    for flow in facts:
        if flow.applies and flow.may_write is not True:
            what = "states no permissions" if flow.may_write is None else "may not write"
            says = f"{visible(flow.path)} runs apply, but {what}: it could not push the ledger"
            return warning(check, says, f"in {visible(flow.path)}: permissions: {{contents: write}}")
    for flow in facts:
        if not flow.is_readable:
            return unknown(check, Unknown(why=f"{visible(flow.path)} is no workflow that can be read", is_trouble=True))
    what = "can do what it is for" if len(facts) == 1 else "can do what they are for"
    return well(check, f"{listed(visible(flow.path) for flow in facts)} {what}")


def _token(host: HostFacts | Unknown, *, is_ci: bool) -> Finding:
    check = Check.CI_TOKEN
    if not is_ci:
        return unknown(check, Unknown(why="this is no CI run"))
    if isinstance(host, Unknown):
        return unknown(check, host)
    if host.may_push is None:
        return unknown(check, Unknown(why="GitHub doesn't say what GITHUB_TOKEN may do"))
    if not host.may_push:
        says = "GITHUB_TOKEN may only read: a plan works, apply could not push the ledger"
        return warning(check, says, "in the job that applies: permissions: {contents: write}")
    return well(check, "GITHUB_TOKEN may push")
