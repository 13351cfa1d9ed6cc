"""Which inputs a model was trained on: from the ledger's digests, or, where an older one lacks them, from git.

Owns where that is looked for; what follows from it is ``measurements``'. It writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import msgspec

from ftops.datasets.formats import USE_OF
from ftops.datasets.inputs import input_digest
from ftops.datasets.reading import normal_lines, scan
from ftops.datasets.split import parse_part_name
from ftops.domain.manifest import BackendName, MethodType, ModelId
from ftops.domain.records import RevisionRecord
from ftops.ports import LedgerWriter, Repository

READ_BYTES: Final = 256_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedInputs:
    """Looks in the ledgers of a project, then in its repository; asks for nothing twice.

    Files of the repository are read where they have at most ``limit`` bytes.
    """

    ledgers: Mapping[BackendName, LedgerWriter]
    repository: Repository
    limit: int = READ_BYTES
    _known: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def __call__(self, train: str) -> frozenset[str] | None:
        """Gives the input digests of a training set, by its SHA-256; None where nobody knows them any more."""
        if train not in self._known:
            kept = (ledger.inputs(train) for ledger in self._distinct())
            found = next((digests for digests in kept if digests is not None), None)
            self._known[train] = self._from_git(train) if found is None else found
        return self._known[train]

    def training_set(self, backend: BackendName, model: ModelId) -> str | None:
        """Gives the SHA-256 of what a model was trained on that any fine-tune of these ledgers made; None of any other."""
        ledger = self.ledgers.get(backend)
        records = ledger.read_cached().state.fine_tunes.values() if ledger is not None else ()
        for record in records:
            revision = record.revision_of_model(backend, model)
            if revision is not None:
                return record.revisions[revision].train.sha256
        return None

    def _distinct(self) -> Iterable[LedgerWriter]:
        return {id(ledger): ledger for ledger in self.ledgers.values()}.values()

    def _from_git(self, train: str) -> frozenset[str] | None:
        """Reads a training set as it was at a commit that declared it, if that is what was trained on."""
        for trained in self._trained_on(train):
            derived = parse_part_name(trained.train.path)
            path, split = (derived[0], derived[1]) if derived else (trained.train.path, None)
            stream = self.repository.content(trained.commit, path, limit=self.limit) if trained.commit else ""
            if isinstance(stream, str):
                continue
            with stream:
                parts = scan(stream, path=path, use=USE_OF[_method_of(trained.spec)], split=split).parts
            for part in parts:
                if part.sha256 == train:
                    return part.input_digests
        return None

    def _trained_on(self, train: str) -> Iterator[RevisionRecord]:
        for ledger in self._distinct():
            for record in ledger.read_cached().state.fine_tunes.values():
                yield from (known for known in record.revisions.values() if known.train.sha256 == train)


def digests_of(stream: BinaryIO) -> frozenset[str]:
    """Gives the input digests of the rows of a dataset, which is read line by line; lines that are no rows have none."""
    found: set[str] = set()
    for line in normal_lines(stream):
        try:
            found.add(input_digest(msgspec.json.decode(line, type=dict[str, Any])))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return frozenset(found)


def _method_of(spec: Mapping[str, Any]) -> MethodType:
    """Gives the method that a snapshot names, the default where it names none that there is."""
    method = spec.get("method")
    try:
        return MethodType(str(method.get("type"))) if isinstance(method, Mapping) else MethodType.SUPERVISED
    except ValueError:
        return MethodType.SUPERVISED
