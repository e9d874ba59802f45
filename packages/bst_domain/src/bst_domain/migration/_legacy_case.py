"""Everything that the legacy databases say of one booking, as facts; and what a person should know about it.

Source of the rules: semantics 9, the legacy data's readings 1 to 17. The best-proven row gives the fields that are no contact,
because its stamp is the best; contact fields go by quality and then by the row's updated_at.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.booking import (
    OPS_RELEVANT,
    BookingFacts,
    Evidence,
    Fact,
    FactValue,
    Field,
    OpsInputs,
    TerminalStatus,
    merge,
)
from bst_domain.migration._backfill import (
    BOOKING_TABLE,
    BackfilledRefs,
    LegacySystem,
    PaymentProof,
    Rejection,
    backfilled_evidence,
    payment_proof,
)
from bst_domain.migration._legacy_rows import LegacyBooking, LegacyFinance, LegacyItem, LegacyPaid, SourceRow
from bst_domain.migration._legacy_words import (
    LegacyPayment,
    LegacyPaymentReading,
    is_legacy_cancelled,
    legacy_phone,
    read_legacy_header,
    read_legacy_payment,
    tidy,
)
from bst_domain.migration._package_map import PackageMap
from bst_domain.migration._rejecting import active_items, identify
from bst_domain.values import (
    CENT,
    NS_BOOKING,
    BookingIdentity,
    EventType,
    ExternalRef,
    Money,
    PaymentStatus,
    bali_day,
    email_quality,
    is_clock_time,
    name_quality,
    phone_quality,
    uuid5,
)

#: Characters that the target schema has room for; the legacy columns have no limit.
MAX_NAME, MAX_PHONE = 191, 64


@frozen(kw_only=True)
class LegacyCase:
    """The rows of one identity, the best-proven first."""

    identity: BookingIdentity
    aliases: tuple[ExternalRef, ...]
    rows: tuple[LegacyBooking, ...]
    stamps: tuple[Evidence, ...]  # of what each row says, its proof included

    @property
    def survivor(self) -> LegacyBooking:
        """The row that the fields come from, contact aside."""
        return self.rows[0]

    @property
    def admin_rows(self) -> list[LegacyBooking]:
        """The old admin's, the best-proven first."""
        return [row for row in self.rows if row.system is LegacySystem.ADMIN]

    @property
    def finance(self) -> LegacyFinance | None:
        """That of the best row of the old admin that has one."""
        return next((row.finance for row in self.admin_rows if row.finance is not None), None)


def row_of(booking: LegacyBooking) -> SourceRow:
    """Where the row stands."""
    return SourceRow(booking.system, BOOKING_TABLE[booking.system], booking.row_id)


def row_event_id(row: SourceRow) -> UUID:
    """The event that stands for everything this row says."""
    return uuid5(NS_BOOKING, str(row))


def proof_of(row: LegacyBooking) -> PaymentProof:
    """How well this one row is proven to be paid for. The shop's header is no proof, its captured payments are."""
    if row.system is LegacySystem.ADMIN:
        return payment_proof(is_paid=row.is_paid, paid_at=row.paid_at)
    proofs = [
        payment_proof(captured=reading_of(paid).payment is LegacyPayment.PAID, capture_id=paid.capture_id)
        for paid in row.payments
    ]
    return max(proofs, default=PaymentProof.NONE)


def reading_of(paid: LegacyPaid) -> LegacyPaymentReading:
    """What both words of a payment row say together."""
    return read_legacy_payment(paid.status, paid.status_v2)


def cases_of(rows: Iterable[LegacyBooking]) -> tuple[list[LegacyCase], list[tuple[LegacyBooking, Rejection]]]:
    """Rows grouped by identity, in the order in which identities appear, and those that are not moved in.

    A row that calls a booking what live events call another system's row without a reference means that one.
    """
    groups: dict[tuple[str, ExternalRef], list[tuple[LegacyBooking, BackfilledRefs]]] = {}
    nameless: list[tuple[str, BackfilledRefs]] = []
    rejected: list[tuple[LegacyBooking, Rejection]] = []
    for row in rows:
        refs = identify(row)
        if isinstance(refs, Rejection):
            rejected.append((row, refs))
        else:
            groups.setdefault((row.channel, refs.ref), []).append((row, refs))
            if refs.aliases:
                nameless.append((row.channel, refs))
    for channel, refs in nameless:
        for alias in refs.aliases:
            groups[channel, refs.ref] += groups.pop((channel, alias), [])
    return [_case(channel, ref, group) for (channel, ref), group in groups.items()], rejected


def _case(channel: str, ref: ExternalRef, group: Sequence[tuple[LegacyBooking, BackfilledRefs]]) -> LegacyCase:
    ranked = [(_evidence(row, proof_of(row)), row) for row, _ in group]
    if len(ranked) > 1:
        ranked.sort(key=lambda entry: entry[0].order, reverse=True)
    return LegacyCase(
        identity=BookingIdentity(channel, ref),
        aliases=tuple(dict.fromkeys(alias for _, refs in group for alias in refs.aliases)),
        rows=tuple(row for _, row in ranked),
        stamps=tuple(stamp for stamp, _ in ranked),
    )


def said_by_rows(case: LegacyCase, packages: PackageMap) -> tuple[tuple[UUID, BookingFacts], ...]:
    """What each row says of the booking by itself, its money aside, with the event that stands for it."""
    noted = min((row.paid_at for row in case.rows if row.paid_at is not None), default=None)
    return tuple(
        (stamp.event_id, _row_facts(row, stamp, packages, noted))
        for row, stamp in zip(case.rows, case.stamps, strict=True)
    )


def booking_facts(case: LegacyCase, said: Sequence[tuple[UUID, BookingFacts]]) -> BookingFacts:
    """What the rows say together. The same rows always say the same."""
    facts = said[0][1]
    for _, more in said[1:]:
        facts = merge(facts, more)
    lead, stamp = next(
        ((row, stamp) for row, stamp in zip(case.rows, case.stamps, strict=True) if row.system is LegacySystem.ADMIN),
        (case.survivor, case.stamps[0]),
    )
    ended = _terminal(lead)
    if ended is not None:
        facts = evolve(facts, terminals={stamp.event_id: (ended, stamp)})
    elif lead.ops_status == "UPDATED":  # a change that ops have not seen, and nobody says which
        change = Fact("UPDATED", 0, evolve(stamp, event_type=EventType.UPDATED))
        facts = evolve(facts, registers={**facts.registers, Field.LEGACY_CHANGE: change})
    return facts


def standing_items(case: LegacyCase, facts: BookingFacts) -> list[LegacyItem]:
    """The surviving row's items, where party and price of the booking are what it says; none where a channel or an operator has
    spoken of one of them since: what the items add up to is not the booking's any more."""
    adult = facts.registers.get(Field.ADULT)
    if adult is None or adult.evidence.event_id != case.stamps[0].event_id:
        return []
    others = (facts.registers.get(name) for name in (Field.CHILD, Field.INFANT, Field.TOTAL_PRICE))
    spoken_of = any(fact is not None and fact.evidence.origin > 0 for fact in others)
    return [] if spoken_of else active_items(case.survivor)


def _terminal(lead: LegacyBooking) -> TerminalStatus | None:
    if lead.system is LegacySystem.SHOP:
        return TerminalStatus.CANCELLED if is_legacy_cancelled(lead.status, lead.status_v2) else None
    return TerminalStatus(lead.ops_status) if lead.ops_status in {"CANCELLED", "NO_SHOW"} else None


def _evidence(row: LegacyBooking, proof: PaymentProof) -> Evidence:
    return backfilled_evidence(
        system=row.system, row_id=row.row_id, updated_at=row.updated_at, proof=proof, channel=row.channel
    )


def _like(stamp: Evidence, at: datetime, proof: int) -> Evidence:
    """``evolve`` would cost as much as all the rest of a row."""
    return Evidence(
        event_id=stamp.event_id,
        event_time=at,
        source=stamp.source,
        event_type=stamp.event_type,
        origin=0,
        proof=proof,
        tie=stamp.tie,
    )


def survivor_evidence(case: LegacyCase) -> Evidence:
    """The stamp of what the surviving row says."""
    return case.stamps[0]


def _row_facts(row: LegacyBooking, record: Evidence, packages: PackageMap, noted: datetime | None) -> BookingFacts:
    contact = _like(record, record.event_time, 0) if record.proof else record
    made = _like(record, row.created_at, record.proof)
    active = active_items(row)
    adult, child, infant, total = party_and_total(row, active)
    said: dict[Field, FactValue] = {
        Field.TOUR_DATE: bali_day(row.tour_at).isoformat(),
        Field.ADULT: adult,
        Field.CHILD: child,
        Field.INFANT: infant,
        Field.TOTAL_PRICE: total,
        Field.PACKAGE: packages.of(row, active),
        Field.LEGACY_PAYMENT: header_status(row).value,
    }
    if noted is not None:
        said[Field.LEGACY_PAID_AT] = noted.isoformat()
    clock = (row.tour_time or "").strip()
    if is_clock_time(clock):
        said[Field.TOUR_TIME] = clock
    texts = (
        (Field.PICKUP_LOCATION, row.pickup_location),
        (Field.MEETING_POINT, row.meeting_point),
        (Field.NOTE, row.note),
    )
    said.update({about: text for about, text in texts if text and text.strip()})
    registers = {about: Fact(value, 0, record) for about, value in said.items()}
    if name := tidy(row.name)[:MAX_NAME]:
        registers[Field.NAME] = Fact(name, name_quality(name), contact)
    if email := tidy(row.email)[:MAX_NAME]:
        registers[Field.EMAIL] = Fact(email, email_quality(email), contact)
    if phone := legacy_phone(row.phone[:MAX_PHONE]):
        registers[Field.PHONE] = Fact(phone, phone_quality(phone), contact)
    created = {about: fact for about, fact in registers.items() if about in OPS_RELEVANT}
    return BookingFacts(registers=registers, created=created, first=made, creation=made)


def party_and_total(row: LegacyBooking, active: Sequence[LegacyItem]) -> tuple[int, int, int, Money]:
    """Adults, children, infants and total: of the items where there are any, else of the row itself."""
    currency = row.currency.strip().upper()
    if not active:
        return row.adult, row.child or 0, 0, Money(currency, row.total.quantize(CENT))
    return (
        sum(item.adult for item in active),
        sum(item.child for item in active),
        sum(item.infant for item in active),
        Money(currency, sum((item.total for item in active), Decimal(0)).quantize(CENT)),
    )


def header_status(row: LegacyBooking) -> PaymentStatus:
    """What the row's own header says of the payment."""
    if row.system is LegacySystem.SHOP:
        return read_legacy_header(row.status, row.status_v2)
    return PaymentStatus.PAID if row.is_paid else PaymentStatus.PENDING_PAYMENT


def ops_inputs(case: LegacyCase, *, with_finance: bool) -> OpsInputs:
    """Assignment of the best row of the old admin; finance of it or of the next one that has any."""
    admin = case.admin_rows
    finance = case.finance if with_finance else None
    return OpsInputs(
        driver_assigned=bool(admin) and admin[0].driver_id is not None,
        cost_pattern_set=finance is not None and finance.pattern_id is not None,
        finance_items=0 if finance is None else finance.items,
        finance_items_paid=0 if finance is None else finance.items_paid,
        finance_validated=finance is not None and finance.validated_at is not None,
    )
