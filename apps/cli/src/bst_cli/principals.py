"""``bst principals``: people and services that administer, each with tokens of their own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from bst_application.ports.access import Principal, Role
from bst_cli.options import Group, change_options, data_dir_option, env_file_option, json_option

if TYPE_CHECKING:
    from bst_application.use_cases.administer_access import PrincipalChanged


@click.group(cls=Group)
def principals() -> None:
    """People and services that administer, with tokens of their own."""


@principals.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role], case_sensitive=False),
    required=True,
    help="What they may do.",
)
@change_options
def add(name: str, role: str, reason: str, data_dir: Path, as_json: bool) -> None:
    """Add one; the token is shown once."""
    from bst_cli.access import author, change

    made = change(data_dir, lambda act: act.add_principal(name, Role(role.upper()), reason=reason, by=author()))
    _tell(made, as_json)


@principals.command()
@click.argument("name")
@change_options
def token(name: str, reason: str, data_dir: Path, as_json: bool) -> None:
    """One more token, shown once; the others go on until they are revoked."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.add_principal_token(name, reason=reason, by=author())), as_json)


@principals.command()
@click.argument("name")
@click.argument("token_id", type=click.UUID)
@change_options
def revoke(name: str, token_id: UUID, reason: str, data_dir: Path, as_json: bool) -> None:
    """End one token."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.revoke_principal_token(name, token_id, reason=reason, by=author())), as_json)


@principals.command()
@click.argument("name")
@change_options
def disable(name: str, reason: str, data_dir: Path, as_json: bool) -> None:
    """Nothing opens to them any more; the name stays taken, so that the audit trail stays clear."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.disable_principal(name, reason=reason, by=author())), as_json)


@principals.command("list")
@data_dir_option
@json_option
@env_file_option
def list_principals(data_dir: Path, as_json: bool) -> None:
    """All of them, with the ids of their tokens."""
    from bst_cli.access import with_store

    found = with_store(data_dir, lambda store: store.principals())
    if as_json:
        click.echo(json.dumps([_json(one) for one in found], indent=2))
    elif not found:
        click.echo("none; the shared CORE_API_ADMIN_TOKEN is the only way in")
    else:
        for one in found:
            _show(one)


def _tell(made: "PrincipalChanged", as_json: bool) -> None:
    from bst_cli.access import tell_new

    if as_json:
        click.echo(json.dumps({**_json(made.principal), "token": made.token}, indent=2))
        return
    _show(made.principal)
    if made.token is not None:
        tell_new(token=made.token)


def _show(one: Principal) -> None:
    from bst_cli.access import tell_kept

    click.echo(f"{one.name}  {one.role}{'  disabled' if one.disabled_at is not None else ''}")
    for each in one.tokens:
        tell_kept("token", each, owner_disabled=one.disabled_at is not None)


def _json(one: Principal) -> dict[str, Any]:
    from bst_cli.access import kept_json
    from bst_domain.values import format_instant

    return {
        "name": one.name,
        "role": one.role.value,
        "madeBy": one.made_by,
        "madeAt": format_instant(one.made_at),
        "disabledAt": None if one.disabled_at is None else format_instant(one.disabled_at),
        "tokens": [kept_json(each) for each in one.tokens],
    }
