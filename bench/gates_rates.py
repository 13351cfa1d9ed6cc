"""What ``gates.py`` finds, and how it is shown: false passes and power by table and number of items, and what is demanded."""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_IN_A_CELL, MOST_ON_AVERAGE = 0.035, 0.025


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """How often a cell passed: falsely at the threshold, and rightly where the model is better (None where not measured)."""

    table: str
    kind: str
    n: int
    true: float
    false: float
    power: float | None = None


def print_rates(rates: list[Rate]) -> bool:
    """Prints false passes and power, a line for each table, and says whether every demand is met."""
    sizes = sorted({rate.n for rate in rates})
    tables = list(dict.fromkeys(rate.table for rate in rates))
    heads = "".join(f" {n:,} |" for n in sizes)
    print(f"| false passes | cells | mean | worst of all |{heads}")
    print("|---|---|---|---|" + "---|" * len(sizes))
    is_met = True
    for table in tables:
        mine = [rate for rate in rates if rate.table == table]
        worst = max(mine, key=lambda rate: rate.false)
        mean = sum(rate.false for rate in mine) / len(mine)
        cells = "".join(f" {_most(rate.false for rate in mine if rate.n == n)} |" for n in sizes)
        print(f"| {table} | {len(mine)} | {mean:.2%} | {worst.false:.2%} ({worst.kind}, {worst.true:g}) |{cells}")
        is_met &= worst.false <= MOST_IN_A_CELL and mean <= MOST_ON_AVERAGE
    print(f"\n| power |{heads}\n|---|" + "---|" * len(sizes))
    for table in tables:
        mine = [rate for rate in rates if rate.table == table and rate.power is not None]
        cells = "".join(f" {_range(rate.power for rate in mine if rate.n == n)} |" for n in sizes)
        print(f"| {table} |{cells}")
    return is_met


def _most(shares: Iterable[float]) -> str:
    return "".join(f"{share:.1%}" for share in sorted(shares)[-1:])


def _range(shares: Iterable[float | None]) -> str:
    known = sorted(share for share in shares if share is not None)
    return " – ".join(f"{share:.0%}" for share in sorted({*known[:1], *known[-1:]}))
