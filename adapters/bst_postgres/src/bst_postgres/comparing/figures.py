"""Counts of what is here, each in one pass."""

from datetime import date
from typing import Any

from bst_application.ports.comparing import Figures, MoneyByCurrency
from bst_domain.migration import LegacySystem
from bst_postgres.database import DriverConnection
from bst_postgres.reconciliation import PLAIN_REF

_BOOKINGS = """
select count(*), coalesce(sum(number_of_adult), 0), coalesce(sum(number_of_child), 0), coalesce(sum(infant_qty), 0)
from booking_core core left join booking_party party using (booking_key) where {moved}
"""
_PAX = """
select coalesce(sum(header), 0), coalesce(sum(items), 0), count(*) filter (where header <> items) from (
  select coalesce(number_of_adult, 0) + coalesce(number_of_child, 0) as header, counted.items from booking_core core
  join (select booking_key, sum(adult_qty + child_qty) as items from booking_item_snapshot group by 1) counted
    using (booking_key) where {moved}) pax
"""
_TOTALS = """
select currency_code, count(*), coalesce(sum(total_price), 0) from booking_core core where {moved} group by 1 order by 1
"""
_PAYMENT_TOTALS = """
select paid.currency_code, count(*), coalesce(sum(paid.amount), 0) from payment_event paid join booking_core core
  using (booking_key) where {moved} group by 1 order by 1
"""
_DRIFT = """
select taken.source_system, taken.word, core.ops_fulfillment_status, count(*) from taken
join led on led.source_system = taken.source_system and led.row_id = taken.row_id
join booking_core core on core.booking_key = led.booking_key group by 1, 2, 3
"""
_TWINS = f"""
select coalesce(sum(many - 1), 0) from (select count(*) as many from booking_core
  group by channel_code, {PLAIN_REF} having count(*) > 1) twins
"""
_WITHOUT = "booking_core core where not exists (select from {} other where other.booking_key = core.booking_key)"
_ORPHANS = {
    "bookings without contact": _WITHOUT.format("booking_contact"),
    "bookings without party": _WITHOUT.format("booking_party"),
    "bookings without state": _WITHOUT.format("ops_booking_state"),
    "references to no booking": "channel_external_refs r where r.entity_type = 'BOOKING' and not exists"
    " (select from booking_core core where core.booking_key = r.entity_key)",
    "payments without a fact": "payment_event paid where not exists (select from payment_fact fact where fact.booking_key ="
    " paid.booking_key and (fact.event_key = paid.payment_key or fact.order_id = paid.gateway_order_id or fact.reference ="
    " any (array[paid.payment_ref, paid.gateway_capture_id, paid.gateway_order_id])))",
}
_DUE = """
select count(*) from booking_core where tour_date <= %s and ops_fulfillment_status in ('NEW', 'READY', 'UPDATED')
"""


async def count_figures(connection: DriverConnection, not_live_only: str, today: date) -> Figures:
    """Of bookings that were moved in; orphans and twins of all."""
    moved = not_live_only.format(key="core.booking_key")

    async def all_of(query: str, *given: object) -> list[Any]:
        return await (await connection.execute(query.format(moved=moved).encode(), given or None)).fetchall()

    [(bookings, adults, children, infants)] = await all_of(_BOOKINGS)
    [(header, items, mismatches)] = await all_of(_PAX)
    [(live_only,)] = await all_of("select count(*) from live_only")
    [(payments,)] = await all_of("select count(*) from payment_event")
    [(twins,)] = await all_of(_TWINS)
    [(due,)] = await all_of(_DUE, today)
    return Figures(
        bookings=bookings,
        live_only=live_only,
        adults=int(adults),
        children=int(children),
        infants=int(infants),
        header_pax=int(header),
        item_pax=int(items),
        pax_mismatches=mismatches,
        totals=[MoneyByCurrency(currency=c, bookings=n, total=t) for c, n, t in await all_of(_TOTALS)],
        payments_here=payments,
        payment_totals=[MoneyByCurrency(currency=c, bookings=n, total=t) for c, n, t in await all_of(_PAYMENT_TOTALS)],
        drift={(LegacySystem(s), word, status): n for s, word, status, n in await all_of(_DRIFT)},
        duplicates=int(twins),
        orphans={name: (await all_of(f"select count(*) from {of}"))[0][0] for name, of in _ORPHANS.items()},
        due_for_recompute=due,
    )
