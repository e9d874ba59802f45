"""The two legacy databases in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256

from attrs import define, field, frozen

from bst_application.errors import LegacyUnreadable
from bst_application.ports.legacy import ChangedRow, FinanceName, LegacyName
from bst_domain.migration import (
    LegacyBooking,
    LegacyCatalog,
    LegacyPaid,
    LegacySystem,
    ShopPayment,
    StoredPayment,
    money_alone,
)
from bst_testing.fakes.digests import MemoryDigests

EMPTY_CATALOG = LegacyCatalog(products=(), variants=(), rates=(), packages=())


@frozen(kw_only=True)
class MemoryLegacy:
    """LegacyDatabases and its snapshot: values do not change, so one is as good as the other."""

    rows: Sequence[LegacyBooking] = ()
    left_behind: Sequence[LegacyPaid] = ()
    products: LegacyCatalog = field(default=EMPTY_CATALOG)
    lacks: str | None = None  # what is missing, and makes it unreadable
    at_once: int = 2

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["MemoryLegacy"]:
        if self.lacks is not None:
            raise LegacyUnreadable(f"{self.lacks} is missing")
        yield self

    async def names(self) -> AsyncIterator[Sequence[LegacyName]]:
        order = list(LegacySystem)
        rows = sorted(self.rows, key=lambda row: (order.index(row.system), row.row_id))
        named = [LegacyName(row.system, row.row_id, row.channel, row.ref) for row in rows]
        for start in range(0, len(named), self.at_once):
            yield named[start : start + self.at_once]

    async def bookings(self, system: LegacySystem, ids: Sequence[int]) -> list[LegacyBooking]:
        wanted = [row for row in self.rows if row.system is system and row.row_id in ids]
        return sorted(wanted, key=lambda row: row.row_id)

    async def money(self, system: LegacySystem, ids: Sequence[int]) -> list[LegacyBooking]:
        return [money_alone(row) for row in await self.bookings(system, ids)]

    async def payments_without_booking(self) -> Sequence[LegacyPaid]:
        return self.left_behind

    async def catalog(self) -> LegacyCatalog:
        return self.products

    async def payments(self, since: datetime | None = None) -> AsyncIterator[Sequence[ShopPayment]]:
        rows = [row for row in self._shop_payments() if since is None or row.paid_at >= since]
        for start in range(0, len(rows), self.at_once):
            yield rows[start : start + self.at_once]

    async def payments_like(self, payments: Sequence[StoredPayment]) -> list[ShopPayment]:
        names = {
            (kind, getattr(payment, kind)) for payment in payments for kind in ("payment_ref", "capture_id", "order_id")
        } - {(kind, None) for kind in ("payment_ref", "capture_id", "order_id")}
        bookings = {booking_id for payment in payments for booking_id in payment.shop_ids}
        return [
            row
            for row in self._shop_payments()
            if row.booking_id in bookings
            or names & {(kind, getattr(row, kind)) for kind in ("payment_ref", "capture_id", "order_id")}
        ]

    async def finances(self) -> AsyncIterator[Sequence[FinanceName]]:
        named = sorted(
            (FinanceName(row.finance.finance_id, row.row_id) for row in self.rows if row.finance is not None),
            key=lambda name: name.finance_id,
        )
        for start in range(0, len(named), self.at_once):
            yield named[start : start + self.at_once]

    def digests(self, system: LegacySystem) -> MemoryDigests:
        return MemoryDigests({row.row_id: _digest(row) for row in self.rows if row.system is system})

    async def digest_lines(self, system: LegacySystem) -> AsyncIterator[bytes]:
        for row_id, digest in self.digests(system).held.items():
            yield f"{row_id}\t{digest:0128b}\n".encode()

    async def word_lines(self, system: LegacySystem) -> AsyncIterator[bytes]:
        for row in self.rows:
            if row.system is system:
                word = row.ops_status if system is LegacySystem.ADMIN else row.status_v2 or row.status
                yield f"{row.row_id}\t{word}\n".encode()

    async def payment_ids(self) -> AsyncIterator[Sequence[tuple[int, int]]]:
        payments = [*(paid for row in self.rows for paid in row.payments), *self.left_behind]
        yield sorted((paid.payment_id, paid.booking_id) for paid in payments)

    async def sample(self, system: LegacySystem, seed: int, size: int) -> list[int]:
        ids = [row.row_id for row in self.rows if row.system is system]
        drawn = sorted(ids, key=lambda row_id: sha256(f"{seed}:{row_id}".encode()).digest())
        return sorted(drawn[:size])

    def _shop_payments(self) -> list[ShopPayment]:
        refs = {row.row_id: row.ref for row in self.rows if row.system is LegacySystem.SHOP}
        paid = [*(each for row in self.rows for each in row.payments), *self.left_behind]
        return [
            ShopPayment(
                payment_id=each.payment_id,
                booking_id=each.booking_id,
                booking_ref=refs.get(each.booking_id),
                has_booking=each.booking_id in refs,
                paid_at=each.paid_at,
                amount=each.amount,
                currency=each.currency,
                payment_ref=each.payment_ref,
                capture_id=each.capture_id,
                order_id=each.order_id,
            )
            for each in sorted(paid, key=lambda each: each.payment_id)
        ]


@define
class MemoryLegacyLive:
    """LegacyLive: rows that a test changes as it goes on. ``lacks``: what is missing, and makes it unreadable."""

    rows_there: dict[tuple[LegacySystem, int], ChangedRow] = field(factory=dict)
    lacks: str | None = None

    def put(self, *rows: LegacyBooking, at: datetime | None = None) -> None:
        """Written now, or at this instant."""
        for row in rows:
            self.rows_there[row.system, row.row_id] = ChangedRow(booking=row, changed_at=at or row.updated_at)

    async def changed(
        self, system: LegacySystem, *, since: datetime, before: datetime, after: tuple[datetime, int] | None, limit: int
    ) -> list[ChangedRow]:
        found = [one for one in self._of(system) if since <= one.changed_at < before]
        found.sort(key=lambda one: (one.changed_at, one.booking.row_id))
        return [one for one in found if after is None or (one.changed_at, one.booking.row_id) > after][:limit]

    async def rows(
        self, system: LegacySystem, *, refs: Sequence[str] = (), ids: Sequence[int] = ()
    ) -> list[LegacyBooking]:
        found = [one.booking for one in self._of(system) if one.booking.ref in refs or one.booking.row_id in ids]
        return sorted(found, key=lambda row: row.row_id)

    async def newest(self, *, limit: int) -> list[LegacyBooking]:
        found = [one.booking for one in self._of(LegacySystem.ADMIN)]
        return sorted(found, key=lambda row: (row.tour_at, row.row_id), reverse=True)[:limit]

    def _of(self, system: LegacySystem) -> list[ChangedRow]:
        if self.lacks is not None:
            raise LegacyUnreadable(f"{self.lacks} is missing")
        return [one for (of, _), one in self.rows_there.items() if of is system]


def _digest(row: LegacyBooking) -> int:
    return int.from_bytes(sha256(repr(row).encode()).digest()[:16], "big")
