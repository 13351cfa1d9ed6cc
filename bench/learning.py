"""Learning curves of the engine ``linear``: epochs, batch size, step and data size, by held-out measures.

Usage: python bench/learning.py [--svg FILE]

Banking77 (supervised, and reinforcement with the label's reward) and orca-dpo pairs are read from ../shared/data, or from the
folder that FTOPS_SHARED_DATA names. Each point is the mean of three seeds, which also choose the rows, with the least and
the greatest; whatever isn't named is ``auto``. No checkpoint is chosen by these measures: each run's last step counts.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from learning_tasks import Run, Task, banking77, data_folder, mean_reward, orca, rewarded, share_shorter, train
from line_charts import Chart, Line, draw

SEEDS = (1, 2, 3)
BANKING_ROWS = 2_000
"""For the curves that aren't over the number of rows."""
FEW_ROWS = 400
"""What the parent of one of the two runs of reinforcement has seen."""

LABELS = 77
TUNED = f"parent: SFT on {FEW_ROWS} rows"
MEASURES = ("accuracy", "loss", "reward")

TITLE = "Engine linear: held-out measures after training, by what was varied"
NOTES = (
    "SFT and reinforcement: Banking77, 77 labels, measured on 3,080 held-out messages; 2,000 training rows but where varied.",
    "DPO: orca-dpo, measured on 84 held-out pairs; 200 training pairs but where varied. Reinforcement over steps: all 10,003.",
    "Lines: means of the seeds 1, 2 and 3; bands: the least to the greatest. All else is auto. Drawn by bench/learning.py.",
)

Setting = tuple[float, Mapping[str, float | str], int | None]
"""Where on the axis, with which hyperparameters, from how many rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """One thing varied, everything else left alone."""

    name: str
    ticks: Sequence[float]
    settings: Sequence[Setting]


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """A sweep, done: at each place of the axis the runs of all seeds."""

    sweep: Sweep
    runs: Sequence[Sequence[Run]]


def main() -> int:
    """Trains everything, prints a table, draws the picture if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the curves")
    target = parser.parse_args().svg
    if not (data_folder() / "banking77" / "train.csv").is_file():
        print(f"{data_folder()} doesn't hold the data: set FTOPS_SHARED_DATA", file=sys.stderr)
        return 2
    began = time.monotonic()
    charts = [*measure_labels(), *measure_pairs(), measure_rewards()]
    if target is not None:
        target.write_text(draw(TITLE, NOTES, charts, width=980, height=190), encoding="utf-8")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


def measure_labels() -> Sequence[Sequence[Chart]]:
    """Supervised fine-tuning on Banking77."""
    swept = [sweep_over(banking77, sweep) for sweep in sweeps((100, 300, 1_000, 3_000, 10_003), BANKING_ROWS)]
    return (
        [chart(one, "full_valid_accuracy", "SFT: held-out accuracy", (0, 0.25, 0.5, 0.75, 1)) for one in swept],
        [chart(one, "full_valid_loss", "SFT: held-out loss, nats", (0, 2, 4, 6)) for one in swept],
    )


def measure_pairs() -> Sequence[Sequence[Chart]]:
    """DPO on orca-dpo pairs, beside a rule that learns nothing."""
    swept = [sweep_over(orca, sweep) for sweep in sweeps((12, 25, 50, 100, 200), None)]
    shorter = [share_shorter(orca(seed, None).held_out) for seed in SEEDS]
    print(f"dpo: always the shorter reply: held-out accuracy {summary(shorter)}", flush=True)
    level = (fmean(shorter), "always the shorter reply")
    return (
        [chart(one, "full_valid_accuracy", "DPO: held-out accuracy", (0.7, 0.8, 0.9, 1), level) for one in swept],
        [chart(one, "full_valid_loss", "DPO: held-out loss, nats", (0, 0.2, 0.4, 0.6)) for one in swept],
    )


def measure_rewards() -> Sequence[Chart]:
    """Reinforcement on Banking77: over the steps of a run, with a parent and without, and over the number of rows."""
    fresh = [rewarded(banking77(seed)) for seed in SEEDS]
    parents = [train(banking77(seed, FEW_ROWS), seed, {}).weights for seed in SEEDS]
    tuned = [rewarded(banking77(seed), parent) for seed, parent in zip(SEEDS, parents, strict=True)]
    lines = []
    for name, tasks in (("no parent", fresh), (TUNED, tuned)):
        starts = [mean_reward(task.parent, task.held_out) for task in tasks]
        runs = [train(task, seed, {}) for task, seed in zip(tasks, SEEDS, strict=True)]
        lines.append(course(name, starts, runs))
        after = [run.last.full_valid_reward or 0.0 for run in runs]
        print(f"reinforcement, {name}: held-out reward before {summary(starts)}, after {summary(after)}", flush=True)
    sizes = (300, 1_000, 3_000, 10_003)
    sweep = Sweep(name="training rows", ticks=sizes, settings=[(n, {}, n) for n in sizes])
    swept = sweep_over(lambda seed, n_rows: rewarded(banking77(seed, n_rows)), sweep)
    last = int(lines[0].points[-1][0])
    ticks = [last * quarter // 4 for quarter in range(5)]
    rewards = (0, 0.25, 0.5, 0.75, 1)
    title = "Reinforcement: held-out mean reward of answers drawn"
    return (
        Chart(
            title=title,
            x_label="steps, a quarter of them an epoch",
            lines=lines,
            y_ticks=rewards,
            x_ticks=ticks,
            is_log=False,
        ),
        chart(swept, "full_valid_reward", title, rewards, (1 / LABELS, "a label by chance")),
    )


def sweeps(sizes: Sequence[int], n_rows: int | None) -> Sequence[Sweep]:
    """The four things that are varied."""
    epochs, batches, steps = (1, 2, 4, 8), (1, 4, 16, 64), (0.01, 0.03, 0.1, 0.3, 1, 3, 10)
    # With an explicit multiplier: auto makes up for the size of the batch, and nothing would be seen.
    fixed = {"learning_rate_multiplier": 1}
    return (
        Sweep(name="n_epochs", ticks=epochs, settings=[(n, {"n_epochs": n}, n_rows) for n in epochs]),
        Sweep(
            name="batch_size, at learning_rate_multiplier 1",
            ticks=batches,
            settings=[(n, fixed | {"batch_size": n}, n_rows) for n in batches],
        ),
        Sweep(
            name="learning_rate_multiplier",
            ticks=(0.01, 0.1, 1, 10),
            settings=[(x, {"learning_rate_multiplier": x}, n_rows) for x in steps],
        ),
        Sweep(name="training rows", ticks=sizes, settings=[(n, {}, n) for n in sizes]),
    )


def sweep_over(task_of: Callable[[int, int | None], Task], sweep: Sweep) -> Swept:
    """Trains at every place of a sweep with every seed, and prints what came of it."""
    places = []
    for x, hyperparameters, n_rows in sweep.settings:
        tasks = [task_of(seed, n_rows) for seed in SEEDS]
        places.append([train(task, seed, hyperparameters) for task, seed in zip(tasks, SEEDS, strict=True)])
        named = {name: [getattr(run.last, f"full_valid_{name}") for run in places[-1]] for name in MEASURES}
        shown = ", ".join(f"{name} {summary(values)}" for name, values in named.items() if None not in values)
        print(f"{tasks[0].method}, {sweep.name} {x:g}: held-out {shown}", flush=True)
    return Swept(sweep=sweep, runs=places)


def chart(
    swept: Swept, measure: str, title: str, y_ticks: Sequence[float], level: tuple[float, str] | None = None
) -> Chart:
    """Draws a measure of the last step over a sweep."""
    points = [
        point(x, [getattr(run.last, measure) for run in runs])
        for (x, *_), runs in zip(swept.sweep.settings, swept.runs, strict=True)
    ]
    return Chart(
        title=title,
        x_label=swept.sweep.name,
        lines=[Line(name="", points=points)],
        y_ticks=y_ticks,
        x_ticks=swept.sweep.ticks,
        level=level,
    )


def course(name: str, starts: Sequence[float], runs: Sequence[Run]) -> Line:
    """Draws the held-out reward while a run goes on."""
    measured = [[one for one in run.metrics if one.full_valid_reward is not None] for run in runs]
    at_once = [
        point(ones[0].step, [one.full_valid_reward or 0.0 for one in ones]) for ones in zip(*measured, strict=True)
    ]
    return Line(name=name, points=[point(0, starts), *at_once])


def point(x: float, values: Sequence[float]) -> tuple[float, float, float, float]:
    """A place on a line."""
    return x, fmean(values), min(values), max(values)


def summary(values: Sequence[float]) -> str:
    """The mean, the least and the greatest."""
    return f"{fmean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


if __name__ == "__main__":
    sys.exit(main())
