"""Locks bookings and reads what processing folds into: one query for all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import evolve

from bst_application.ports.bookings import Statuses, StoredBooking
from bst_domain.booking import (
    BookingFacts,
    OpsInputs,
    PackageRef,
    PackageRefType,
    PaymentFact,
    Reason,
    facts_from_document,
    looked_up_as,
)
from bst_domain.values import (
    BookingIdentity,
    BookingKey,
    ChannelReference,
    ExternalRef,
    FulfilmentStatus,
    PaymentKind,
    PaymentStatus,
)
from bst_postgres.bookings.taken_over import load_taken_over
from bst_postgres.database import DriverConnection, as_json

# Locks end with the transaction. Taking them in number order keeps two groups from waiting for each other in a circle.
_LOCK = """
select pg_advisory_xact_lock(number) from (
  select number from json_array_elements_text(%s::json) as given (number_text),
    lateral (select number_text::bigint as number) cast_to order by number) ordered
"""

# Names are looked up one by one: with a join the planner may prefer to read a whole table when it knows little of it.
_LOAD = """
select given.at, core.booking_key, core.channel_code, core.external_booking_ref, core.version, core.fold,
  core.customer_payment_status, core.ops_fulfillment_status, core.status_reasons,
  case when core.package_external_ref is not null and core.package_ref_key is not null
    then json_build_array(core.package_ref_type, core.package_ref_key, core.legacy_package_id) end,
  state.assigned_driver_id is not null, finance.pattern_id is not null, finance.validated_at is not null,
  finance.settlement_status = 'SETTLED',
  (select json_agg(json_build_array(provider, kind, reference, order_id, amount::text, payment.currency_code, instant,
     raw_status, partially_returned, weak, also_called, origin, event_key, event_time))
   from payment_fact payment where payment.booking_key = core.booking_key)
from json_to_recordset(%s::json) as given (at int, channel text, ref text)
cross join lateral (
  select coalesce(
    (select booking_key from booking_core where channel_code = given.channel and external_booking_ref = given.ref),
    (select entity_key from channel_external_refs where entity_type = 'BOOKING' and channel_code = given.channel
       and external_ref_kind = 'BOOKING_REF' and external_ref = given.ref and mapping_status = 'MAPPED')) as booking_key
  offset 0) named
join booking_core core on core.booking_key = named.booking_key
left join ops_booking_state state on state.booking_key = core.booking_key
left join ops_finance_bridge finance on finance.booking_key = core.booking_key
"""


# Shared: bookings of one package do not wait for one another, and a mapping waits for all of them.
_LOCK_PACKAGES = _LOCK.replace("pg_advisory_xact_lock(", "pg_advisory_xact_lock_shared(")
_PACKAGES = """
select given.at, mapping.entity_type, mapping.entity_key
from json_to_recordset(%s::json) as given (at int, channel text, kind text, ref text)
cross join lateral (
  select entity_type, entity_key from channel_external_refs
  where entity_type in ('CATALOG_PRODUCT', 'CATALOG_VARIANT') and channel_code = given.channel
    and external_ref_kind = given.kind and external_ref = given.ref and mapping_status = 'MAPPED'
    and (exists (select 1 from catalog_variant where entity_type = 'CATALOG_VARIANT' and variant_key = entity_key)
      or exists (select 1 from catalog_product where entity_type = 'CATALOG_PRODUCT' and product_key = entity_key))
  order by entity_type desc limit 1) mapping
"""


async def lock_bookings(connection: DriverConnection, identities: Sequence[BookingIdentity]) -> None:
    """Waits until nobody else works on these bookings, whether they exist or not."""
    numbers = sorted({identity.lock_number() for identity in identities})
    await connection.execute(_LOCK, (as_json([str(number) for number in numbers]),))


async def load_packages(
    connection: DriverConnection, named: Sequence[ChannelReference]
) -> Mapping[ChannelReference, PackageRef]:
    """What packages are mapped to, a variant before its product; a mapping to what is not there leads nowhere."""
    names = sorted({name for reference in named for name in looked_up_as(reference)})
    numbers = sorted({name.lock_number() for name in names})
    await connection.execute(_LOCK_PACKAGES, (as_json([str(number) for number in numbers]),))
    given = [{"at": at, "channel": n.channel, "kind": n.kind, "ref": n.ref} for at, n in enumerate(names)]
    rows = await (await connection.execute(_PACKAGES, (as_json(given),))).fetchall()
    mapped = {names[at]: (PackageRefType(kind), key) for at, kind, key in rows}
    found = {}
    for reference in named:
        entity = next((mapped[name] for name in looked_up_as(reference) if name in mapped), None)
        if entity is not None:
            found[reference] = PackageRef(*entity, int(reference.ref))
    return found


async def load_bookings(
    connection: DriverConnection, identities: Sequence[BookingIdentity]
) -> Mapping[BookingIdentity, StoredBooking]:
    """Reads locked bookings by the identity asked for. One that an alias leads to is locked under its own name first."""
    loaded = await read_bookings(connection, identities)
    others = {booking.identity for asked, booking in loaded.items() if booking.identity != asked}
    if others - set(identities):
        await lock_bookings(connection, sorted(others))
        loaded = await read_bookings(connection, identities)
    return loaded


async def read_bookings(
    connection: DriverConnection, identities: Sequence[BookingIdentity]
) -> dict[BookingIdentity, StoredBooking]:
    """Reads bookings by the identity asked for, whoever works on them."""
    given = [{"at": at, "channel": i.channel, "ref": i.ref} for at, i in enumerate(identities)]
    rows = await (await connection.execute(_LOAD, (as_json(given),))).fetchall()
    taken_over = await load_taken_over(connection, [row[1] for row in rows if not row[5]])
    return {identities[row[0]]: _booking(row, taken_over.get(row[1])) for row in rows}


def _booking(row: tuple[Any, ...], taken_over: BookingFacts | None) -> StoredBooking:
    (_, key, channel, ref, version, fold, payment, fulfilment, reasons, package, *ops, paid) = row
    driver, pattern, validated, settled = ops
    payments = [_payment(entry) for entry in paid or ()]
    return StoredBooking(
        key=BookingKey(key),
        identity=BookingIdentity(channel, ExternalRef(ref)),
        version=version,
        facts=evolve(taken_over or facts_from_document(fold), payments={fact.key: fact for fact in payments}),
        ops=OpsInputs(
            driver_assigned=driver,
            cost_pattern_set=pattern,
            # The bridge keeps the verdict on the items, not the items: SETTLED is at least one, and all paid.
            finance_items=1 if settled else 0,
            finance_items_paid=1 if settled else 0,
            finance_validated=validated,
            package=None if package is None else _package(package),
        ),
        statuses=Statuses(
            payment=PaymentStatus(payment),
            fulfilment=FulfilmentStatus(fulfilment),
            reasons=tuple(map(Reason, reasons)),
        ),
    )


def _package(row: Sequence[Any]) -> PackageRef:
    kind, key, legacy_id = row
    return PackageRef(PackageRefType(kind), UUID(key), legacy_id)


def _payment(row: Sequence[Any]) -> PaymentFact:
    (provider, kind, ref, order, amount, currency, instant, raw, partially, weak, also, origin, event, at) = row
    return PaymentFact(
        provider=provider,
        kind=PaymentKind(kind),
        reference=ref,
        order_id=order,
        amount=Decimal(amount),
        currency=currency,
        instant=datetime.fromisoformat(instant),
        raw_status=raw,
        partially_returned=partially,
        weak=weak,
        also_called=also,
        origin=origin,
        event_id=UUID(event),
        event_time=datetime.fromisoformat(at),
    )
