"""Makes a script out of a seed: the same script for the same seed, whatever was made before it.

Owns how often what happens. Incidents name an operation, so that most of them strike where the protocol has something to lose.
"""

import random
from dataclasses import dataclass, field, replace

from storm_script import Ask, Commit, Drift, Incident, Run, Script, Spec, Step, Tamper, Together, Wait, Weather

NAMES = ("ada", "bob", "cyd", "dan", "eve")
BACKENDS = ("openai", "openai", "openai", "other", "twin")
# What a call may meet, by operation: (how often, operation, what).
KILLS = ("kill before", "kill after", "kill in flight")
PLAIN = ("drop", "refuse", "429", "500", "503", "401", "403", "cut")
LOST = ("lost", "lost 500", "lost cut", "late")
PLACES = (
    (14, "training.create", (*KILLS, *KILLS, *LOST, *LOST, *PLAIN, "stall", "stall", "stall")),
    (4, "ledger.push", (*KILLS, "drop", "lost", "lost", "late", "forbidden", "stall", "stall after", "suspend after")),
    (2, "ledger.fetch", ("kill before", "drop", "forbidden", "stall")),
    (2, "ledger.keep", ("kill before", "kill after", "stall")),
    (3, "training.cancel", (*KILLS, *LOST, *PLAIN, "stall")),
    (2, "files.upload", ("kill before", "kill after", "lost", *PLAIN, "stall")),
    (2, "models.delete", (*KILLS, *LOST, *PLAIN, "stall")),
    (1, "files.delete", (*KILLS, *LOST, *PLAIN, "stall")),
    (1, "files.find", ("kill after", *PLAIN)),
    (3, "jobs.list_jobs", ("kill after", *PLAIN, "stall")),
    (2, "jobs.retrieve", ("kill before", *PLAIN)),
    (1, "jobs.checkpoints", PLAIN),
    (1, "models.list_models", PLAIN),
    (1, "chat.complete", ("kill before", *PLAIN)),
    (3, "*", ("kill before", "kill after", "interrupt", "interrupt", "stall")),
)
DRIFTS = (
    "cancel", "cancel", "fail", "fail", "fail for a moment", "fail for a moment", "fail for a moment", "pause", "pause",
    "resume", "resume", "lose model", "lose file",
    "block", "unblock", "unblock", "by hand", "by hand, without a ledger", "of another project",
)  # fmt: skip
SPELLS = {
    "openai": ("drop", "429", "503", "401", "refuse"),
    "other": ("drop", "429", "503", "401", "refuse"),
    "remote": ("drop", "drop", "forbidden"),
}


def script_of(seed: int) -> Script:
    """Gives the script of a seed."""
    return _Writer(seed, random.Random(f"storm {seed}")).script()


@dataclass
class _Writer:
    seed: int
    dice: random.Random
    manifests: dict[str, Spec] = field(default_factory=dict)
    former: dict[str, list[Spec]] = field(default_factory=dict)
    names: int = 0
    steps: list[Step] = field(default_factory=list)

    def script(self) -> Script:
        lonely = self._chance(0.06)
        script = Script(
            seed=self.seed,
            lag=self.dice.choice((0.0, 0.0, 2.0, 10.0, 30.0)),
            stage_seconds=self.dice.choice((3.0, 10.0, 40.0, 120.0, 400.0)),
            clones=self.dice.choice((1, 2, 2, 3)),
            lonely=1 if lonely else 0,
            ignores_filter=self._chance(0.2),
            prune=self._chance(0.3),
            budget_jobs=self.dice.choice((1, 3)) if self._chance(0.08) else None,
        )
        for _ in range(self.dice.choice((1, 1, 2, 3, 5))):
            self._declare_another()
        self._commit()
        for _ in range(self.dice.randint(2, 7)):
            self._step(script)
        return replace(script, steps=tuple(self.steps))

    def _chance(self, part: float) -> bool:
        return self.dice.random() < part

    def _step(self, script: Script) -> None:
        clones = script.clones + script.lonely
        match self.dice.choices(
            (
                "run",
                "together",
                "edit",
                "drift",
                "weather",
                "wait",
                "tamper",
                "strangers",
                "sleeper",
                "supersede",
                "ask",
            ),
            (16, 16, 14, 20, 6, 4, 2, 0.4, 12, 14, 7),
        )[0]:
            case "run":
                self.steps.append(self._run(clones))
            case "together":
                count = self.dice.choice((2, 2, 2, 3, 4))
                starts = [0.0, *(self.dice.choice((0.0, 0.0, 0.5, 5.0, 60.0, 170.0)) for _ in range(count - 1))]
                runs = tuple(replace(self._run(clones), starts_after=after) for after in starts)
                self.steps.append(Together(runs=runs))
            case "edit":
                self._edit()
                self._commit()
                if self._chance(0.7):
                    self.steps.append(self._run(clones))
            case "drift":
                self.steps.append(self._drift(self.dice.choice(DRIFTS)))
            case "weather":
                place = self.dice.choice(sorted(SPELLS))
                what = self.dice.choice(SPELLS[place])
                self.steps.append(Weather(place=place, what=what, seconds=self.dice.choice((3.0, 20.0, 100.0, 600.0))))
            case "wait":
                self.steps.append(Wait(seconds=self.dice.choice((5.0, 60.0, 700.0))))
            case "tamper":
                what = self.dice.choice(("delete", "roll back", "roll back"))
                self.steps.append(Tamper(what=what, nth=self.dice.choice((1, 2, 5, 9))))
            case "strangers":
                self.steps.append(self._drift("of another ledger"))
            case "sleeper":
                self._sleeper(clones)
            case "ask":
                what = self.dice.choice(("retry", "retry", "cancel", "forget"))
                self.steps.append(Ask(what=what, nth=self.dice.randrange(5), clone=self.dice.randrange(clones)))
            case _:
                self._supersede(clones)

    def _sleeper(self, clones: int) -> None:
        """Something new has to be trained; one run falls asleep between its claim and its POST, others come along."""
        self._retrain()
        seconds = self.dice.choice((55.0, 200.0, 400.0))
        if self._chance(0.6):
            asleep = Incident(on="training.create", what=self.dice.choice(("stall", "suspend")), seconds=seconds)
        else:  # right behind the claim, as it happens
            what, nth = self.dice.choice(("stall after", "suspend after")), self.dice.randint(1, 4)
            asleep = Incident(on="ledger.push", what=what, nth=nth, seconds=seconds)
        others = tuple(
            replace(self._run(clones), starts_after=self.dice.choice((0.5, 5.0, 20.0)))
            for _ in range(self.dice.choice((1, 1, 2)))
        )
        sleeper = Run(clone=self.dice.randrange(clones), incidents=(asleep, *self._incidents(0, 0, 1)))
        self.steps.append(Together(runs=(sleeper, *others)))

    def _supersede(self, clones: int) -> None:
        """A job is begun and no longer wanted, while whoever cancels it meets something."""
        self._retrain()
        begun = Run(clone=self.dice.randrange(clones), mode="no-wait", incidents=self._incidents(0, 0, 1))
        self.steps.append(begun)
        self._retrain(may_move=True)
        at = self.dice.choice(("training.cancel", "training.cancel", "ledger.push", "*"))
        what = self.dice.choice((*KILLS, *LOST, *PLAIN, "stall")) if at == "training.cancel" else "kill after"
        nth = self.dice.randint(1, 40) if at == "*" else self.dice.choice((1, 1, 2, 3))
        met = Incident(on=at, what=what, nth=nth, seconds=self.dice.choice((5.0, 20.0)))
        self.steps.append(replace(self._run(clones), incidents=(met,), behind=0, project="acme"))

    def _retrain(self, *, may_move: bool = False) -> None:
        """A commit with another revision of one fine-tune, or with another backend for it."""
        if not self.manifests:
            self._declare_another()
        name = self.dice.choice(sorted(self.manifests))
        spec = self.manifests[name]
        self.former.setdefault(name, []).append(spec)
        if may_move and self._chance(0.2):
            self.manifests[name] = replace(
                spec, backend="other" if spec.backend == "openai" else "openai", suspend=False
            )
        else:
            self.manifests[name] = replace(spec, seed=spec.seed % 6 + 1, suspend=False)
        self._commit()

    def _drift(self, what: str) -> Drift:
        return Drift(
            what=what,
            backend=self.dice.choice(("openai", "openai", "other")),
            nth=self.dice.randrange(4),
            after=self.dice.choice((0.0, 10.0, 30.0, 100.0, 300.0)),
        )

    # Runs.

    def _run(self, clones: int) -> Run:
        is_fork = self._chance(0.04)
        return Run(
            clone=self.dice.randrange(clones),
            project="beta" if self._chance(0.06) else "acme",
            behind=self.dice.choice((1, 2)) if self._chance(0.1) else 0,
            mode=self.dice.choices(("wait", "no-wait", "continue", "time-out", "prune"), (45, 25, 10, 15, 15))[0],
            is_fork=is_fork,
            allow=(("diverged",) if is_fork or self._chance(0.05) else ()) + self.dice.choice(((), ("mass-delete",))),
            incidents=self._incidents(0, 1, 1, 2, 3),
        )

    def _incidents(self, *numbers: int) -> tuple[Incident, ...]:
        return tuple(self._incident() for _ in range(self.dice.choice(numbers)))

    def _incident(self) -> Incident:
        weights = [often for often, _, _ in PLACES]
        _, on, whats = self.dice.choices(PLACES, weights)[0]
        what = self.dice.choice(whats)
        nth = self.dice.randint(1, 60) if on == "*" else self.dice.choice((1, 1, 1, 2, 2, 3, 5))
        match what:
            case "stall" | "stall after" | "suspend after":
                seconds = self.dice.choice((20.0, 55.0, 200.0, 200.0, 400.0))
            case "kill in flight" | "late":
                seconds = self.dice.choice((0.5, 5.0, 20.0))
            case _:
                seconds = 0.0
        return Incident(on=on, what=what, nth=nth, seconds=seconds)

    # Manifests.

    def _commit(self) -> None:
        self.steps.append(Commit(manifests=dict(self.manifests)))

    def _fresh_name(self) -> str:
        self.names += 1
        return f"{NAMES[(self.names - 1) % len(NAMES)]}{(self.names - 1) // len(NAMES) or ''}"

    def _declare_another(self) -> None:
        self.manifests[self._fresh_name()] = Spec(
            seed=self.dice.choice((1, 1, 2, 3)),
            data=self.dice.choice("ab"),
            backend=self.dice.choice(BACKENDS),
            gate=self.dice.choice(("easy", "easy", "hard", "none")),
            aliases=self.dice.choice(({"production": "latest"}, {"production": "latest", "staging": "latest"}, {})),
            on_superseded=self.dice.choice(("cancel", "cancel", "finish")),
            retries=self.dice.choice((0, 1, 1, 2)),
            protect=self._chance(0.1),
            keep=self.dice.choice((0, 0, 1, 3)),
            files=self.dice.choice(("keep", "delete")),
        )

    def _edit(self) -> None:
        if not self.manifests or (len(self.manifests) < 5 and self._chance(0.1)):
            self._declare_another()
            return
        name = self.dice.choice(sorted(self.manifests))
        spec = self.manifests[name]
        self.former.setdefault(name, []).append(spec)
        match self.dice.choices(
            ("seed", "data", "revert", "backend", "evals", "alias", "pin", "policy", "rename", "delete"),
            (30, 8, 14, 8, 8, 10, 10, 12, 8, 5),
        )[0]:
            case "seed":
                self.manifests[name] = replace(spec, seed=self.dice.randint(1, 6))
            case "data":
                self.manifests[name] = replace(spec, data="b" if spec.data == "a" else "a")
            case "revert":
                back = self.dice.choice(self.former[name])
                self.manifests[name] = replace(spec, seed=back.seed, data=back.data, backend=back.backend)
            case "backend":
                self.manifests[name] = replace(spec, backend=self.dice.choice(BACKENDS))
            case "evals":
                self.manifests[name] = replace(
                    spec, test=self.dice.randint(1, 3), gate=self.dice.choice(("easy", "hard", "none"))
                )
            case "alias":
                self.manifests[name] = replace(spec, aliases=self._aliases(spec))
            case "pin":
                back = self.dice.choice(self.former[name])
                pinned = {**spec.aliases, "production": f"{back.seed}/{back.data}"}
                self.manifests[name] = replace(spec, aliases=pinned)
            case "policy":
                self.manifests[name] = self._with_policy(spec)
            case "rename":
                new = self._fresh_name()
                del self.manifests[name]
                self.manifests[new] = replace(spec, moved_from=(*spec.moved_from, name))
                self.former[new] = self.former.pop(name)
            case _:
                if len(self.manifests) > 1:
                    del self.manifests[name]

    def _aliases(self, spec: Spec) -> dict[str, str]:
        aliases = dict(spec.aliases)
        alias = self.dice.choice(("production", "staging"))
        if alias in aliases:
            del aliases[alias]
        else:
            aliases[alias] = "latest"
        return aliases

    def _with_policy(self, spec: Spec) -> Spec:
        match self.dice.choice(("suspend", "override", "on_superseded", "protect", "retries")):
            case "suspend":
                return replace(spec, suspend=not spec.suspend)
            case "override":
                return replace(spec, override=not spec.override)
            case "on_superseded":
                return replace(spec, on_superseded="finish" if spec.on_superseded == "cancel" else "cancel")
            case "protect":
                return replace(spec, protect=not spec.protect)
            case _:
                return replace(spec, retries=self.dice.choice((0, 1, 2)))
