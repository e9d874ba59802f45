"""One look at the newest rows of the old admin against what core has."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from bst_application.ports.cutover import ShadowCounts, ShadowExample
from bst_application.ports.legacy import LegacyLive
from bst_application.ports.reading import BookingRow
from bst_application.use_cases.shadow_reads import example, leading_rows, seen_booking
from bst_domain.migration import ParityField, parity_differences
from bst_domain.values import BookingIdentity, bali_day
from bst_postgres.booking_reader import PostgresBookingReader
from bst_postgres.cutover import PostgresShadowLedger
from bst_postgres.database import Database


async def sampled(database: Database, legacy: LegacyLive, limit: int) -> ShadowCounts:
    """Compared, and added to the counters. Raises LegacyUnreadable and Unavailable."""
    rows, now = await legacy.newest(limit=limit), datetime.now(UTC)
    leading = leading_rows(rows)
    core = await core_rows(database, list(leading))
    by_field, examples = Counter[ParityField](), list[ShadowExample]()
    for identity, row in core.items():
        found = parity_differences(seen_booking(row), leading[identity], bali_day(now))
        by_field.update(one.about for one in found)
        examples += [example(identity, one, now) for one in found]
    missing = len(leading) - len(core)
    counts = ShadowCounts(compared=len(core), unmatched=missing, by_field=by_field, examples=examples)
    await PostgresShadowLedger(database).add(counts, at=now)
    return counts


async def core_rows(database: Database, names: Sequence[BookingIdentity]) -> dict[BookingIdentity, BookingRow]:
    """Core's rows of these bookings, by the name that was asked for. Raises Unavailable."""
    reader, found = PostgresBookingReader(database), dict[BookingIdentity, BookingRow]()
    for name in names:
        for key, identity in await reader.find(f"{name.channel}:{name.ref}"):
            if identity.channel == name.channel and (detail := await reader.detail(key)) is not None:
                found[name] = detail.row
    return found
