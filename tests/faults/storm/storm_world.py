"""The world of a script: backends, a shared ledger, clones, a history of commits, and what people do to them.

Owns the places and what happens to them. What is judged as it happens is ``storm_witness``', how a run goes ``storm_runs``'.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from storm_backend import RUNNING, StormBackend
from storm_ledger import Folder, MemoryRemote
from storm_manifests import COST_USD, Files, Manifests
from storm_script import Drift, Script, Spec, Tamper
from storm_time import VirtualTime
from storm_wire import Sky
from storm_witness import PROJECT, Node, Witness

from apply_world import BASE_MODEL, OTHER, answer_well
from fakes import FakeOutputs
from ftops.domain.attempts import JobStatus

PAID = ("openai", "other")


@dataclass
class Clone:
    """A clone on a host of its own. Its rehearsals are its own too."""

    number: int
    folder: Folder
    twin: StormBackend
    rehearsals: Folder
    is_lonely: bool
    outputs: FakeOutputs = field(default_factory=FakeOutputs)


class StormWorld(Witness):
    """Everything but the runs."""

    def __init__(self, script: Script) -> None:
        budget = None if script.budget_jobs is None else script.budget_jobs * COST_USD
        super().__init__(VirtualTime(), Manifests(Files(), budget))
        self.script = script
        self.sky = Sky(self.time, self.struck)
        self.counts: Counter[str] = Counter()
        self.remote = self._branch()
        self.backends = {"openai": self._backend("https://openai.invalid/v1"), "other": self._backend(OTHER.base_url)}
        self.clones = [self._clone(n) for n in range(script.clones + script.lonely)]
        self.newest: Node | None = None
        self.dead: set[str] = set()
        self.texts: list[str] = []
        self.trace: list[str] = []
        self.calls = 0

    def unique(self, what: str) -> int:
        self.counts[what] += 1
        return self.counts[what]

    # The places.

    def _backend(self, base_url: str | None, *, is_twin: bool = False) -> StormBackend:
        backend = StormBackend(
            clock=self.time,
            stage_seconds=2.0 if is_twin else self.script.stage_seconds,
            answer=answer_well,
            base_url=base_url or "",
            lag=0.0 if is_twin else self.script.lag,
            ignores_filter=self.script.ignores_filter,
        )
        # Ids that tell backends apart.
        backend.world.ids = itertools.count(1000 * self.unique("backends") + 1)
        backend.is_twin = is_twin
        backend.on_create = lambda job: self.note_post(backend, job)
        backend.on_delete_model = self.note_deletion
        return backend

    def _branch(self) -> MemoryRemote:
        branch = MemoryRemote()
        branch.on_write = lambda commit: self.note_write(branch, commit)
        return branch

    def _clone(self, number: int) -> Clone:
        is_lonely = number >= self.script.clones
        return Clone(
            number=number,
            folder=Folder(self._branch(), is_local=True) if is_lonely else Folder(self.remote),
            twin=self._backend("http://127.0.0.1:1/v1", is_twin=True),
            rehearsals=Folder(self._branch(), is_local=True, is_rehearsal=True),
            is_lonely=is_lonely,
        )

    @property
    def folders(self) -> list[Folder]:
        """Every ledger there is, once."""
        shared = [c.folder for c in self.clones if not c.is_lonely][:1]
        return [*shared, *(c.folder for c in self.clones if c.is_lonely), *(c.rehearsals for c in self.clones)]

    def all_backends(self) -> list[tuple[str, StormBackend]]:
        return [*self.backends.items(), *((f"twin of {c.number}", c.twin) for c in self.clones)]

    # History.

    def commit(self, manifests: Mapping[str, Spec]) -> Node:
        """A commit that contains all that were made before, forks too: somebody merged them."""
        self.manifests.note(manifests)
        self.newest = self._node(manifests, frozenset(node.name for node in self.nodes))
        return self.newest

    def fork(self, of: Node) -> Node:
        """A commit on a side branch."""
        return self._node(of.manifests, of.contains | {of.name})

    def _node(self, manifests: Mapping[str, Spec], contains: frozenset[str]) -> Node:
        node = Node(f"{len(self.nodes) + 1:040x}", dict(manifests), contains)
        self.nodes.append(node)
        return node

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        known = {node.name: node for node in self.nodes}
        if older not in known or newer not in known:
            return None
        return older == newer or older in known[newer].contains

    # What people do.

    def drift(self, step: Drift) -> None:
        if step.after:
            self.time.after(step.after, lambda: self._drift(step))
        else:
            self._drift(step)

    def _drift(self, step: Drift) -> None:
        backend = self.backends[step.backend]
        if step.what in {"block", "unblock"}:
            backend.is_training_blocked = step.what == "block"
        elif step.what == "lose model":
            self.lost_models.update(filter(None, [backend.lose_model(step.nth)]))
        elif step.what == "lose file":
            backend.lose_file(step.nth)
        elif step.what in {"of another project", "of another ledger", "by hand", "by hand, without a ledger"}:
            self._make_by_hand(backend, step)
        else:
            wanted = (JobStatus.PAUSED,) if step.what == "resume" else RUNNING
            jobs = backend.entries(*wanted)
            if not jobs:
                return
            entry = jobs[step.nth % len(jobs)]
            match step.what:
                case "cancel":
                    backend.end(entry, JobStatus.CANCELLED)
                case "fail":
                    backend.end(entry, JobStatus.FAILED, "invalid_training_file")
                case "fail for a moment":
                    backend.end(entry, JobStatus.FAILED, "server_error")
                case "pause":
                    backend.pause(entry)
                case "resume":
                    backend.resume(entry)
                case _:
                    raise AssertionError(step.what)
        self.struck[f"drift: {step.what}"] += 1

    def _make_by_hand(self, backend: StormBackend, step: Drift) -> None:
        """A job with metadata like one of ours; of a declared revision where there is one."""
        if self.newest is None or not self.newest.manifests:
            return
        names = sorted(self.newest.manifests)
        name = names[step.nth % len(names)]
        metadata = {
            "ftops_project": "beta" if step.what == "of another project" else PROJECT,
            "ftops_name": name,
            "ftops_revision": self.manifests.revision(self.newest.manifests[name]),
            "ftops_attempt": "1",
            "ftops_intent": "byhand",
        }
        project = self.remote.state(self.remote.tip, PROJECT).project
        if step.what == "by hand" and project is not None:
            metadata["ftops_ledger"] = project.ledger_id
        elif step.what in {"of another ledger", "of another project"}:
            metadata["ftops_ledger"] = "somebodys"
        backend.make_by_hand(metadata, {"model": BASE_MODEL, "training_file": "", "suffix": name})

    def tamper(self, step: Tamper) -> None:
        """The branch is deleted or set back. Nobody does so while a job is so new that lists don't show it yet."""
        if self.remote.tip is None:
            return
        self.time.sleep(self.script.lag + 1)
        names = [name for name, _ in self.remote.history(self.remote.tip)]
        if step.what == "delete" or step.nth >= len(names):
            self.remote.tip = None
            self.struck["ledger deleted"] += 1
        else:
            self.remote.tip = names[step.nth]
            self.struck["ledger set back"] += 1
        self.tampered_at = self.time.monotonic()
