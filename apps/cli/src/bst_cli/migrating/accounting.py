"""Accounts for every legacy row: moved in, listed by name with a reason, or lost. Batch by batch, for postchecks and G-02."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import define, field

from bst_application.ports.legacy import LegacySnapshot
from bst_domain.migration import (
    BOOKING_TABLE,
    PaymentDifference,
    ShopPayment,
    StoredPayment,
    audit_payment,
    compare_payment,
)
from bst_domain.values import bali_day, shop_payment_key
from bst_postgres.backfill.accounts import Accounts, Fate

#: Names that a report shows; all are counted.
SHOWN = 20
_HALF = (1 << 64) - 1


@define(kw_only=True)
class Account:
    """Of one kind of rows. ``lost`` has some of their names."""

    what: str
    rows: int = 0
    moved: int = 0
    listed: int = 0
    lost_rows: int = 0
    lost: list[str] = field(factory=list)

    def take(self, fates: Iterable[tuple[str, Fate]]) -> None:
        """Adds rows with what became of them."""
        for name, fate in fates:
            self.rows += 1
            if fate.moved:
                self.moved += 1
            elif fate.listed:
                self.listed += 1
            else:
                self.lost_rows += 1
                if len(self.lost) < SHOWN:
                    self.lost.append(name)

    @property
    def detail(self) -> str:
        """One line for people."""
        said = f"{self.rows:,} rows: {self.moved:,} moved in, {self.listed:,} listed by name"
        return f"{said}, {self.lost_rows:,} lost: {', '.join(self.lost)}" if self.lost_rows else said


async def account_of_batch(batch: str, snapshot: LegacySnapshot, accounts: Accounts) -> list[Account]:
    """Of batches C, D and E; the others read no legacy rows. Raises LegacyUnreadable and Unavailable."""
    match batch:
        case "C":
            return [await _catalog(snapshot, accounts)]
        case "D":
            return [await _bookings(snapshot, accounts)]
        case "E":
            return [await _payments(snapshot, accounts), await _finances(snapshot, accounts)]
        case _:
            return []


async def _catalog(snapshot: LegacySnapshot, accounts: Accounts) -> Account:
    account = Account(what="catalog rows")
    account.take((str(row), fate) for row, fate in (await accounts.catalog(await snapshot.catalog())).items())
    return account


async def _bookings(snapshot: LegacySnapshot, accounts: Accounts) -> Account:
    account = Account(what="booking rows")
    async for names in snapshot.names():
        fates = await accounts.bookings(names)
        account.take(
            (f"{name.system}:{BOOKING_TABLE[name.system]}:{name.row_id}", fate)
            for name, fate in zip(names, fates, strict=True)
        )
    return account


async def _payments(snapshot: LegacySnapshot, accounts: Accounts) -> Account:
    compared = await compare_payments(snapshot, accounts)
    return compared.account


async def _finances(snapshot: LegacySnapshot, accounts: Accounts) -> Account:
    account = Account(what="finance rows")
    async for names in snapshot.finances():
        fates = await accounts.finances(names)
        account.take(
            (f"bstadmin:booking_finances:{name.finance_id}", fate) for name, fate in zip(names, fates, strict=True)
        )
    return account


@define(kw_only=True)
class PaymentsCompared:
    """The shop's payments against those here. ``differing``: found, and not the same money or booking."""

    account: Account
    differing: int = 0
    matched: set[int] = field(
        factory=set
    )  # payments here that some row of the shop is: half of each key tells them apart
    differences: list[PaymentDifference] = field(factory=list)
    days: dict[str, int] = field(factory=dict)  # Bali day -> rows of the shop that are lost or differ

    def differs(self, row: ShopPayment, difference: PaymentDifference) -> None:
        """Notes one."""
        self.differing += 1
        if len(self.differences) < SHOWN:
            self.differences.append(difference)
        self.wrong(row)

    def wrong(self, row: ShopPayment) -> None:
        """Counts the row's day."""
        day = bali_day(row.paid_at).isoformat()
        self.days[day] = self.days.get(day, 0) + 1


async def compare_payments(
    snapshot: LegacySnapshot, accounts: Accounts, since: datetime | None = None
) -> PaymentsCompared:
    """Every payment row of the shop that is not older, in groups."""
    compared = PaymentsCompared(account=Account(what="payment rows"))
    async for rows in snapshot.payments(since):
        here, queued = await accounts.payments(rows)
        for row in rows:
            found, difference = _best(row, here.get(row.payment_id, ()))
            fate = Fate(moved=found is not None, listed=row.payment_id in queued)
            compared.account.take([(f"balisnap:Payment:{row.payment_id}", fate)])
            if found is not None:
                compared.matched.add(found.key.int & _HALF)
            if difference is not None:
                compared.differs(row, difference)
            elif found is None and not fate.listed:
                compared.wrong(row)
    return compared


def _best(
    row: ShopPayment, candidates: Sequence[StoredPayment]
) -> tuple[StoredPayment | None, PaymentDifference | None]:
    """The payment here that the row is, one that agrees before one that does not."""
    own = shop_payment_key(row.payment_id)
    audited = [
        (payment, compare_payment(payment, row) if payment.key == own else audit_payment(payment, [row]))
        for payment in candidates
    ]
    same = [entry for entry in audited if entry[1] is None]
    differing = [entry for entry in audited if entry[1] is not None and entry[1].payment_id is not None]
    return next(iter([*same, *differing]), (None, None))
