"""``bst producers``: systems that send events, each with its own token, secrets and sources."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from bst_cli.options import Group, change_options, data_dir_option, env_file_option, json_option
from bst_cli.wording import counted
from bst_domain.values import Source

if TYPE_CHECKING:
    from bst_application.ports.access import Producer
    from bst_application.use_cases.administer_access import ProducerChanged


def _sources(_ctx: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> frozenset[Source]:
    return frozenset(map(Source, words))


source_option = click.option(
    "--source",
    "sources",
    type=click.Choice([source.value for source in Source], case_sensitive=False),
    callback=_sources,
    multiple=True,
    required=True,
    help="What it may send; several times for several.",
)


@click.group(cls=Group)
def producers() -> None:
    """Systems that send events, with their own tokens, secrets and sources."""


@producers.command()
@click.argument("name")
@source_option
@change_options
def add(name: str, sources: frozenset[Source], reason: str, data_dir: Path, as_json: bool) -> None:
    """Add one; its token and secret are shown once."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.add_producer(name, sources, reason=reason, by=author())), as_json)


@producers.command()
@click.argument("name")
@click.option("--token", "with_token", is_flag=True, help="A new token, too.")
@change_options
def rotate(name: str, with_token: bool, reason: str, data_dir: Path, as_json: bool) -> None:
    """One more secret, shown once; the old ones go on until they are retired."""
    from bst_cli.access import author, change

    made = change(data_dir, lambda act: act.rotate_producer(name, with_token=with_token, reason=reason, by=author()))
    _tell(made, as_json)


@producers.command()
@click.argument("name")
@click.argument("credential_id", type=click.UUID)
@change_options
def retire(name: str, credential_id: UUID, reason: str, data_dir: Path, as_json: bool) -> None:
    """End a token or a secret; the last live one of its kind stays."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.retire(name, credential_id, reason=reason, by=author())), as_json)


@producers.command("sources")
@click.argument("name")
@source_option
@change_options
def set_sources(name: str, sources: frozenset[Source], reason: str, data_dir: Path, as_json: bool) -> None:
    """What it may send from now on: these and no others."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.limit_producer(name, sources, reason=reason, by=author())), as_json)


@producers.command()
@click.argument("name")
@change_options
def disable(name: str, reason: str, data_dir: Path, as_json: bool) -> None:
    """It sends nothing any more; the name stays taken, because its keys carry it."""
    from bst_cli.access import author, change

    _tell(change(data_dir, lambda act: act.disable_producer(name, reason=reason, by=author())), as_json)


@producers.command("encrypt-again")
@change_options
def encrypt_again(reason: str, data_dir: Path, as_json: bool) -> None:
    """Encrypt every secret under the first key of BST_SECRETS_KEY, so that the others can be taken away."""
    from bst_cli.access import author, change

    count = change(data_dir, lambda act: act.encrypt_again(reason=reason, by=author()))
    click.echo(json.dumps({"encrypted": count}) if as_json else f"under the first key now: {counted(count, 'secret')}")


@producers.command("list")
@data_dir_option
@json_option
@env_file_option
def list_producers(data_dir: Path, as_json: bool) -> None:
    """All of them, with the ids of their tokens and secrets."""
    from bst_cli.access import with_store

    found = with_store(data_dir, lambda store: store.producers())
    if as_json:
        click.echo(json.dumps([_json(one) for one in found], indent=2))
        return
    click.echo("(environment)  every source, by INGEST_SERVICE_TOKEN and INGEST_SERVICE_SECRET")
    for one in found:
        _show(one)


def _tell(made: "ProducerChanged", as_json: bool) -> None:
    from bst_cli.access import tell_new

    if as_json:
        click.echo(json.dumps({**_json(made.producer), "token": made.token, "secret": made.secret}, indent=2))
        return
    _show(made.producer)
    if made.token is not None or made.secret is not None:
        tell_new(token=made.token, secret=made.secret)


def _show(one: "Producer") -> None:
    from bst_cli.access import tell_kept

    click.echo(f"{one.name}  {', '.join(sorted(one.sources))}{'  disabled' if one.disabled_at is not None else ''}")
    for token in one.tokens:
        tell_kept("token", token, owner_disabled=one.disabled_at is not None)
    for secret in one.secrets:
        tell_kept("secret", secret, owner_disabled=one.disabled_at is not None)
        if secret.value is None and secret.ended_at is None:
            click.echo("            BST_SECRETS_KEY does not open it: this producer's signatures cannot be checked")


def _json(one: "Producer") -> dict[str, Any]:
    from bst_cli.access import kept_json
    from bst_domain.values import format_instant

    return {
        "name": one.name,
        "sources": sorted(one.sources),
        "madeBy": one.made_by,
        "madeAt": format_instant(one.made_at),
        "disabledAt": None if one.disabled_at is None else format_instant(one.disabled_at),
        "tokens": [kept_json(each) for each in one.tokens],
        "secrets": [{**kept_json(each), "readable": each.value is not None} for each in one.secrets],
    }
