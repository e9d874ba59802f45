"""What every table shares: the collection they belong to, and the types and defaults that recur."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, DateTime, MetaData, Numeric, text

metadata: Final = MetaData()

#: An instant; sessions speak UTC.
INSTANT: Final = DateTime(timezone=True)
#: Money has two decimals, whatever the currency.
MONEY: Final = Numeric(12, 2)
NOW: Final = text("now()")
EMPTY_OBJECT: Final = text("'{}'::jsonb")
EMPTY_TEXTS: Final = text("'{}'::text[]")


def row_times() -> tuple[Column[datetime], Column[datetime]]:
    """When the row was written first and last. No trigger: whoever updates a row sets updated_at."""
    return (
        Column("created_at", INSTANT, nullable=False, server_default=NOW),
        Column("updated_at", INSTANT, nullable=False, server_default=NOW),
    )
