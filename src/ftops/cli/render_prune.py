"""What ``ftops prune`` shows before it asks: the deletions, and what is kept by which rule."""

from ftops.cli.render_text import plan_lines
from ftops.cli.style import paint, safe
from ftops.domain.plan import DeleteFile, DeleteModel, Plan


def render_pruning(plan: Plan, *, shows_kept: bool) -> str:
    """Gives the deletions and a last line; with ``shows_kept`` also a line for each model that stays."""
    lines = plan_lines(plan)
    if shows_kept and plan.kept:
        lines.append("Kept:")
        lines += [
            f"  {entry.fine_tune}  {safe(entry.model)} of revision {entry.revision} on {entry.backend}: {safe(entry.why)}"
            for entry in plan.kept
        ]
        lines.append("")
    return "\n".join([*lines, _summary(plan, shows_kept=shows_kept)])


def counted(plan: Plan) -> str:
    """Gives how many models and files a plan deletes; nothing where it deletes none."""
    counts = (plan.count(DeleteModel), "model"), (plan.count(DeleteFile), "file")
    return " and ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)


def _summary(plan: Plan, *, shows_kept: bool) -> str:
    count = len(plan.kept)
    hint = "" if shows_kept or not count else " (-v says by which rule)"
    kept = f"{count} model{'' if count == 1 else 's'} kept{hint}"
    return f"{paint('Prune:', bold=True)} {counted(plan) or 'nothing'} to delete, {kept}."
