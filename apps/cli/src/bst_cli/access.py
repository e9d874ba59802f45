"""What ``bst principals`` and ``bst producers`` share: the database, who acts, and answers as sentences.

They work on the database itself, not through the API: whoever may write there may do this anyway, and the first principal of an
installation can be made before the API is up.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from bst_application.errors import Conflict, Unavailable
from bst_application.ids import uuid7
from bst_application.ports.access import AccessStore, SecretsKeyMissing
from bst_application.use_cases.administer_access import AdministerAccess, NotDone
from bst_application.use_cases.repair import Author
from bst_cli.installation import chosen_with_database
from bst_cli.trouble import Trouble
from bst_domain.values import format_instant
from bst_postgres.access import PostgresAccessStore
from bst_postgres.database import Database
from bst_postgres.secret_cipher import SecretCipher

T = TypeVar("T")
Done = TypeVar("Done")


def author() -> Author:
    """Who the audit trail says it was."""
    return Author(actor=f"bst {getpass.getuser()}")


def with_store(data_dir: Path, work: Callable[[AccessStore], Awaitable[T]]) -> T:
    """Runs ``work`` on the database of OPS_DB_URL, else of a running ``bst up``. Raises Trouble."""
    settings = chosen_with_database(data_dir).settings()
    assert settings.ops_db_url is not None
    dsn = settings.ops_db_url

    async def once() -> T:
        database = Database(dsn, pool_size=2, application_name="bst-access")
        try:
            return await work(PostgresAccessStore(database, SecretCipher(settings.secrets_keys)))
        finally:
            await database.close()

    try:
        return asyncio.run(once())
    except (Unavailable, Conflict) as error:
        raise Trouble(f"nothing was changed: {error}", "Check OPS_DB_URL and that the server runs.") from error
    except ValueError as error:
        raise Trouble(f"OPS_DB_URL cannot be used: {error}") from error
    except SecretsKeyMissing as error:
        raise Trouble(
            f"nothing was changed: {error}",
            "Secrets are kept encrypted. Give this command and every API the same BST_SECRETS_KEY; make one with"
            " `openssl rand -base64 32 | tr '+/' '-_'`.",
        ) from error


def change(data_dir: Path, act: Callable[[AdministerAccess], Awaitable[Done | NotDone]]) -> Done:
    """One change. Raises Trouble when it cannot be done."""

    async def work(store: AccessStore) -> Done | NotDone:
        return await act(AdministerAccess(store=store, now=lambda: datetime.now(UTC), new_id=uuid7))

    outcome = with_store(data_dir, work)
    if isinstance(outcome, NotDone):
        raise Trouble(outcome.why, outcome.cure)
    return outcome


def kept_json(each: Any) -> dict[str, Any]:
    """A token or secret, without what it is."""
    return {
        "id": str(each.key),
        "madeBy": each.made_by,
        "madeAt": format_instant(each.made_at),
        "endedAt": None if each.ended_at is None else format_instant(each.ended_at),
    }


def tell_kept(kind: str, each: Any, *, owner_disabled: bool) -> None:
    """One line about a token or secret. Those of a disabled owner open nothing, ended or not."""
    going_on = "disabled" if owner_disabled else "live"
    state = going_on if each.ended_at is None else f"ended {format_instant(each.ended_at)}"
    click.echo(f"    {kind:<7} {each.key}  {state}, made by {each.made_by} at {format_instant(each.made_at)}")


def tell_new(**values: str | None) -> None:
    """What is shown once, to be copied."""
    for name, value in values.items():
        if value is not None:
            click.echo(f"  {name:<7} {value}")
    click.echo("  Copy it now: it is not shown again. Running APIs know it within five seconds.")
