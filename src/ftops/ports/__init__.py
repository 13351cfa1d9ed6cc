"""What the application needs of the outside world, as Protocols: readers apart from writers.

Adapters implement them; tests have in-memory ones. Values that cross a port are the domain's or are defined here.
"""

from ftops.ports.adoption import AdoptionFiles, KeptFile, ManifestDraft
from ftops.ports.backend import (
    Allowance,
    BackendSession,
    Chat,
    ChatAnswer,
    ChatRequest,
    Checkpoint,
    Embedding,
    Files,
    Job,
    JobEvent,
    JobProgress,
    JobReader,
    JobWriter,
    ModelInfo,
    Models,
    PastJob,
    StoredFile,
)
from ftops.ports.discussion import Comment, Discussion
from ftops.ports.edits import ManifestEdit, ManifestEdits
from ftops.ports.ledger import Inspected, LedgerInspector, LedgerReader, LedgerWriter, LogEntry, Snapshot
from ftops.ports.programs import ProgramMode, Programs
from ftops.ports.surroundings import Clock, OutputStore, Progress, Repository

__all__ = [
    "AdoptionFiles",
    "Allowance",
    "BackendSession",
    "Chat",
    "ChatAnswer",
    "ChatRequest",
    "Checkpoint",
    "Clock",
    "Comment",
    "Discussion",
    "Embedding",
    "Files",
    "Inspected",
    "Job",
    "JobEvent",
    "JobProgress",
    "JobReader",
    "JobWriter",
    "KeptFile",
    "LedgerInspector",
    "LedgerReader",
    "LedgerWriter",
    "LogEntry",
    "ManifestDraft",
    "ManifestEdit",
    "ManifestEdits",
    "ModelInfo",
    "Models",
    "OutputStore",
    "PastJob",
    "ProgramMode",
    "Programs",
    "Progress",
    "Repository",
    "Snapshot",
    "StoredFile",
]
