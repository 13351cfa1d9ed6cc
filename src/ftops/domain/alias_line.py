"""The way that led an alias to where it points: what a rollback goes back along, and what retention keeps for it."""

from ftops.domain.records import AliasRecord, Target


def line_before(alias: AliasRecord, backend: str) -> tuple[Target, ...]:
    """Gives the targets on one backend that led to the present one, oldest first, each revision once.

    Going back to a revision takes what came after it off the line: after A, B and A again there is nothing before A. Where
    the alias points elsewhere now, or nowhere, all of the line is before it.
    """
    line: dict[str, Target] = {}
    for target in (move.target for move in alias.history):
        if target is None or target.backend != backend:
            continue
        if target.revision in line:
            line = dict(list(line.items())[: list(line).index(target.revision)])
        line[target.revision] = target
    present = alias.target
    targets = tuple(line.values())
    return targets[:-1] if present is not None and present.backend == backend else targets
