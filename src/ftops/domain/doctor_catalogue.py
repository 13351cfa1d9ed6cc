"""The catalogue of the doctor's checks: what each asks, how that is found out, and what mends it.

Owns these words; ``docs/doctor.md`` shows the same, held to it by a test.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ftops.domain.diagnosis import Check, Group


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One check, in words for people."""

    group: Group
    asks: str
    how: str
    mend: str


def _entry(group: Group, asks: str, how: str, mend: str) -> Entry:
    return Entry(group=group, asks=asks, how=how, mend=mend)


CATALOGUE: Final = MappingProxyType(
    {
        Check.PROJECT_FILE: _entry(
            Group.PROJECT,
            "Is `ftops.yaml` valid?",
            "read as every command reads it",
            "`ftops validate` names each problem",
        ),
        Check.MANIFESTS: _entry(
            Group.PROJECT,
            "Are there manifests, all valid?",
            "read as `validate` does",
            "`ftops validate`; `ftops init` writes one",
        ),
        Check.DATA_FILES: _entry(
            Group.PROJECT,
            "Are the data files there, and data?",
            "their first bytes; `validate` reads the rest",
            "`git lfs pull --include=FILE`",
        ),
        Check.BACKEND_CHOICE: _entry(
            Group.PROJECT,
            "Does `--backend` or `FTOPS_BACKEND` redirect, and where?",
            "the environment and the project's backends",
            "`unset FTOPS_BACKEND`, or another name",
        ),
        Check.PRICES: _entry(
            Group.PROJECT,
            "With a budget: is every price known?",
            "the price table, and prices that the project states",
            "`spec.backends.NAME.price`, or `--allow unknown-cost`",
        ),
        Check.GIT: _entry(Group.GIT, "Is git there, and new enough?", "`git --version`", "install git 2.30 or newer"),
        Check.REPOSITORY: _entry(
            Group.GIT,
            "Is this a repository that git works in?",
            "as every command finds it",
            "`git init`, or what git asks for",
        ),
        Check.IDENTITY: _entry(
            Group.GIT,
            "Does git know who commits?",
            "`git config user.name`, `user.email`",
            "`git config --global user.name …`",
        ),
        Check.HISTORY: _entry(
            Group.GIT,
            "Is the clone shallow?",
            "git's file `shallow`",
            "`git fetch --unshallow`; in CI `fetch-depth: 0`",
        ),
        Check.CHECKOUT: _entry(
            Group.GIT, "Is a branch with a commit checked out?", "`HEAD`", "`git switch main`, a first commit"
        ),
        Check.WORK_TREE: _entry(
            Group.GIT,
            "Is everything committed that a shared ledger would record?",
            "`git status`",
            "`git commit`, `git stash -u`",
        ),
        Check.IGNORED: _entry(
            Group.GIT, "Does git ignore `.ftops`?", "`git check-ignore`, `git ls-files`", "`echo .ftops/ >> .gitignore`"
        ),
        Check.REMOTE: _entry(
            Group.GIT,
            "Is the ledger's remote configured, and does it answer?",
            "`git ls-remote`, bounded in time",
            "`git remote add`, the network, git's login",
        ),
        Check.PUSH: _entry(
            Group.GIT,
            "May you push the ledger's branch?",
            "`git push --dry-run` of that very ref: the host checks the login, but neither hooks nor rules",
            "grant `contents: write`",
        ),
        Check.LEDGER_PROTECTION: _entry(
            Group.GIT,
            "Is the ledger's branch safe from being rewritten, and open for plain pushes?",
            "GitHub's API, with `GITHUB_TOKEN` alone",
            "a ruleset that blocks force pushes and deletion, and nothing else",
        ),
        Check.MAIN_PROTECTION: _entry(
            Group.GIT,
            "Is the default branch protected?",
            "GitHub's API, with `GITHUB_TOKEN` alone",
            "a ruleset that requires pull requests",
        ),
        Check.WORKFLOWS: _entry(
            Group.GIT,
            "Can the workflows that run ftops do so, and safely?",
            "permissions and triggers in `.github/workflows`",
            "`permissions: {contents: write}`, `on: pull_request`",
        ),
        Check.CI_TOKEN: _entry(
            Group.GIT, "In a CI run: may `GITHUB_TOKEN` push?", "GitHub's API", "`permissions: {contents: write}`"
        ),
        Check.LEDGER: _entry(
            Group.LEDGER,
            "Can the ledger be read, and does it still hold what was seen?",
            "fetched into this clone's copy, as `plan` does, and read file by file",
            "what the finding says; `ftops ledger verify`",
        ),
        Check.LEDGER_NAME: _entry(
            Group.LEDGER,
            "Is it about this project?",
            "the folders of the branch",
            "`metadata.name` in `ftops.yaml`; `ftops forget NAME`",
        ),
        Check.APPLIED: _entry(
            Group.LEDGER,
            "Is the commit applied last part of this history?",
            "`git merge-base`",
            "`git pull`, `--allow diverged`",
        ),
        Check.INTENTS: _entry(
            Group.LEDGER,
            "Did a run leave a claim behind, more than an hour ago?",
            "open intents without a job",
            "`ftops apply --continue`",
        ),
        Check.TRAINING: _entry(
            Group.LEDGER,
            "Has a backend said that this organisation may train no more?",
            "`training_not_available`, as the ledger recorded it",
            "`ftops retry NAME` asks again; another backend",
        ),
        Check.BUDGET: _entry(
            Group.LEDGER,
            "Is the month's budget spent, or 80 % of it?",
            "what the ledger shows as spent",
            "`spec.budget` in `ftops.yaml`",
        ),
        Check.PENDING: _entry(
            Group.LEDGER,
            "Does something paid for wait to be recorded?",
            "files in `.ftops/pending`",
            "`ftops apply --continue`; `ftops ledger verify`",
        ),
        Check.KEY: _entry(
            Group.BACKEND,
            "Is there a key, of the shape of one?",
            "the environment; the key is never shown",
            "`export OPENAI_API_KEY=…`",
        ),
        Check.ADDRESS: _entry(
            Group.BACKEND,
            "Is the address fit, trusted, and the one you think?",
            "`base_url`, `OPENAI_BASE_URL`, `FTOPS_TRUSTED_BACKENDS`",
            "https, `export FTOPS_TRUSTED_BACKENDS=…`, `unset OPENAI_BASE_URL`",
        ),
        Check.CONNECTION: _entry(
            Group.BACKEND,
            "Does it answer?",
            "one request without a key: name, port, certificate, proxy",
            "what stopped it: DNS, the server, `SSL_CERT_FILE`, proxy variables",
        ),
        Check.ACCESS: _entry(Group.BACKEND, "Is the key accepted?", "the list of models", "another key"),
        Check.READING: _entry(
            Group.BACKEND,
            "May the key read jobs?",
            "the list of this project's jobs",
            "a key that may read fine-tuning",
        ),
        Check.WRITING: _entry(
            Group.BACKEND,
            "May the key write?",
            "cancels a job and deletes a file that don't exist: a key that may gets 404, one that may not 403",
            "a key that may write files and fine-tuning",
        ),
        Check.ORGANISATION: _entry(
            Group.BACKEND,
            "Is the key of the ledger's organisation and project?",
            "the organisation of the jobs it sees, and whether it sees any",
            "a key of that organisation",
        ),
        Check.BASE_MODELS: _entry(
            Group.BACKEND,
            "Are the base models there for long enough?",
            "the list of models with their `shutdown_date`, and `min_days_to_shutdown`",
            "another `base_model`",
        ),
        Check.EMBEDDED_SERVER: _entry(
            Group.BACKEND,
            "Can the embedded server work, or does an old one?",
            "its packages, and its file `server.json`; none is started",
            "`pip install --upgrade ftops`; let an old one end",
        ),
        Check.CLOCK: _entry(
            Group.MACHINE,
            "Is this machine's clock right to a minute?",
            "the `Date` that backend and git host answer with",
            "`timedatectl set-ntp true`",
        ),
        Check.PYTHON: _entry(Group.MACHINE, "Is Python new enough?", "the running one", "Python 3.11 or newer"),
        Check.PACKAGES: _entry(
            Group.MACHINE,
            "Are the packages that ftops needs there, new enough and final?",
            "what is installed, beside what ftops asks for",
            "`pip install --upgrade ftops`",
        ),
        Check.VERSIONS: _entry(
            Group.MACHINE,
            "Is this ftops the one that CI installs?",
            "`ftops==` in files of CI and requirements, and what our action is told to install",
            "`pip install ftops==…`",
        ),
        Check.DISK: _entry(
            Group.MACHINE,
            "Can `.ftops` be written, with a GiB to spare?",
            "permissions and free space; nothing is written",
            "`chown`, `rm -r .ftops/cache`",
        ),
        Check.LEFTOVERS: _entry(
            Group.MACHINE,
            "Did killed processes leave files behind?",
            "unfinished files in `.ftops` older than an hour",
            "`rm`",
        ),
        Check.SANDBOX: _entry(
            Group.MACHINE,
            "Can python graders be isolated here?",
            "one process behind walls, where a manifest has such a grader",
            "Linux with user namespaces",
        ),
        Check.TERMINAL: _entry(Group.MACHINE, "Is standard output UTF-8?", "its encoding", "`export PYTHONUTF8=1`"),
    }
)


def group_of(check: Check) -> Group:
    """Gives the group that a check is shown in."""
    return CATALOGUE[check].group


def catalogue_table() -> str:
    """Gives the catalogue as a Markdown table, in the order of the groups."""
    lines = ["| check | asks | how it is found out | the mend |", "|---|---|---|---|"]
    for group in Group:
        lines += [
            f"| **{group.value}** `{check.value}` | {entry.asks} | {entry.how} | {entry.mend} |"
            for check, entry in CATALOGUE.items()
            if entry.group is group
        ]
    return "\n".join(lines) + "\n"
