"""``bst db``: the schema of the operational database."""

import json

import click

from bst_cli.long_commands import long_command
from bst_cli.options import Group, env_file_option, json_option
from bst_cli.trouble import Trouble


@click.group(cls=Group)
def db() -> None:
    """The schema of the operational database."""


def operational_dsn() -> str:
    """OPS_DB_URL. Raises Trouble."""
    from bst_cli.settings import read_settings

    dsn = read_settings().ops_db_url
    if dsn is None:
        raise Trouble("OPS_DB_URL is not set", "Set it to the database, e.g. postgresql://user@host/ops_db.")
    return dsn


@db.command()
@json_option
@env_file_option
@long_command("db upgrade")
def upgrade(as_json: bool) -> None:
    """Bring the schema up to date."""
    from bst_cli.settings import migrating
    from bst_postgres import migrate

    with migrating():
        applied = migrate.upgrade(operational_dsn())
    if as_json:
        click.echo(json.dumps({"applied": applied}))
    else:
        click.echo(f"applied {', '.join(applied)}" if applied else "the schema is up to date")


@db.command("status")
@json_option
@env_file_option
def db_status(as_json: bool) -> None:
    """Which migrations have run."""
    from bst_cli.settings import migrating
    from bst_postgres import migrate

    with migrating():
        found = migrate.status(operational_dsn())
    if as_json:
        click.echo(json.dumps({"current": found.current, "head": found.head, "pending": list(found.pending)}))
    else:
        click.echo(f"at {found.current or 'nothing'}, newest {found.head}")
        if found.pending:
            click.echo(f"pending: {', '.join(found.pending)}  (bst db upgrade)")
