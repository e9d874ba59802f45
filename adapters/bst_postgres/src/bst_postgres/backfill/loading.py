"""Reads what moving money folds into. Most bookings are untouched since they were moved in, and little of them is needed."""

from collections.abc import Mapping, Sequence
from typing import Any

from bst_application.ports.bookings import Statuses, StoredBooking
from bst_domain.booking import OpsInputs, PackageRef, PackageRefType, Reason
from bst_domain.migration import Untouched, facts_of_untouched
from bst_domain.values import BookingIdentity, BookingKey, FulfilmentStatus, Money, PaymentStatus
from bst_postgres.bookings.loading import load_bookings, lock_bookings
from bst_postgres.database import DriverConnection, as_json

# Anything that anybody says later moves the version, or says who wrote it; so does the first payment.
_UNTOUCHED = """
select given.at, core.booking_key, core.customer_payment_status, core.ops_fulfillment_status, core.status_reasons,
  core.tour_date, core.number_of_adult, core.currency_code, core.total_price, core.package_ref_type, core.package_ref_key,
  core.legacy_package_id, core.package_external_ref, state.paid_at, state.assigned_driver_id is not null,
  finance.pattern_id is not null, finance.validated_at is not null, coalesce(finance.settlement_status = 'SETTLED', false)
from json_to_recordset(%s::json) as given (at int, channel text, ref text)
cross join lateral (select * from booking_core core where core.channel_code = given.channel
  and core.external_booking_ref = given.ref and core.version = 1 offset 0) core
join ops_booking_state state on state.booking_key = core.booking_key
  and state.updated_from_source in ('balisnap', 'bstadmin')
left join ops_finance_bridge finance on finance.booking_key = core.booking_key
where core.package_ref_type is not null
  and not exists (select from payment_fact payment where payment.booking_key = core.booking_key)
"""


async def load_for_money(
    connection: DriverConnection, identities: Sequence[BookingIdentity]
) -> Mapping[BookingIdentity, StoredBooking]:
    """Locked, by the identity asked for."""
    await lock_bookings(connection, identities)
    given = [{"at": at, "channel": i.channel, "ref": i.ref} for at, i in enumerate(identities)]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_UNTOUCHED, (as_json(given),))
        found = {identities[row[0]]: _booking(identities[row[0]], row) for row in await cursor.fetchall()}
    others = [identity for identity in identities if identity not in found]
    return {**found, **await load_bookings(connection, others)} if others else found


def _booking(identity: BookingIdentity, row: tuple[Any, ...]) -> StoredBooking:
    (_, key, payment, fulfilment, words, tour_date, adult, currency, amount, *package, paid_at) = row[:14]
    driver, pattern, validated, settled = row[14:]
    kind, package_key, legacy_id, named = package
    shown = PackageRef(PackageRefType(kind), package_key, legacy_id)
    is_mapped = named is not None and package_key is not None
    statuses = Statuses(
        payment=PaymentStatus(payment), fulfilment=FulfilmentStatus(fulfilment), reasons=tuple(map(Reason, words))
    )
    facts = facts_of_untouched(
        Untouched(
            payment_status=statuses.payment,
            fulfilment_status=statuses.fulfilment,
            reasons=statuses.reasons,
            tour_date=tour_date,
            adult=adult,
            total=None if currency is None else Money(currency, amount),
            package=PackageRef(PackageRefType.LEGACY_PACKAGE, None, int(named)) if is_mapped else shown,
            paid_at=paid_at,
        )
    )
    return StoredBooking(
        key=BookingKey(key),
        identity=identity,
        version=1,
        facts=facts,
        ops=OpsInputs(
            driver_assigned=driver,
            cost_pattern_set=pattern,
            # As in processing: the verdict on the items is kept, not the items.
            finance_items=1 if settled else 0,
            finance_items_paid=1 if settled else 0,
            finance_validated=validated,
            package=PackageRef(shown.type, package_key, int(named)) if is_mapped else None,
        ),
        statuses=statuses,
    )
