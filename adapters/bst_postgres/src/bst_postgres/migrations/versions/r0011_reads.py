"""Lists and searches stay fast with a million bookings.

The index of the statuses goes on with channel, time and key, so that each combination is a stream of bookings, newest first. It
and the index of tour days hold all that a list filters by: tens of thousands of entries are looked through without their rows.
What was recorded after its tour has a small index of its own. Contacts get the words that a booking is found by, with an index;
no extension is needed. So far the items of a booking, another system's reference to it and the newest events had none at all.

Existing contacts get their words here, by the rule of this revision. Frozen: never edited once released. There is no way down;
see revision 0001.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_AT_ONCE = 2000
_RUN = re.compile(r"[^\W_]+")
_BOOKINGS = sa.text("""
select core.booking_key, core.external_booking_ref, core.booking_created_at, contact.main_name, contact.main_email,
  contact.phone, contact.phone_e164
from booking_core core join booking_contact contact on contact.booking_key = core.booking_key
where core.booking_key > :behind order by core.booking_key limit :at_once
""")
_UPDATE = sa.text("""
update booking_contact contact set search_words = given.words::tsvector
from unnest(cast(:keys as uuid[]), cast(:words as text[])) given (booking_key, words)
where contact.booking_key = given.booking_key
""")


def upgrade() -> None:
    op.execute("alter table booking_contact add column search_words tsvector not null default ''::tsvector")
    _fill()
    # New words wait in a short list and go into the index together, which costs half; every search reads that list.
    op.execute(
        """create index ix_booking_contact_search_words on booking_contact using gin (search_words)
             with (gin_pending_list_limit = 64)"""
    )
    op.execute("drop index ix_booking_core_status_pair")
    op.execute(
        """create index ix_booking_core_status_pair on booking_core
             (customer_payment_status, ops_fulfillment_status, channel_code, booking_created_at desc, booking_key desc)
             include (tour_date)"""
    )
    op.execute("drop index ix_booking_core_tour_date")
    op.execute(
        """create index ix_booking_core_tour_date on booking_core (tour_date)
             include (booking_created_at, booking_key, customer_payment_status, ops_fulfillment_status, channel_code)"""
    )
    op.execute(
        """create index ix_booking_core_booked_late on booking_core (booking_created_at desc, booking_key desc)
             where tour_date < (booking_created_at at time zone 'UTC')::date - 1"""
    )
    op.execute(
        """create index ix_channel_external_refs_booking_ref on channel_external_refs (external_ref)
             where entity_type = 'BOOKING'"""
    )
    op.execute("create index ix_booking_item_snapshot_booking_key on booking_item_snapshot (booking_key)")
    op.execute("create index ix_ingest_event_newest on ingest_event_log (request_received_at desc, event_key desc)")


def _fill() -> None:
    connection = op.get_bind()
    behind = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(_BOOKINGS, {"behind": behind, "at_once": _AT_ONCE}).all():
        behind = str(rows[-1].booking_key)
        given = {"keys": [row.booking_key for row in rows], "words": [_lexemes(row) for row in rows]}
        connection.execute(_UPDATE, given)


def _lexemes(row: sa.Row[tuple[object, ...]]) -> str:
    fortnight = (row.booking_created_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=14)
    texts = (row.external_booking_ref, row.main_name, row.main_email, row.phone)
    words = {word for text in texts for word in _words(text or "")}
    digits = (row.phone_e164 or "").lstrip("+")
    if digits:
        words |= {digits, "<" + digits[::-1]}
    return " ".join(f"'{fortnight}/{word}'" for word in sorted(words))


def _words(text: str) -> list[str]:
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    folded = "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")
    return [run[:64] for run in _RUN.findall(folded)]
