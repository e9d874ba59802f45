"""Principals and producers as one process knows them: read every other second, never within a request.

A token is found by its SHA-256 in a table, so an unknown token costs what a wrong one costs, and the time that it takes says
nothing about any token: who could learn a digest from it still would not have the token. What was known last holds while the
database is away.
"""

import logging
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from attrs import define, field, frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.access import AccessStore, Principal, Producer
from bst_domain.values import Source

_log = logging.getLogger(__name__)

REFRESH_EVERY_S: Final = 2.0


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def same_token(given: str, expected: str) -> bool:
    """Compares digests: the time tells neither where two tokens differ nor how long they are. An unset token opens nothing."""
    return compare_digest(digest_of(given), digest_of(expected)) and bool(expected)


@frozen(kw_only=True)
class Sender:
    """A producer as the door needs it. ``name`` is None for the one of the environment, which may send every source."""

    name: str | None
    secrets: tuple[str, ...] = field(repr=False)
    sources: frozenset[Source]
    all_open: bool = True  # False: it has live secrets that no key of this process opens

    def own_key(self, idempotency_key: str) -> str:
        """The key as the log keeps it: a producer's keys are its own, so that none can use up another's.

        A key has no blank, so the two parts cannot be mistaken. The environment's producer keeps its keys as they are.
        """
        return idempotency_key if self.name is None else f"{self.name} {idempotency_key}"

    def own_nonce(self, nonce: str) -> str:
        """The nonce as the store of nonces keeps it; likewise, but of a length that always fits."""
        return nonce if self.name is None else f" {digest_of(f'{self.name} {nonce}')}"


@define
class AccessBoard:
    """Never older than the last ``refresh`` that worked."""

    _store: AccessStore
    _own_token: str = field(repr=False)
    _own: Sender
    is_read: bool = field(default=False, init=False)
    _principals: Mapping[str, Principal] = field(factory=dict, init=False)
    _senders: Mapping[str, Sender] = field(factory=dict, init=False)
    _unreadable: frozenset[str] = field(default=frozenset(), init=False)

    def __attrs_post_init__(self) -> None:
        self._senders = self._with_own({})

    async def refresh(self) -> int:
        """Reads everything; returns 0. Raises Unavailable and Conflict, and goes on with what was known."""
        principals, producers = await self._store.principals(), await self._store.producers()
        self._principals = {
            token.digest: principal
            for principal in principals
            if principal.disabled_at is None
            for token in principal.tokens
            if token.ended_at is None
        }
        live = [producer for producer in producers if producer.disabled_at is None]
        self._senders = self._with_own(
            {token.digest: _sender(each) for each in live for token in each.tokens if token.ended_at is None}
        )
        self.is_read = True
        self._tell_unreadable(live)
        return 0

    async def first_look(self) -> None:
        """A database that is away keeps nobody from starting."""
        try:
            await self.refresh()
        except (Unavailable, Conflict) as error:
            _log.warning("principals and producers are unknown until the database answers: %s", error)

    def principal(self, token: str) -> Principal | None:
        """Whose token it is; None for nobody's."""
        return self._principals.get(digest_of(token))

    def sender(self, token: str) -> Sender | None:
        """The producer whose token it is; None for nobody's."""
        return self._senders.get(digest_of(token))

    def _with_own(self, others: Mapping[str, Sender]) -> Mapping[str, Sender]:
        return {**others, digest_of(self._own_token): self._own} if self._own_token else others

    def _tell_unreadable(self, producers: list[Producer]) -> None:
        """Once for each producer, not every other second."""
        unreadable = frozenset(producer.name for producer in producers if not _sender(producer).all_open)
        for name in sorted(unreadable - self._unreadable):
            _log.error(
                "secrets of the producer %s cannot be opened: BST_SECRETS_KEY must have the key that they were made under",
                name,
            )
        self._unreadable = unreadable


def _sender(producer: Producer) -> Sender:
    values = [secret.value for secret in producer.secrets if secret.ended_at is None]
    return Sender(
        name=producer.name,
        secrets=tuple(value for value in values if value is not None),
        sources=producer.sources,
        all_open=None not in values,
    )
