"""Who may administer, and who may send: principals and producers with their tokens and secrets."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from bst_application.ports.audit import AuditEntry
from bst_domain.values import Source


class Role(StrEnum):
    """The predecessor's roles, the mightiest first."""

    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    STAFF = "STAFF"


@frozen(kw_only=True)
class Token:
    """A bearer token, known by its SHA-256 alone.

    A plain hash is right here: the token is 256 random bits, so there is nothing to guess that a slow hash would make dearer.
    """

    key: UUID
    digest: str  # 64 lower-case hex digits
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None


@frozen(kw_only=True)
class Secret:
    """A signing secret. Checking a signature needs the secret itself, so it is kept encrypted, not hashed."""

    key: UUID
    value: str | None = field(repr=False)  # None: no key of this process opens it
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None


@frozen(kw_only=True)
class Principal:
    """A person or a service that administers."""

    key: UUID
    name: str
    role: Role
    made_by: str
    made_at: datetime
    disabled_at: datetime | None = None
    tokens: tuple[Token, ...] = ()


@frozen(kw_only=True)
class Producer:
    """A system that sends events, and the sources that it may send."""

    key: UUID
    name: str
    sources: frozenset[Source]
    made_by: str
    made_at: datetime
    disabled_at: datetime | None = None
    tokens: tuple[Token, ...] = ()
    secrets: tuple[Secret, ...] = ()


class SecretsKeyMissing(Exception):
    """A secret would have to be encrypted, or opened, and this process has no key that can. Nothing was written."""


class AccessTransaction(Protocol):
    """One change. Everything is written when it ends without an exception, or nothing is."""

    async def principal(self, name: str) -> Principal | None: ...

    async def producer(self, name: str) -> Producer | None: ...

    async def save_principal(self, principal: Principal, entry: AuditEntry) -> None:
        """Writes it with its tokens, new or changed, and the audit entry."""
        ...

    async def save_producer(self, producer: Producer, entry: AuditEntry) -> None:
        """The same with secrets; a secret's value never changes. Raises SecretsKeyMissing for a new secret."""
        ...

    async def encrypt_again(self, entry: AuditEntry) -> int:
        """Encrypts every secret under the newest key; returns how many. Raises SecretsKeyMissing when one cannot be opened."""
        ...


class AccessStore(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind. Tokens, secrets and names are in the order of their making."""

    async def principals(self) -> list[Principal]: ...

    async def producers(self) -> list[Producer]: ...

    def changing(self) -> AbstractAsyncContextManager[AccessTransaction]:
        """One change at a time, in all processes."""
        ...
