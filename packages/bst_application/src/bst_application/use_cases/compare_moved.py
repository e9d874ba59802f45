"""Compares the two legacy databases with what is here, batch by batch.

Source of the rules: semantics 9. Digests tell which bookings have changed on either side since back-fill read and wrote them;
those, a sample, and every one that somebody here spoke of are derived anew and compared field by field. Where digests cannot be
relied on, all are.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from attrs import frozen

from bst_application.comparison_checks import catalog_checks, checks_of, totals_of
from bst_application.comparison_report import ComparisonReport, Derivation, PaymentsAccounted
from bst_application.derived import Deriving
from bst_application.listed import by_row
from bst_application.ports.comparing import ComparisonTransaction, LastRun, Part
from bst_application.ports.legacy import LegacySnapshot
from bst_application.use_cases.bisect import Bisected, bisect
from bst_application.use_cases.compare_bookings import CompareBookings, shift
from bst_domain.migration import (
    BOOKING_TABLE,
    RULES,
    Difference,
    DifferenceKind,
    ExceptionKind,
    LegacySystem,
    SourceRow,
    bridge,
    latest_said_here,
    said_here,
)
from bst_domain.values import bali_day, shop_payment_key

BATCHES = ("C", "D", "E")
SAMPLE_SIZE = 200
GONE = "no legacy row leads here any more: its row was deleted, or has another reference now (semantics 9)"
QUEUED = "a payment without a booking is queued, so that somebody links it (semantics 9)"
Told = Callable[[str, int, int], None]


@frozen(kw_only=True)
class CompareMoved:
    """``checksum`` is of the rules that this code has. ``full``: derive every booking, whatever digests say."""

    legacy: LegacySnapshot
    ours: ComparisonTransaction
    as_of: datetime
    checksum: str
    full: bool = False
    seed: int = 1
    sample_size: int = SAMPLE_SIZE
    told: Told = lambda _stage, _done, _all: None

    async def __call__(self, batch: str) -> ComparisonReport:
        """Raises LegacyUnreadable and Unavailable."""
        started = datetime.now(UTC)
        return await (self._catalog(started) if batch == "C" else self._bookings(batch, started))

    async def _catalog(self, started: datetime) -> ComparisonReport:
        self.told("catalog", 0, 1)
        found = bridge(await self.legacy.catalog())
        differences, counts = await self.ours.catalog_differences(found)
        last = await self.ours.last_run("C")
        self.told("catalog", 1, 1)
        return ComparisonReport(
            batch="C",
            started_at=started,
            ended_at=datetime.now(UTC),
            as_of=self.as_of,
            seed=self.seed,
            why_all="the catalog is small: all of it is compared",
            last_run=last,
            rows={},
            payments=None,
            bisected={},
            derivation=Derivation(differences=list(differences)),
            figures=None,
            totals=(),
            catalog=counts,
            queued=await self.ours.queued(),
            exceptions=await self.ours.exceptions("C"),
            checks=catalog_checks(last, counts, differences),
        )

    async def _bookings(self, batch: str, started: datetime) -> ComparisonReport:
        part = Part.BODY if batch == "D" else Part.MONEY
        last = await self.ours.last_run(batch)
        distrust = await self._distrust(batch)
        why_all = "asked for with --full" if self.full else distrust
        open_payments = await self._take(batch)
        unexplained = await self.ours.unexplained_rows()
        bisected = {} if distrust else await self._bisected(part)
        comparing = await self._comparing(part, batch)
        derivation, why_all = await self._derived(comparing, bisected, unexplained, open_payments, why_all)
        if part is Part.BODY:
            await self._add_unexpected(derivation)
            derivation.differences += await self.ours.strays()
        await self._add_unseen(part, bisected, derivation)
        payments = None
        if batch == "E":
            payments = await self._payments(derivation)
            derivation.differences += await self._unqueued()
        today = bali_day(self.as_of)
        self.told("counting", 0, 1)
        figures = await self.ours.figures(today)
        rows = {system: await self.ours.accounted(system) for system in LegacySystem}
        totals = totals_of(figures, derivation) if part is Part.BODY else []
        self.told("counting", 1, 1)
        return ComparisonReport(
            batch=batch,
            started_at=started,
            ended_at=datetime.now(UTC),
            as_of=self.as_of,
            seed=self.seed,
            why_all=why_all,
            last_run=last,
            rows=rows,
            payments=payments,
            bisected=bisected,
            derivation=derivation,
            figures=figures,
            totals=totals,
            catalog={},
            queued=await self.ours.queued(),
            exceptions=await self.ours.exceptions(batch),
            checks=checks_of(
                part=part,
                last=last,
                rows=rows,
                payments=payments,
                derivation=derivation,
                figures=figures,
                totals=totals,
            ),
        )

    async def _distrust(self, batch: str) -> str | None:
        """Why the digests that back-fill left say nothing of what must be here; None when they do."""
        runs: dict[str, LastRun] = {}
        for code in ("D", batch):
            run = await self.ours.last_run(code)
            if run is None or run.status != "SUCCEEDED":
                return f"batch {code} has not come to its end"
            if run.checksum != self.checksum:
                return f"the rules have changed since batch {code} ran"
            runs[code] = run
        if runs[batch].started_at < runs["D"].started_at:
            return f"batch D has run again since batch {batch}"
        marked = [await self.ours.source_marks(system).extent() for system in LegacySystem]
        return None if any(extent is not None for extent in marked) else "batch D left no digests behind"

    async def _take(self, batch: str) -> list[tuple[int, int]]:
        """Hands the other side's rows over; returns the shop's payments that lead nowhere and are listed nowhere."""
        for at, system in enumerate(LegacySystem):
            self.told("rows", at, len(LegacySystem))
            await self.ours.take_rows(system, self.legacy.word_lines(system))
        if batch != "E":
            return []
        async for group in self.legacy.payment_ids():
            await self.ours.take_payments([(payment, booking, shop_payment_key(payment)) for payment, booking in group])
        return list((await self.ours.payments_accounted()).others)

    async def _bisected(self, part: Part) -> dict[str, Bisected]:
        found: dict[str, Bisected] = {}
        for system in LegacySystem:
            self.told(f"digests of {system}", len(found), 3)
            found[system.value] = await bisect(self.legacy.digests(system), self.ours.source_marks(system))
        self.told("digests of bookings", 2, 3)
        found["bookings"] = await bisect(self.ours.stored(part), self.ours.booking_marks(part))
        return found

    async def _comparing(self, part: Part, batch: str) -> CompareBookings:
        lists = by_row(await self.ours.exceptions(batch))
        with_money = batch == "E" or await self.ours.last_run("E") is not None
        deriving = Deriving(packages=await self.ours.packages(), today=bali_day(self.as_of), with_money=with_money)
        sample = {
            SourceRow(system, BOOKING_TABLE[system], row_id)
            for system in LegacySystem
            for row_id in await self.legacy.sample(system, self.seed, self.sample_size)
        }
        return CompareBookings(
            legacy=self.legacy,
            ours=self.ours,
            deriving=deriving,
            part=part,
            sample=sample,
            lists=lists,
            told=lambda done, of: self.told("field by field", done, of),
        )

    async def _derived(
        self,
        comparing: CompareBookings,
        bisected: Mapping[str, Bisected],
        unexplained: Sequence[SourceRow],
        open_payments: list[tuple[int, int]],
        why_all: str | None,
    ) -> tuple[Derivation, str | None]:
        if why_all is None:
            rows = {*unexplained, *comparing.sample}
            rows |= {_shop_row(booking) for _, booking in open_payments}
            for system in LegacySystem:
                changed = bisected[system.value].found.all
                rows |= {SourceRow(system, BOOKING_TABLE[system], row_id) for row_id in changed}
            keys = [UUID(int=key) for key in bisected["bookings"].found.all]
            derivation = await comparing.suspects(rows, keys)
            if derivation is not None:
                return derivation, None
            why_all = "so much differs that all bookings were derived"
        return await comparing.everything(), why_all

    async def _add_unexpected(self, derivation: Derivation) -> None:
        led_by_name = {one.key for one in derivation.differences if one.field == "sources"}
        keys = [key for key in await self.ours.unexpected_bookings() if str(key) not in led_by_name]
        for at in range(0, len(keys), 1000):
            _, records = await self.ours.records([], keys[at : at + 1000])
            for key, record in records.items():
                said = latest_said_here(record.booking.facts)
                if said is None:
                    shift(derivation, record.fields, 1)
                derivation.differences.append(
                    Difference(
                        kind=DifferenceKind.UNEXPECTED_HERE,
                        entity="BOOKING",
                        key=str(key),
                        name=f"{record.booking.identity.channel} {record.booking.identity.ref}",
                        field="booking",
                        expected=None,
                        found=f"{record.fields['totalPrice']} {record.fields['currency']} on {record.fields['tourDate']}",
                        rule=GONE,
                        explained=None if said is None else said_here(said),
                    )
                )

    async def _add_unseen(self, part: Part, bisected: Mapping[str, Bisected], derivation: Derivation) -> None:
        """Bookings whose rows have changed since back-fill wrote them though their version has not: where no field that is
        compared tells, some other column does."""
        if not bisected:
            return
        differing = {UUID(int=key) for key in bisected["bookings"].found.differing} - derivation.touched
        for key, name in (await self.ours.spoiled(part, sorted(differing))).items():
            derivation.differences.append(
                Difference(
                    kind=DifferenceKind.FIELD_DIFFERS,
                    entity="BOOKING",
                    key=str(key),
                    name=name,
                    field="otherColumns",
                    expected="as back-fill wrote it: of columns that are not compared one by one it keeps a digest",
                    found="something else",
                    rule=RULES["otherColumns"],
                )
            )

    async def _payments(self, derivation: Derivation) -> PaymentsAccounted:
        found = await self.ours.payments_accounted()
        unexplained = sum(payment not in derivation.told_twice for payment, _ in found.others)
        return PaymentsAccounted(
            rows=found.linked + found.orphans + found.rejected + len(found.others),
            linked=found.linked,
            told_twice=len(found.others) - unexplained,
            orphans=found.orphans,
            rejected=found.rejected,
            unexplained=unexplained,
        )

    async def _unqueued(self) -> list[Difference]:
        """Orphans that nobody is asked to link."""
        queued = await self.ours.queued_payments()
        unqueued = [
            Difference(
                kind=DifferenceKind.MISSING_HERE,
                entity="QUEUE",
                key=f"balisnap:Payment:{paid.payment_id}",
                name=f"payment {paid.payment_id} of booking {paid.booking_id}",
                field="payment",
                expected=f"{paid.amount} {paid.currency}",
                found=None,
                rule=QUEUED,
            )
            for paid in await self.legacy.payments_without_booking()
            if paid.payment_id not in queued
        ]
        named = {each.key for each in unqueued}
        return unqueued + [
            Difference(
                kind=DifferenceKind.MISSING_HERE,
                entity="QUEUE",
                key=str(listed.row),
                name=f"payment {listed.row.row_id} of {listed.channel} {listed.ref}",
                field="payment",
                expected=listed.detail,
                found=None,
                rule=QUEUED,
            )
            for listed in await self.ours.exceptions("E")
            if listed.kind is ExceptionKind.ORPHAN_PAYMENT
            and listed.row.row_id not in queued
            and str(listed.row) not in named
        ]


def _shop_row(booking_id: int) -> SourceRow:
    return SourceRow(LegacySystem.SHOP, BOOKING_TABLE[LegacySystem.SHOP], booking_id)
