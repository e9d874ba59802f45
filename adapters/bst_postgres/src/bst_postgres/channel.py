"""The connection to the shop's own database, and all that is done with it: asking whether it answers.

Everything of BST is in the operational database. This one belongs to the shop, perhaps on the same server, and no statement
joins the two: whoever reads here knows none of BST's tables, and whoever knows those does not come here. The import rules say so.
"""

from bst_postgres.database import Database
from bst_postgres.probe import PostgresProbe


class ChannelProbe(PostgresProbe):
    """DatabaseProbe over a connection of its own; ``dsn`` is None where no URL is configured. Connects to nothing yet."""

    def __init__(self, dsn: str | None) -> None:
        self._own = None if dsn is None else Database(dsn, pool_size=1, application_name="bst-channel")
        super().__init__("channel_db", self._own)

    async def close(self) -> None:
        """Gives the connection back."""
        if self._own is not None:
            await self._own.close()
