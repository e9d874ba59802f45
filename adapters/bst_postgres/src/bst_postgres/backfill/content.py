"""Writes what the shop tells about its products. Of each part, only what nobody has changed here follows its source."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from bst_domain.catalog import Content, content_json, stored_content
from bst_domain.migration import content_marks, merged_content
from bst_postgres.backfill.references import BRIDGE
from bst_postgres.database import DriverConnection, as_json, as_uuid_array

_TABLE = "catalog_product_content"
_HERE = """
select product.product_key, content.payload, written.label_after
from catalog_product product left join catalog_product_content content using (product_key)
left join migration_written written on written.batch_code = 'C' and written.table_name = 'catalog_product_content'
  and written.row_key = product.product_key::text
where product.product_key = any (%s::uuid[])
"""
# What an editor has written stays an editor's, with what the source has told since.
_WRITE = """
insert into catalog_product_content (product_key, payload, updated_by, created_at, updated_at)
select key, payload, %(by)s, %(now)s, %(now)s from json_to_recordset(%(given)s::json) as given (key uuid, payload jsonb)
on conflict (product_key) do update set payload = excluded.payload
"""
_MARK = """
insert into migration_written (batch_code, table_name, row_key, label_after, run_key)
select 'C', 'catalog_product_content', key, marks, '00000000-0000-0000-0000-000000000000'
from json_to_recordset(%s::json) as given (key text, marks text)
on conflict (batch_code, table_name, row_key) do update set label_after = excluded.label_after
where migration_written.label_after <> excluded.label_after
"""


async def save_contents(connection: DriverConnection, contents: Mapping[UUID, Content], now: datetime) -> int:
    """``contents``: our key of a product -> what its source tells, which may be nothing any more. Returns how many documents were
    written."""
    if not contents:
        return 0
    found = await (await connection.execute(_HERE, (as_uuid_array(list(contents)),))).fetchall()
    rows, marks = [], []
    for key, payload, known in found:
        if known is None and contents[key] == Content():  # the source has never told anything
            continue
        here = None if payload is None else stored_content(payload)
        merged = merged_content(here, known, contents[key])
        marks.append({"key": str(key), "marks": content_marks(contents[key])})
        if merged != here:
            rows.append({"key": key, "payload": content_json(merged)})
    if rows:
        await connection.execute(_WRITE, {"given": as_json(rows), "by": BRIDGE, "now": now})
    if marks:
        await connection.execute(_MARK, (as_json(marks),))
    return len(rows)
