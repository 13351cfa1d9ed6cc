"""What the manifests of a work tree say, before their datasets are looked at.

Owns the value that reading files hands to ``application.declare``. It neither reads nor checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ftops.domain.manifest import FineTune, Project


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedProject:
    """A project and its fine-tunes, sorted by name.

    ``manifest_digests`` maps each file that was read to the SHA-256 of its bytes (``ftops.yaml`` too, where there is one).
    ``notices`` are warnings for people; they refuse nothing.
    """

    project: Project
    fine_tunes: tuple[FineTune, ...] = ()
    manifest_digests: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
