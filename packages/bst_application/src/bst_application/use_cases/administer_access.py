"""Principals and producers, changed by an administrator: each change with its audit entry in one commit.

A new token or secret is in the outcome and nowhere else: it is shown once. The audit trail names it by its id.
"""

import re
import secrets as entropy
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import evolve, field, frozen

from bst_application.access import digest_of
from bst_application.ports.access import AccessStore, Principal, Producer, Role, Secret, Token
from bst_application.ports.audit import AuditEntry
from bst_application.use_cases.repair import Author
from bst_domain.values import Source

#: Becomes the actor of audit entries. ``system`` is what the processes call themselves.
PRINCIPAL_NAME: Final = re.compile(r"(?!system$)[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
#: Stands before the producer's keys in the log: 62 characters, a blank and a key of 128 fit into 191.
PRODUCER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,61}")
RANDOM_BYTES: Final = 32


@frozen
class NotDone:
    """Nothing was changed. Two sentences."""

    why: str
    cure: str


@frozen(kw_only=True)
class PrincipalChanged:
    """How it is now. ``token`` is a new one."""

    principal: Principal
    token: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class ProducerChanged:
    """How it is now. ``token`` and ``secret`` are new ones."""

    producer: Producer
    token: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)


def _random(kind: str) -> str:
    """The prefix lets a secret scanner recognise what leaked."""
    return f"bst_{kind}_{entropy.token_urlsafe(RANDOM_BYTES)}"


@frozen(kw_only=True)
class AdministerAccess:
    """Every method raises Unavailable and Conflict."""

    store: AccessStore
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def add_principal(self, name: str, role: Role, *, reason: str, by: Author) -> PrincipalChanged | NotDone:
        """A new one with its first token."""
        if PRINCIPAL_NAME.fullmatch(name) is None:
            return NotDone(
                f"{name[:191]!r} cannot be a principal's name",
                "Use up to 128 letters, digits and . _ @ + -, not 'system'; an e-mail address will do.",
            )
        async with self.store.changing() as tx:
            if await tx.principal(name) is not None:
                return NotDone(
                    f"there is a principal {name} already", "A name is used once, so that the audit stays clear."
                )
            token, kept = self._token("principal", by)
            now = self.now()
            principal = Principal(
                key=self.new_id(), name=name, role=role, made_by=by.actor, made_at=now, tokens=(kept,)
            )
            said = {"role": role.value, "tokenId": str(kept.key), "reason": reason}
            await tx.save_principal(principal, self._entry("PRINCIPAL_ADDED", "PRINCIPAL", name, said, by))
        return PrincipalChanged(principal=principal, token=token)

    async def add_principal_token(self, name: str, *, reason: str, by: Author) -> PrincipalChanged | NotDone:
        """One more token; the others go on."""
        async with self.store.changing() as tx:
            principal = await tx.principal(name)
            if principal is None or principal.disabled_at is not None:
                return _not_live("principal", name)
            token, kept = self._token("principal", by)
            principal = evolve(principal, tokens=(*principal.tokens, kept))
            said = {"tokenId": str(kept.key), "reason": reason}
            await tx.save_principal(principal, self._entry("PRINCIPAL_TOKEN_ADDED", "PRINCIPAL", name, said, by))
        return PrincipalChanged(principal=principal, token=token)

    async def revoke_principal_token(
        self, name: str, token_id: UUID, *, reason: str, by: Author
    ) -> PrincipalChanged | NotDone:
        """That token opens nothing any more."""
        async with self.store.changing() as tx:
            principal = await tx.principal(name)
            if principal is None:
                return _not_live("principal", name)
            tokens = self._ended(principal.tokens, token_id)
            if tokens is None:
                return _no_such("token", name, token_id)
            principal = evolve(principal, tokens=tokens)
            said = {"tokenId": str(token_id), "reason": reason}
            await tx.save_principal(principal, self._entry("PRINCIPAL_TOKEN_REVOKED", "PRINCIPAL", name, said, by))
        return PrincipalChanged(principal=principal)

    async def disable_principal(self, name: str, *, reason: str, by: Author) -> PrincipalChanged | NotDone:
        """None of its tokens opens anything any more."""
        async with self.store.changing() as tx:
            principal = await tx.principal(name)
            if principal is None or principal.disabled_at is not None:
                return _not_live("principal", name)
            principal = evolve(principal, disabled_at=self.now())
            entry = self._entry("PRINCIPAL_DISABLED", "PRINCIPAL", name, {"reason": reason}, by)
            await tx.save_principal(principal, entry)
        return PrincipalChanged(principal=principal)

    async def add_producer(
        self, name: str, sources: frozenset[Source], *, reason: str, by: Author
    ) -> ProducerChanged | NotDone:
        """A new one with its first token and secret. Raises SecretsKeyMissing."""
        if PRODUCER_NAME.fullmatch(name) is None:
            return NotDone(
                f"{name[:191]!r} cannot be a producer's name", "Use up to 62 lower-case letters, digits and . _ -."
            )
        async with self.store.changing() as tx:
            if await tx.producer(name) is not None:
                return NotDone(
                    f"there is a producer {name} already", "A name is used once, so that the audit stays clear."
                )
            (token, kept), (secret, kept_secret) = self._token("producer", by), self._secret(by)
            producer = Producer(
                key=self.new_id(),
                name=name,
                sources=sources,
                made_by=by.actor,
                made_at=self.now(),
                tokens=(kept,),
                secrets=(kept_secret,),
            )
            said = {
                "sources": sorted(sources),
                "tokenId": str(kept.key),
                "secretId": str(kept_secret.key),
                "reason": reason,
            }
            await tx.save_producer(producer, self._entry("PRODUCER_ADDED", "PRODUCER", name, said, by))
        return ProducerChanged(producer=producer, token=token, secret=secret)

    async def rotate_producer(
        self, name: str, *, with_token: bool, reason: str, by: Author
    ) -> ProducerChanged | NotDone:
        """One more secret, and one more token where asked for; the old ones go on until they are retired.

        Raises SecretsKeyMissing.
        """
        async with self.store.changing() as tx:
            producer = await tx.producer(name)
            if producer is None or producer.disabled_at is not None:
                return _not_live("producer", name)
            secret, kept_secret = self._secret(by)
            producer = evolve(producer, secrets=(*producer.secrets, kept_secret))
            said = {"secretId": str(kept_secret.key), "reason": reason}
            token = None
            if with_token:
                token, kept = self._token("producer", by)
                producer = evolve(producer, tokens=(*producer.tokens, kept))
                said["tokenId"] = str(kept.key)
            await tx.save_producer(producer, self._entry("PRODUCER_ROTATED", "PRODUCER", name, said, by))
        return ProducerChanged(producer=producer, token=token, secret=secret)

    async def retire(self, name: str, credential: UUID, *, reason: str, by: Author) -> ProducerChanged | NotDone:
        """Ends a token or a secret; the last live one of its kind stays, because that would be disabling."""
        async with self.store.changing() as tx:
            producer = await tx.producer(name)
            if producer is None:
                return _not_live("producer", name)
            tokens = self._ended(producer.tokens, credential)
            secrets = self._ended(producer.secrets, credential)
            if tokens is None and secrets is None:
                return _no_such("token or secret", name, credential)
            left = tokens if tokens is not None else secrets
            assert left is not None
            if all(each.ended_at is not None for each in left):
                return NotDone(
                    f"{credential} is the last of its kind that {name} has",
                    f"Make a new one first (bst producers rotate {name}), or disable the producer.",
                )
            producer = evolve(producer, tokens=tokens or producer.tokens, secrets=secrets or producer.secrets)
            said = {"tokenId" if tokens is not None else "secretId": str(credential), "reason": reason}
            await tx.save_producer(producer, self._entry("PRODUCER_CREDENTIAL_RETIRED", "PRODUCER", name, said, by))
        return ProducerChanged(producer=producer)

    async def limit_producer(
        self, name: str, sources: frozenset[Source], *, reason: str, by: Author
    ) -> ProducerChanged | NotDone:
        """These sources and no others."""
        async with self.store.changing() as tx:
            producer = await tx.producer(name)
            if producer is None or producer.disabled_at is not None:
                return _not_live("producer", name)
            said = {"before": sorted(producer.sources), "sources": sorted(sources), "reason": reason}
            producer = evolve(producer, sources=sources)
            await tx.save_producer(producer, self._entry("PRODUCER_SOURCES_SET", "PRODUCER", name, said, by))
        return ProducerChanged(producer=producer)

    async def disable_producer(self, name: str, *, reason: str, by: Author) -> ProducerChanged | NotDone:
        """It sends nothing any more."""
        async with self.store.changing() as tx:
            producer = await tx.producer(name)
            if producer is None or producer.disabled_at is not None:
                return _not_live("producer", name)
            producer = evolve(producer, disabled_at=self.now())
            await tx.save_producer(producer, self._entry("PRODUCER_DISABLED", "PRODUCER", name, {"reason": reason}, by))
        return ProducerChanged(producer=producer)

    async def encrypt_again(self, *, reason: str, by: Author) -> int:
        """Every secret under the newest key; returns how many. Raises SecretsKeyMissing."""
        async with self.store.changing() as tx:
            entry = self._entry("PRODUCER_SECRETS_ENCRYPTED_AGAIN", "PRODUCER", None, {"reason": reason}, by)
            return await tx.encrypt_again(entry)

    def _token(self, kind: str, by: Author) -> tuple[str, Token]:
        token = _random(kind)
        return token, Token(key=self.new_id(), digest=digest_of(token), made_by=by.actor, made_at=self.now())

    def _secret(self, by: Author) -> tuple[str, Secret]:
        value = _random("secret")
        return value, Secret(key=self.new_id(), value=value, made_by=by.actor, made_at=self.now())

    def _ended(self, all_of_them: Sequence[Any], key: UUID) -> tuple[Any, ...] | None:
        """The same with that one ended; None when there is no such live one."""
        if not any(each.key == key and each.ended_at is None for each in all_of_them):
            return None
        return tuple(evolve(each, ended_at=self.now()) if each.key == key else each for each in all_of_them)

    def _entry(
        self, event_type: str, kind: str, name: str | None, metadata: Mapping[str, Any], by: Author
    ) -> AuditEntry:
        return AuditEntry(
            event_type=event_type,
            actor=by.actor,
            resource_type=kind,
            resource_id=name,
            metadata={**metadata, **by.proof},
            at=self.now(),
            request_id=by.request_id,
        )


def _not_live(kind: str, name: str) -> NotDone:
    return NotDone(f"there is no {kind} {name[:191]}, or it is disabled", f"bst {kind}s list shows those there are.")


def _no_such(what: str, name: str, key: UUID) -> NotDone:
    return NotDone(f"{name} has no live {what} {key}", "The list shows the ids.")
