"""Reads from PostgreSQL's own catalogs what a database is made of, in the form of target_schema.json."""

import re
from typing import Any

import psycopg

Schema = dict[str, dict[str, Any]]

_TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
from pg_attribute a join pg_class c on c.oid = a.attrelid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum
"""
_CONSTRAINTS = """
select c.relname, n.conname, n.contype::text, pg_get_constraintdef(n.oid)
from pg_constraint n join pg_class c on c.oid = n.conrelid
where c.relnamespace = 'public'::regnamespace and n.contype in ('p', 'f', 'c')
"""
_INDEXES = """
select c.relname, i.relname, x.indisunique,
  array(select pg_get_indexdef(x.indexrelid, k, true) || case when x.indoption[k - 1] & 1 = 1 then ' desc' else '' end
        from generate_series(1, x.indnkeyatts) k order by k),
  pg_get_expr(x.indpred, x.indrelid),
  array(select pg_get_indexdef(x.indexrelid, k, true) from generate_series(x.indnkeyatts + 1, x.indnatts) k order by k)
from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
where c.relnamespace = 'public'::regnamespace and not x.indisprimary
"""
# PostgreSQL's long names, as the target writes them.
_TYPES = {
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "character varying": "varchar",
}


def read_schema(connection: psycopg.Connection[Any]) -> Schema:
    """Every table of the schema public with its columns, keys, checks and indexes."""
    tables: Schema = {
        name: {"columns": {}, "primary_key": [], "foreign_keys": {}, "checks": {}, "indexes": {}}
        for (name,) in connection.execute(_TABLES)
    }
    for table, name, type_, nullable, default in connection.execute(_COLUMNS):
        tables[table]["columns"][name] = {"type": _type(type_), "nullable": nullable, "default": _default(default)}
    for table, name, kind, definition in connection.execute(_CONSTRAINTS):
        if kind == "p":
            tables[table]["primary_key"] = definition.removeprefix("PRIMARY KEY (").removesuffix(")").split(", ")
        elif kind == "f":
            tables[table]["foreign_keys"] |= _foreign_key(definition)
        else:
            tables[table]["checks"][name] = _check(definition)
    for table, name, unique, columns, where, included in connection.execute(_INDEXES):
        predicate = None if where is None else where.strip("()").lower()
        tables[table]["indexes"][name] = {"unique": unique, "columns": columns, "where": predicate}
        if included:
            tables[table]["indexes"][name]["include"] = included
    return tables


def _type(name: str) -> str:
    for long, short in _TYPES.items():
        name = name.replace(long, short)
    return name


def _default(expression: str | None) -> str | None:
    """A string's own type adds nothing; that of a JSON document or an array does."""
    return None if expression is None else expression.replace("::character varying", "")


def _foreign_key(definition: str) -> dict[str, Any]:
    found = re.fullmatch(r"FOREIGN KEY \((\w+)\) REFERENCES (\w+)\((\w+)\)(?: ON DELETE (\w+))?", definition)
    assert found is not None, definition
    own, table, column, action = found.groups()
    return {own: {"table": table, "column": column, "on_delete": action and action.lower()}}


def _check(definition: str) -> dict[str, Any]:
    switch = re.fullmatch(r"CHECK \((\w+)\)", definition)
    if switch is not None:
        return {"column": switch[1], "values": ["true"]}
    found = re.fullmatch(r"CHECK \(\(\((\w+)\)::text = ANY \(.*\)\)\)", definition)
    assert found is not None, definition
    return {"column": found[1], "values": re.findall(r"'(\w+)'", definition)}
