"""What a job is done with: storage, an engine, and how fast it may go. Owns nothing; whoever works on jobs is given one."""

from dataclasses import dataclass

from ftops.server.engines.interface import Engine
from ftops.server.shelf import Shelf
from ftops.server.storage.blobs import Blobs
from ftops.server.storage.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """``shelf`` has the models that judge; ``min_step_seconds`` slows training down for rehearsals."""

    database: Database
    blobs: Blobs
    engine: Engine
    shelf: Shelf
    min_step_seconds: float = 0.0
