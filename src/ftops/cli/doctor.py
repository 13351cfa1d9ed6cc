"""``ftops doctor``: what is wrong around a project, and how it is mended."""

from typing import TYPE_CHECKING

import click

from ftops.cli.main import Globals
from ftops.cli.options import json_option, print_json

if TYPE_CHECKING:
    from ftops.domain.diagnosis import Finding


@click.command("doctor")
@click.option(
    "--backend",
    metavar="NAME",
    envvar="FTOPS_BACKEND",
    help="Look at this backend alone, instead of those that the manifests name.",
)
@click.option("--offline", is_flag=True, help="Call nobody, neither backends nor the git host.")
@json_option
@click.pass_obj
def command(context: Globals, *, backend: str | None, offline: bool, as_json: bool) -> int:
    """Look for what would keep plan or apply from working: project, git, ledger, backends, this machine.

    Each thing that is wrong comes with the command or the line that mends it. Nothing is changed, nothing costs anything,
    and no key is shown. It works outside of a project, without a key and offline, where it says what it could not ask. -v
    shows every check. A few calls go to the backend, and the ledger is fetched as plan fetches it.

    Exit 0 where nothing is wrong, warnings or not; else the code that apply would end in: 2 for files that are invalid,
    9 for keys and permissions, 5 for what a guard refuses, 6 for a stale clone, 1 for the rest.

    \b
    Examples:
      ftops doctor
      ftops doctor -v --offline
      ftops doctor --json | jq '.checks[] | select(.state == "wrong")'
    """
    from datetime import UTC, datetime

    from ftops.application.doctor import examine
    from ftops.bootstrap_doctor import open_surroundings
    from ftops.cli.render_doctor import asking, print_findings
    from ftops.domain.diagnosis import exit_code

    surroundings = open_surroundings(context.directory, backend=backend)
    with asking():
        findings = examine(surroundings, now=datetime.now(UTC), is_offline=offline)
    if as_json:
        print_json(_to_json(findings))
    else:
        print_findings(findings, folder=surroundings.root, is_verbose=context.is_verbose)
    return exit_code(findings)


def _to_json(findings: "tuple[Finding, ...]") -> dict[str, object]:
    from ftops.domain.diagnosis import State, exit_code
    from ftops.domain.doctor_catalogue import group_of

    return {
        "format_version": "1",
        "exit_code": exit_code(findings),
        "counts": {state.value: sum(one.state is state for one in findings) for state in State},
        "checks": [
            {
                "check": one.check.value,
                "group": group_of(one.check).value.lower(),
                "backend": one.backend,
                "state": one.state.value,
                "says": one.says,
                "mends": list(one.mends),
                "exit_code": one.exit_code,
            }
            for one in findings
        ],
    }
