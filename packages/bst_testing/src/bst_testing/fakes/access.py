"""Principals and producers in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bst_application.errors import Unavailable
from bst_application.ports.access import AccessTransaction, Principal, Producer, SecretsKeyMissing
from bst_application.ports.audit import AuditEntry


class MemoryAccessStore:
    """AccessStore. ``has_key`` False is a process without BST_SECRETS_KEY; ``outage`` a database that is away."""

    def __init__(self) -> None:
        self.audit: list[AuditEntry] = []
        self.has_key = True
        self.outage = False
        self._principals: dict[str, Principal] = {}
        self._producers: dict[str, Producer] = {}
        self._alone = asyncio.Lock()

    async def principals(self) -> list[Principal]:
        self._require_up()
        return list(self._principals.values())

    async def producers(self) -> list[Producer]:
        self._require_up()
        return list(self._producers.values())

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AccessTransaction]:
        self._require_up()
        async with self._alone:
            change = _Changing(dict(self._principals), dict(self._producers), has_key=self.has_key)
            yield change
            self._principals, self._producers = change.principals, change.producers
            self.audit += change.entries

    def _require_up(self) -> None:
        if self.outage:
            raise Unavailable("the storage is down")


class _Changing:
    """One change, on copies."""

    def __init__(self, principals: dict[str, Principal], producers: dict[str, Producer], *, has_key: bool) -> None:
        self.principals, self.producers, self.has_key = principals, producers, has_key
        self.entries: list[AuditEntry] = []

    async def principal(self, name: str) -> Principal | None:
        return self.principals.get(name)

    async def producer(self, name: str) -> Producer | None:
        return self.producers.get(name)

    async def save_principal(self, principal: Principal, entry: AuditEntry) -> None:
        self.principals[principal.name] = principal
        self.entries.append(entry)

    async def save_producer(self, producer: Producer, entry: AuditEntry) -> None:
        before = self.producers.get(producer.name)
        known = {secret.key for secret in before.secrets} if before is not None else set()
        if not self.has_key and any(secret.key not in known for secret in producer.secrets):
            raise SecretsKeyMissing("no key")
        self.producers[producer.name] = producer
        self.entries.append(entry)

    async def encrypt_again(self, entry: AuditEntry) -> int:
        if not self.has_key:
            raise SecretsKeyMissing("no key")
        self.entries.append(entry)
        return sum(len(producer.secrets) for producer in self.producers.values())
