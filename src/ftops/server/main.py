"""The command ``serve``.

Owns the options and the words for everything that keeps a server from starting. Imports nothing heavy before it runs, and
nothing of ftops but the server.
"""

import contextlib
import datetime as dt
import importlib
import math
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.server.engines import DEFAULT_ENGINE, ENGINES, make_engine
from ftops.server.settings import DEFAULT_PROJECT, ProjectKey, Settings
from ftops.version import __version__

if TYPE_CHECKING:
    from ftops.server.app import Service
    from ftops.server.config_file import Config
    from ftops.server.engines.interface import Engine

_KEY_VARIABLE = "FTOPS_SERVE_KEY"
_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; any but loopback demands a key."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8400, show_default=True, help="0 takes a free one.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".ftops/embedded"),
    show_default=True,
    help="Where files, jobs and models are kept; made if it isn't there.",
)
@click.option(
    "--api-key-env",
    metavar="NAME",
    help=f"Environment variable with the bearer key that clients must send. Default: {_KEY_VARIABLE}, if it is set.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="YAML file with projects and their keys, rate limits and more; see docs/server.md.",
)
@click.option(
    "--org",
    metavar="ID",
    help="Organisation in jobs and model names; kept in the data folder. Default: made up once.",
)
@click.option(
    "--shutdown-date",
    "shutdown_dates",
    metavar="MODEL=DATE",
    multiple=True,
    help="Announce a shutdown date (YYYY-MM-DD) for a base model. Repeatable.",
)
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice(tuple(ENGINES)),
    default=DEFAULT_ENGINE,
    show_default=True,
    help="What trains and answers; a data folder stays with its first one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Jobs that train at the same time.",
)
@click.option(
    "--min-step-seconds",
    type=click.FloatRange(0, 3600),
    default=0.0,
    show_default=True,
    help="Pause after each training step, to rehearse long jobs.",
)
@click.option(
    "--faults",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="YAML file with rules of what is to go wrong, read again when it changes; see docs/faults.md.",
)
@click.option(
    "--until-idle",
    is_flag=True,
    help="End when no process registered in DATA/clients lives and no job or batch is unfinished.",
)
@click.option("-v", "--access-log", is_flag=True, help="Log each request to stderr: no bodies, no keys.")
def serve(
    *,
    host: str,
    port: int,
    data_dir: Path,
    api_key_env: str | None,
    config_file: Path | None,
    org: str | None,
    shutdown_dates: tuple[str, ...],
    engine_name: str,
    workers: int,
    min_step_seconds: float,
    faults: Path | None,
    until_idle: bool,
    access_log: bool,
) -> None:
    """Run the OpenAI-compatible server, which really trains.

    OpenAI's model names are stand-ins here: the engine chosen here answers to them.

    \b
    Examples:
      ftops serve
      ftops serve --port 0 --data-dir /tmp/served
    """
    _require_dependencies()
    from ftops.server.gate import is_loopback

    config = _config(api_key_env, config_file)
    settings = Settings(
        data_dir=data_dir,
        host=host,
        keys=config.keys,
        rate_limits=config.rate_limits,
        retention_days=config.retention_days,
        webhooks=config.webhooks,
        organization=_organization(org),
        shutdown_dates=dict(map(_shutdown_date, shutdown_dates)),
        workers=workers,
        min_step_seconds=_number(min_step_seconds),
        logs_access=access_log,
        faults=faults,
        is_loopback=is_loopback(host),
    )
    if not settings.keys and not settings.is_loopback:
        raise click.UsageError(
            f"{host} can be reached from other machines: set a key in {_KEY_VARIABLE}, name the variable that holds it "
            "with --api-key-env, or give projects and keys with --config"
        )
    _check_faults(faults)
    _serve(settings, make_engine(engine_name), port=port, until_idle=until_idle)


def _serve(settings: Settings, engine: "Engine", *, port: int, until_idle: bool) -> None:
    from ftops.server import folder, serving

    shown = click.format_filename(settings.data_dir)
    try:
        data_folder = folder.open_folder(settings.data_dir)
    except folder.FolderInUse as error:
        raise click.ClickException(f"another server works on {shown}: {error.owner}") from error
    except OSError as error:
        raise click.ClickException(f"can't use {shown} as data folder: {error.strerror}") from error
    try:
        try:
            listener = serving.listen(settings.host, port)
        except OSError as error:
            why = error.strerror or error
            raise click.ClickException(f"can't listen on {settings.host} port {port}: {why}") from error
        with listener:
            url = serving.url_of(listener)

            def announce(service: "Service") -> None:
                data_folder.announce(url=url, version=__version__, data_dir_id=service.data_dir_id)
                click.echo(
                    f"ftops serve: {url}/v1 · data in {shown} · OpenAI's model names are stand-ins, answered by the "
                    f"engine `{engine.name}`",
                    err=True,
                )

            with _storage_explained(shown):
                serving.run(
                    settings, engine, folder=data_folder, listener=listener, when_ready=announce, until_idle=until_idle
                )
    finally:
        data_folder.close()


@contextlib.contextmanager
def _storage_explained(shown: str) -> Iterator[None]:
    """Turns what opening raises into words; ``shown`` is the data folder."""
    import sqlite3

    from ftops.server.app import OtherEngine
    from ftops.server.faults.reading import FaultsInvalid
    from ftops.server.storage.database import LostDatabase, NewerData
    from ftops.server.storage.disk import is_database_damaged

    try:
        yield
    except FaultsInvalid as error:  # it was good a moment ago
        raise click.ClickException(f"--faults: {error}") from error
    except NewerData as error:
        raise click.ClickException(f"{error}; use a newer ftops, or another --data-dir") from error
    except OtherEngine as error:
        raise click.ClickException(
            f"the models in {shown} are the engine `{error.engine}`'s: serve them with --engine {error.engine}, or take "
            "another --data-dir"
        ) from error
    except LostDatabase as error:
        raise click.ClickException(
            f"{shown} holds content in blobs, but its database server.sqlite is missing or empty: put it back, or take "
            "another --data-dir, or move blobs away to begin anew"
        ) from error
    except sqlite3.DatabaseError as error:
        remedy = "; put a copy of the folder back" if is_database_damaged(error) else ""
        raise click.ClickException(f"can't open the database in {shown}: {error}{remedy}") from error
    except OSError as error:
        where = f" ({click.format_filename(error.filename)})" if error.filename else ""
        raise click.ClickException(f"can't use {shown} as data folder: {error.strerror or error}{where}") from error


def _require_dependencies() -> None:
    for name in ("numpy", "python_multipart", "starlette", "uvicorn"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise click.ClickException(
                f"the server needs {error.name}, which this installation lacks: pip install {error.name}"
            ) from error


def _config(variable: str | None, config_file: Path | None) -> "Config":
    """What the configuration file says, with the default project's key first."""
    from ftops.server.config_file import Config, ConfigInvalid, key_in, read_config

    try:
        key = key_in(variable or _KEY_VARIABLE, os.environ)
    except ConfigInvalid as error:
        raise click.UsageError(str(error)) from error
    if variable is not None and key is None:
        raise click.UsageError(f"--api-key-env: the environment variable {variable} is not set")
    try:
        config = Config() if config_file is None else read_config(config_file, os.environ)
    except ConfigInvalid as error:
        raise click.UsageError(f"--config {click.format_filename(config_file or '')}: {error}") from error
    if key is None:
        return config
    if any(each.key == key for each in config.keys):
        raise click.UsageError(f"the key in {variable or _KEY_VARIABLE} is a project's in the configuration file too")
    own = ProjectKey(project=DEFAULT_PROJECT, organization=None, key=key)
    return replace(config, keys=(own, *config.keys))


def _check_faults(file: Path | None) -> None:
    """Refuses a file that holds no faults before anything is made."""
    from ftops.server.faults import reading

    if file is None:
        return
    try:
        reading.parse(reading.load(file))
    except reading.FaultsInvalid as error:
        shown = click.format_filename(file)
        for problem in error.problems:
            click.echo(f"{shown}: {problem}", err=True)
        count = len(error.problems)
        raise click.UsageError(f"--faults {shown}: {count} problem{'s' * (count > 1)} found") from error


def _number(seconds: float) -> float:
    # click's range lets nan through, which no comparison excludes.
    if math.isnan(seconds):
        raise click.UsageError("--min-step-seconds: nan is no number of seconds")
    return seconds


def _organization(given: str | None) -> str | None:
    if given is not None and _ORGANIZATION.fullmatch(given) is None:
        raise click.UsageError("--org: letters, digits, hyphens and underscores, at most 40, such as org-acme")
    return given


def _shutdown_date(pair: str) -> tuple[str, str]:
    model, _, date = pair.rpartition("=")
    try:
        parsed = dt.date.fromisoformat(date)
    except ValueError:
        parsed = None
    if not model or parsed is None or parsed.isoformat() != date:
        raise click.UsageError(f"--shutdown-date {pair}: expected MODEL=YYYY-MM-DD")
    return model, date
