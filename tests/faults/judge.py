"""What must hold after every fault, judged by what was sent: nothing lost, nothing double, every status right."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

from bst_cli.reading import differences
from bst_domain.ingest import BookingEvent, canonical_text, decode, fingerprint, parse_event, second_of
from bst_domain.lifecycles import FULFILMENT, PAYMENT
from bst_domain.values import FulfilmentStatus, PaymentStatus
from tests.faults.system import Day, System, until


async def judge(system: System, *days: Day, at: int = 0) -> None:
    """Waits until everything is processed, then holds the database and the API ``at`` against the days that were sent."""
    await until(lambda: _is_settled(system), "the end of the backlog")
    await _nothing_lost_and_nothing_double(system, days)
    await _statuses_moved_along_their_tables(system)
    await asyncio.to_thread(_every_booking_is_right, system, days, at)


async def _is_settled(system: System) -> bool:
    waiting = await system.count("ingest_event_log where process_status not in ('DONE', 'FAILED')")
    return waiting + await system.count("ingest_staged_job") == 0


async def _nothing_lost_and_nothing_double(system: System, days: Sequence[Day]) -> None:
    sent: dict[tuple[object, ...], set[str]] = {}
    for day in days:
        for line in day.lines:
            body = decode(line.body)
            event = parse_event(body, now=datetime.now(UTC))
            assert isinstance(event, BookingEvent)
            content = (
                event.identity.channel,
                event.identity.ref,
                event.event_type.value,
                second_of(event.event_time),
                fingerprint(canonical_text(body)),
            )
            sent.setdefault(content, set()).add(line.key)
    log = await system.rows(
        "select source_enum, external_booking_ref, event_type, event_time_normalized, fingerprint, idempotency_key,"
        " event_key, process_status from ingest_event_log"
    )
    assert len(log) == len(sent), "an event is lost, or stands in the log twice"
    assert {row[:5] for row in log} ^ sent.keys() == set()
    assert all(row[5] in sent[row[:5]] for row in log)
    assert {row[7] for row in log} == {"DONE"}, "an event was given up"
    facts = await system.rows("select event_key from booking_fact")
    assert sorted(map(str, (row[6] for row in log))) == sorted(str(key) for (key,) in facts)
    for empty in ("ingest_dead_letter", "unmapped_queue"):
        assert await system.count(empty) == 0, empty


async def _statuses_moved_along_their_tables(system: System) -> None:
    rows = await system.rows(
        "select booking_key, h.version, h.customer_payment_status, h.ops_fulfillment_status, core.version,"
        " core.customer_payment_status, core.ops_fulfillment_status"
        " from booking_status_history h join booking_core core using (booking_key) order by booking_key, h.version"
    )
    for before, after in pairwise(rows):
        if before[0] == after[0]:
            _moves(PAYMENT, PaymentStatus(str(before[2])), PaymentStatus(str(after[2])))
            _moves(FULFILMENT, FulfilmentStatus(str(before[3])), FulfilmentStatus(str(after[3])))
    last = {row[0]: row for row in rows}
    assert {key: row[2:4] for key, row in last.items()} == {key: row[5:7] for key, row in last.items()}


def _moves(table: Any, before: Any, after: Any) -> None:
    assert before is after or table.refuse(before, after) is None, f"{before} became {after}"


def _every_booking_is_right(system: System, days: Sequence[Day], at: int) -> None:
    reader = system.reader(at)
    try:
        found = {(b["channelCode"], b["externalBookingRef"]): b for b in reader.bookings()}
    finally:
        reader.close()
    expected = {(want["channelCode"], want["externalBookingRef"]): want for day in days for want in day.expected}
    assert found.keys() == expected.keys()
    wrong = {ref: differences(cast(dict[str, Any], want), found[ref]) for ref, want in expected.items()}
    assert {ref: what for ref, what in wrong.items() if what} == {}
