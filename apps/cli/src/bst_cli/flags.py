"""``bst flags``: switches that are turned while everything runs."""

import json
from pathlib import Path
from typing import Any

import click

from bst_cli.options import Group, api_options, env_file_option, json_option


@click.group(cls=Group)
def flags() -> None:
    """Switches that are turned while everything runs."""


@flags.command("list")
@api_options
@json_option
@env_file_option
def list_flags(url: str | None, data_dir: Path, as_json: bool) -> None:
    """How the flags are, and who turned them."""
    from bst_cli.administering import administered

    found = administered(url, data_dir).call("GET", "/v1/flags")
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for flag in found:
        click.echo(_line(flag))


@flags.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--reason", required=True, help="Why; for the audit trail.")
@api_options
@json_option
@env_file_option
def set_flag(name: str, value: str, reason: str, url: str | None, data_dir: Path, as_json: bool) -> None:
    """Turn a flag; every process knows within five seconds, and after a restart."""
    from bst_cli.administering import administered

    path = f"/v1/flags/{name}"
    flag = administered(url, data_dir).call("PUT", path, {"value": value, "reason": reason})
    click.echo(json.dumps(flag, ensure_ascii=False) if as_json else _line(flag))


@flags.command("clear")
@click.argument("name")
@click.option("--reason", required=True, help="Why; for the audit trail.")
@api_options
@json_option
@env_file_option
def clear_flag(name: str, reason: str, url: str | None, data_dir: Path, as_json: bool) -> None:
    """Take an override away: what the environment says holds again."""
    from bst_cli.administering import administered

    flag = administered(url, data_dir).call("DELETE", f"/v1/flags/{name}", {"reason": reason})
    click.echo(json.dumps(flag, ensure_ascii=False) if as_json else _line(flag))


def _line(flag: dict[str, Any]) -> str:
    value = flag["value"] if flag["kind"] != "switch" else {"true": "on", "false": "off"}[flag["value"]]
    line = f"{flag['name']:<36} {value or '(nobody)':<10}"
    if not flag["overridden"]:
        return f"{line} as the environment says"
    return f"{line} turned by {flag['actor']} at {flag['updatedAt']}: {flag['reason']}"
