"""``bst db``: the schema of the operational database."""

import json
from pathlib import Path

import click

from bst_cli.long_commands import long_command
from bst_cli.options import Group, data_dir_option, env_file_option, json_option


@click.group(cls=Group)
def db() -> None:
    """The schema of the operational database."""


def operational_dsn(data_dir: Path) -> str:
    """OPS_DB_URL, or the database of a running ``bst up``. Raises Trouble."""
    from bst_cli.installation import chosen_with_database

    dsn = chosen_with_database(data_dir).settings().ops_db_url
    assert dsn is not None
    return dsn


@db.command()
@data_dir_option
@json_option
@env_file_option
@long_command("db upgrade")
def upgrade(data_dir: Path, as_json: bool) -> None:
    """Bring the schema up to date."""
    from bst_cli.settings import migrating
    from bst_postgres import migrate

    with migrating():
        applied = migrate.upgrade(operational_dsn(data_dir))
    if as_json:
        click.echo(json.dumps({"applied": applied}))
    else:
        click.echo(f"applied {', '.join(applied)}" if applied else "the schema is up to date")


@db.command("status")
@data_dir_option
@json_option
@env_file_option
def db_status(data_dir: Path, as_json: bool) -> None:
    """Which migrations have run."""
    from bst_cli.settings import migrating
    from bst_postgres import migrate

    with migrating():
        found = migrate.status(operational_dsn(data_dir))
    if as_json:
        click.echo(json.dumps({"current": found.current, "head": found.head, "pending": list(found.pending)}))
    else:
        click.echo(f"at {found.current or 'nothing'}, newest {found.head}")
        if found.pending:
            click.echo(f"pending: {', '.join(found.pending)}  (bst db upgrade)")
