"""What the commands share: groups that answer in sentences, and options that mean the same everywhere."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import click

from bst_cli.trouble import Trouble

DEFAULT_PORT = 4000
DEFAULT_FOLDER = Path(".bst")

Command = TypeVar("Command", bound=Callable[..., Any])


class Group(click.Group):
    """Commands in the order of the help, and troubles as sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            click.echo(f"bst: {trouble.what}", err=True)
            if trouble.cure:
                click.echo(f"     {trouble.cure}", err=True)
            ctx.exit(1)


class LazyGroup(Group):
    """Some of its commands live in modules, as ``command``, that are imported when one is asked for."""

    def __init__(self, modules: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self._modules]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = self._modules.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(module).command
        return command


def env_file_option(command: Command) -> Command:
    """``--env-file``: what the environment says already stays."""
    return click.option(
        "--env-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=_load_env_file,
        expose_value=False,
        is_eager=True,
        help="Read settings from this file, too; the environment wins.",
    )(command)


def _load_env_file(_ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{path} is not UTF-8") from error
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise click.BadParameter(f"{path}, line {number}: NAME=value expected")
        os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: PORT, else 4000]"
)
queue_option = click.option(
    "--queue",
    type=click.Choice(["auto", "redis", "postgres"]),
    default="auto",
    show_default=True,
    help="What the queue runs on.",
)
reason_option = click.option("--reason", default="unspecified", show_default=True, help="Why; for the audit trail.")
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Of a running bst up, where OPS_DB_URL is not set.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")


def change_options(command: Command) -> Command:
    """What every audited change takes: why, of which ``bst up``, and how it is told."""
    return reason_option(data_dir_option(json_option(env_file_option(command))))


def say(text: str) -> None:
    """What a person may want to know while it goes on; standard output is for results."""
    click.echo(f"· {text}", err=True)


def wanted_port(port: int | None) -> int:
    """The option, else PORT, else 4000. Raises a usage error for a PORT that is none."""
    if port is not None:
        return port
    text = os.environ.get("PORT", "").strip() or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise click.UsageError(f"PORT={text} is no port: set it to a whole number from 1 to 65535, or give --port")
    return int(text)


def api_options(command: Command) -> Command:
    """``--url`` and ``--data-dir``: which API."""
    folder = click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        default=DEFAULT_FOLDER,
        show_default=True,
        help="Of a running bst up.",
    )
    url = click.option("--url", help="The API.  [default: CORE_API_BASE_URL, else the bst up of --data-dir]")
    return url(folder(command))
