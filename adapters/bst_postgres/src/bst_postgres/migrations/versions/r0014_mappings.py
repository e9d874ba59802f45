"""Channel mappings have a status of their own, the unmapped queue knows what waits, and bookings know what to be mapped by.

So far a mapping's status was read off the queue: no entry that waits is MAPPED, one IN_REVIEW is REVIEW_REQUIRED, one OPEN is
UNMAPPED. Existing rows get the status that was shown for them. Of entries that wait for the same mapping (nothing forbade them)
the newest stays. Packages that bookings wait for already get their entry, with the key that live events would give it; where one
is mapped, its bookings are folded again instead.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_NAMESPACE = UUID("6b647a19-b987-5dd4-8c1e-94bceb859370")
_WAITS = "queue_type = 'CHANNEL_MAPPING' and status in ('OPEN', 'IN_REVIEW')"
_SAME_SOURCE = """entry.channel_code = mapping.channel_code and entry.source_system = mapping.source_system
  and entry.source_table = mapping.source_table and entry.source_pk = mapping.source_pk"""
_MAPPED = """exists (select 1 from channel_external_refs mapping
  where mapping.channel_code = booking.channel_code and mapping.external_ref_kind = 'LEGACY_PACKAGE_ID'
    and mapping.external_ref = booking.package_external_ref and mapping.mapping_status = 'MAPPED'
    and (mapping.entity_type = 'CATALOG_PRODUCT'
         and exists (select 1 from catalog_product where product_key = mapping.entity_key)
      or mapping.entity_type = 'CATALOG_VARIANT'
         and exists (select 1 from catalog_variant where variant_key = mapping.entity_key)))"""
_QUEUE = sa.text("""
insert into unmapped_queue (queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code,
  external_ref_kind, external_ref)
values (:key, 'CHANNEL_MAPPING', :channel, 'ingest', 'booking_core', :pk, 'UNMAPPED_PACKAGE', 'LEGACY_PACKAGE_ID', :ref)
on conflict do nothing
""")


def upgrade() -> None:
    op.execute("alter table channel_external_refs add column mapping_status varchar(32) not null default 'MAPPED'")
    op.execute(
        """alter table unmapped_queue add column resolution text, add column entity_type varchar(32),
             add column external_ref_kind varchar(64), add column external_ref varchar(128)"""
    )
    op.execute(
        f"""update channel_external_refs mapping
            set mapping_status = case entry.status when 'IN_REVIEW' then 'REVIEW_REQUIRED' else 'UNMAPPED' end
            from (select distinct on (channel_code, source_system, source_table, source_pk) *
                  from unmapped_queue where {_WAITS}
                  order by channel_code, source_system, source_table, source_pk, created_at desc, queue_key desc) entry
            where {_SAME_SOURCE}"""
    )
    op.execute(
        f"""update unmapped_queue entry set entity_type = mapping.entity_type,
              external_ref_kind = mapping.external_ref_kind, external_ref = mapping.external_ref
            from channel_external_refs mapping where entry.queue_type = 'CHANNEL_MAPPING' and {_SAME_SOURCE}"""
    )
    op.execute(
        f"""update unmapped_queue older set status = 'CLOSED', resolved_by = 'migration 0014', resolved_at = now(),
              resolution = 'a newer entry waits for the same mapping', updated_at = now()
            where {_WAITS} and external_ref is not null and exists (
              select 1 from unmapped_queue newer
              where newer.queue_type = 'CHANNEL_MAPPING' and newer.status in ('OPEN', 'IN_REVIEW')
                and newer.channel_code = older.channel_code and newer.entity_type = older.entity_type
                and newer.external_ref_kind = older.external_ref_kind and newer.external_ref = older.external_ref
                and (newer.created_at, newer.queue_key) > (older.created_at, older.queue_key))"""
    )
    op.execute(
        """alter table channel_external_refs add constraint ck_channel_external_refs_mapping_status
             check (mapping_status in ('MAPPED', 'UNMAPPED', 'REVIEW_REQUIRED'))"""
    )
    op.execute(
        """create index ix_channel_external_refs_newest on channel_external_refs
             (channel_code, updated_at desc, created_at desc, external_ref_key desc)"""
    )
    op.execute("create index ix_unmapped_queue_newest on unmapped_queue (created_at desc, queue_key desc)")
    op.execute(
        f"""create unique index ux_unmapped_queue_waiting_mapping on unmapped_queue
              (channel_code, external_ref_kind, external_ref, entity_type) where {_WAITS}"""
    )
    op.execute(
        """create table package_refold (
             channel_code varchar(32) not null,
             external_ref_kind varchar(64) not null,
             external_ref varchar(128) not null,
             asked_at timestamptz not null,
             behind uuid,
             primary key (channel_code, external_ref_kind, external_ref))"""
    )
    op.execute("alter table booking_core add column package_external_ref varchar(128)")
    op.execute(
        """update booking_core set package_external_ref = legacy_package_id::text
           where package_ref_type = 'LEGACY_PACKAGE' and package_ref_key is null and legacy_package_id is not null"""
    )
    op.execute(
        """create index ix_booking_core_package_external_ref on booking_core
             (channel_code, package_external_ref, booking_key) where package_external_ref is not null"""
    )
    _queue_packages()


def _queue_packages() -> None:
    connection = op.get_bind()
    op.execute(
        f"""insert into package_refold (channel_code, external_ref_kind, external_ref, asked_at)
            select distinct channel_code, 'LEGACY_PACKAGE_ID', package_external_ref, now() from booking_core booking
            where package_external_ref is not null and {_MAPPED}"""
    )
    waiting = connection.execute(
        sa.text(
            f"""select distinct channel_code, package_external_ref from booking_core booking
                where package_external_ref is not null and not {_MAPPED}"""
        )
    ).all()
    for channel, ref in waiting:
        pk = f"{channel}:LEGACY_PACKAGE_ID:{ref}"
        key = uuid5(_NAMESPACE, f"unmapped:CHANNEL_MAPPING:ingest:booking_core:{pk}:UNMAPPED_PACKAGE")
        connection.execute(_QUEUE, {"key": key, "channel": channel, "pk": pk, "ref": ref})
