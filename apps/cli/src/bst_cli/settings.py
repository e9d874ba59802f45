"""What commands need of the environment, and the troubles they share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bst_application.errors import Unavailable
from bst_cli.data_folder import DataFolder
from bst_cli.trouble import Trouble
from bst_emitter import Target
from bst_postgres.migrate import MigrationFailed


@contextmanager
def migrating() -> Iterator[None]:
    """Troubles of migrations as sentences."""
    try:
        yield
    except Unavailable as error:
        cure = "Check OPS_DB_URL, that the server runs, and that this machine may connect."
        raise Trouble(f"the database is not available: {error}", cure) from error
    except (MigrationFailed, ValueError) as error:
        raise Trouble(str(error)) from error


def target(environ: Mapping[str, str], url: str | None, folder: DataFolder) -> Target:
    """Where to send to: the option, CORE_API_BASE_URL, or a running ``bst up``; tokens from the environment or its folder."""
    run = folder.live_run()
    where = url or environ.get("CORE_API_BASE_URL", "").strip() or (run or {}).get("url")
    if not where:
        raise Trouble(
            f"no API to send to: CORE_API_BASE_URL is not set, and no bst up runs on {folder.path}",
            "Start `bst up`, or give --url.",
        )
    given = {name: environ.get(name, "").strip() for name in ("INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")}
    if not all(given.values()):
        if run is None or where.rstrip("/") != run["url"]:  # its secrets are for nobody else
            raise Trouble(
                "INGEST_SERVICE_TOKEN and INGEST_SERVICE_SECRET are not set",
                "Set both, or give the folder of a running `bst up` with --data-dir and no --url.",
            )
        given = {**folder.secrets(environ), **{name: value for name, value in given.items() if value}}
    try:
        return Target(url=where.rstrip("/"), token=given["INGEST_SERVICE_TOKEN"], secret=given["INGEST_SERVICE_SECRET"])
    except ValueError as error:
        raise Trouble(str(error), "Give --url http://127.0.0.1:4000, say, or mend CORE_API_BASE_URL.") from error
