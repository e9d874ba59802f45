"""Principals and producers in PostgreSQL; the cipher keeps secrets unreadable there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from bst_application.ports.access import (
    AccessTransaction,
    Principal,
    Producer,
    Role,
    Secret,
    SecretsKeyMissing,
    Token,
)
from bst_application.ports.audit import AuditEntry
from bst_domain.values import Source
from bst_postgres.audit import append_entries
from bst_postgres.database import Database, DriverConnection
from bst_postgres.secret_cipher import SecretCipher

#: One change at a time. The number is ours alone.
_ALONE = "select pg_advisory_xact_lock(4272360741)"

_PRINCIPALS = """
select principal_key, principal_name, principal_role, p.made_by, p.created_at, disabled_at,
  coalesce((select json_agg(json_build_array(token_key, token_digest, t.made_by, t.created_at, ended_at)
                            order by t.created_at, token_key)
            from principal_token t where t.principal_key = p.principal_key), '[]'::json)
from principal p where %(name)s::text is null or principal_name = %(name)s order by p.created_at, principal_key
"""
_PRODUCERS = """
select producer_key, producer_name, sources, p.made_by, p.created_at, disabled_at,
  coalesce((select json_agg(json_build_array(token_key, token_digest, t.made_by, t.created_at, ended_at)
                            order by t.created_at, token_key)
            from producer_token t where t.producer_key = p.producer_key), '[]'::json),
  coalesce((select json_agg(json_build_array(secret_key, ciphertext, s.made_by, s.created_at, ended_at)
                            order by s.created_at, secret_key)
            from producer_secret s where s.producer_key = p.producer_key), '[]'::json)
from producer p where %(name)s::text is null or producer_name = %(name)s order by p.created_at, producer_key
"""
_SAVE_PRINCIPAL = """
insert into principal (principal_key, principal_name, principal_role, made_by, created_at, disabled_at)
values (%s, %s, %s, %s, %s, %s) on conflict (principal_key) do update set disabled_at = excluded.disabled_at
"""
_SAVE_PRINCIPAL_TOKEN = """
insert into principal_token (token_key, principal_key, token_digest, made_by, created_at, ended_at)
values (%s, %s, %s, %s, %s, %s) on conflict (token_key) do update set ended_at = excluded.ended_at
"""
_SAVE_PRODUCER = """
insert into producer (producer_key, producer_name, sources, made_by, created_at, disabled_at)
values (%s, %s, %s, %s, %s, %s)
on conflict (producer_key) do update set sources = excluded.sources, disabled_at = excluded.disabled_at
"""
_SAVE_PRODUCER_TOKEN = """
insert into producer_token (token_key, producer_key, token_digest, made_by, created_at, ended_at)
values (%s, %s, %s, %s, %s, %s) on conflict (token_key) do update set ended_at = excluded.ended_at
"""
_END_SECRET = "update producer_secret set ended_at = %s where secret_key = %s"
_NEW_SECRET = """
insert into producer_secret (secret_key, producer_key, ciphertext, made_by, created_at, ended_at)
values (%s, %s, %s, %s, %s, %s)
"""


class PostgresAccessStore:
    """AccessStore on the operational database."""

    def __init__(self, database: Database, cipher: SecretCipher) -> None:
        self._database = database
        self._cipher = cipher

    async def principals(self) -> list[Principal]:
        async with self._database.transaction() as connection:
            return await _principals(connection, None)

    async def producers(self) -> list[Producer]:
        async with self._database.transaction() as connection:
            return await _producers(connection, self._cipher, None)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AccessTransaction]:
        async with self._database.transaction() as connection:
            await connection.execute(_ALONE)
            yield _Changing(connection, self._cipher)


class _Changing:
    """One change."""

    def __init__(self, connection: DriverConnection, cipher: SecretCipher) -> None:
        self._connection = connection
        self._cipher = cipher

    async def principal(self, name: str) -> Principal | None:
        return next(iter(await _principals(self._connection, name)), None)

    async def producer(self, name: str) -> Producer | None:
        return next(iter(await _producers(self._connection, self._cipher, name)), None)

    async def save_principal(self, principal: Principal, entry: AuditEntry) -> None:
        await self._connection.execute(
            _SAVE_PRINCIPAL,
            (
                principal.key,
                principal.name,
                principal.role.value,
                principal.made_by,
                principal.made_at,
                principal.disabled_at,
            ),
        )
        for token in principal.tokens:
            await self._connection.execute(_SAVE_PRINCIPAL_TOKEN, _token_row(principal, token))
        await append_entries(self._connection, [entry])

    async def save_producer(self, producer: Producer, entry: AuditEntry) -> None:
        sources = sorted(source.value for source in producer.sources)
        await self._connection.execute(
            _SAVE_PRODUCER,
            (producer.key, producer.name, sources, producer.made_by, producer.made_at, producer.disabled_at),
        )
        for token in producer.tokens:
            await self._connection.execute(_SAVE_PRODUCER_TOKEN, _token_row(producer, token))
        for secret in producer.secrets:
            done = await self._connection.execute(_END_SECRET, (secret.ended_at, secret.key))
            if not done.rowcount:
                assert secret.value is not None, "a new secret has a value"
                ciphertext = self._cipher.close(secret.key, secret.value)
                row = (secret.key, producer.key, ciphertext, secret.made_by, secret.made_at, secret.ended_at)
                await self._connection.execute(_NEW_SECRET, row)
        await append_entries(self._connection, [entry])

    async def encrypt_again(self, entry: AuditEntry) -> int:
        rows = await (await self._connection.execute("select secret_key, ciphertext from producer_secret")).fetchall()
        for key, ciphertext in rows:
            secret = self._cipher.open(key, ciphertext)
            if secret is None:
                raise SecretsKeyMissing("BST_SECRETS_KEY has no key that opens every secret")
            await self._connection.execute(
                "update producer_secret set ciphertext = %s where secret_key = %s",
                (self._cipher.close(key, secret), key),
            )
        await append_entries(self._connection, [entry])
        return len(rows)


async def _principals(connection: DriverConnection, name: str | None) -> list[Principal]:
    rows = await (await connection.execute(_PRINCIPALS, {"name": name})).fetchall()
    return [
        Principal(
            key=key,
            name=found,
            role=Role(role),
            made_by=made_by,
            made_at=made_at,
            disabled_at=disabled_at,
            tokens=_tokens(tokens),
        )
        for key, found, role, made_by, made_at, disabled_at, tokens in rows
    ]


async def _producers(connection: DriverConnection, cipher: SecretCipher, name: str | None) -> list[Producer]:
    rows = await (await connection.execute(_PRODUCERS, {"name": name})).fetchall()
    return [
        Producer(
            key=key,
            name=found,
            sources=frozenset(map(Source, sources)),
            made_by=made_by,
            made_at=made_at,
            disabled_at=disabled_at,
            tokens=_tokens(tokens),
            secrets=tuple(
                Secret(
                    key=UUID(secret),
                    value=cipher.open(UUID(secret), ciphertext),
                    made_by=maker,
                    made_at=datetime.fromisoformat(at),
                    ended_at=_instant(ended),
                )
                for secret, ciphertext, maker, at, ended in secrets
            ),
        )
        for key, found, sources, made_by, made_at, disabled_at, tokens, secrets in rows
    ]


def _tokens(rows: list[list[Any]]) -> tuple[Token, ...]:
    return tuple(
        Token(
            key=UUID(key), digest=digest, made_by=made_by, made_at=datetime.fromisoformat(at), ended_at=_instant(ended)
        )
        for key, digest, made_by, at, ended in rows
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _token_row(owner: Principal | Producer, token: Token) -> tuple[object, ...]:
    return (token.key, owner.key, token.digest, token.made_by, token.made_at, token.ended_at)
