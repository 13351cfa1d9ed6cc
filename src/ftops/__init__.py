"""ftops manages fine-tuned OpenAI models the GitOps way.

The Python API: everything in ``__all__`` keeps its meaning within a major version. It is loaded when it is first used, so that
importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

from ftops.version import __version__

if TYPE_CHECKING:
    from ftops.api import Action, Dataset, FineTune, Plan, Project, Resolved, load_project, plan, resolve
    from ftops.errors import FtopsError, Invalid, LedgerError, MissingKey, Problem, Refused, Unauthorized, UsageProblem

__all__ = [
    "Action",
    "Dataset",
    "FineTune",
    "FtopsError",
    "Invalid",
    "LedgerError",
    "MissingKey",
    "Plan",
    "Problem",
    "Project",
    "Refused",
    "Resolved",
    "Unauthorized",
    "UsageProblem",
    "__version__",
    "load_project",
    "plan",
    "resolve",
]

_ERRORS = frozenset(
    ("FtopsError", "Invalid", "LedgerError", "MissingKey", "Problem", "Refused", "Unauthorized", "UsageProblem")
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ftops' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module("ftops.errors" if name in _ERRORS else "ftops.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
