"""What every store of principals and producers must do, told through the use case and the board."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from bst_application.access import AccessBoard, Sender, digest_of
from bst_application.ports.access import AccessStore, Role, SecretsKeyMissing
from bst_application.ports.audit import AuditEntry
from bst_application.use_cases.administer_access import (
    AdministerAccess,
    NotDone,
    PrincipalChanged,
    ProducerChanged,
)
from bst_application.use_cases.repair import Author
from bst_domain.values import Source
from bst_testing.deliveries import NOW

AYU = Author(actor="ayu", request_id="request-1")
OWN = Sender(name=None, secrets=("a-secret",), sources=frozenset(Source))
OTA = frozenset({Source.GYG, Source.VIATOR})


def administer(store: AccessStore) -> AdministerAccess:
    """A clock that moves, so that the order of making shows."""
    seconds = iter(range(10_000))
    return AdministerAccess(store=store, now=lambda: NOW + timedelta(seconds=next(seconds)), new_id=uuid4)


async def board(store: AccessStore) -> AccessBoard:
    made = AccessBoard(store, "own-token", OWN)
    await made.refresh()
    return made


class AccessStoreConformance:
    """Subclass it, and give a ``store`` fixture with nothing in it, ``audited``, and ``without_key``."""

    @pytest.fixture
    def store(self) -> AccessStore:
        raise NotImplementedError("a subclass gives the store")

    async def audited(self, store: AccessStore) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    def without_key(self, store: AccessStore) -> AccessStore:
        """The same store as a process without a key sees it."""
        raise NotImplementedError("a subclass takes the key away")

    async def test_a_principal_is_known_by_each_of_its_tokens_until_that_ends(self, store: AccessStore) -> None:
        act = administer(store)
        first = await act.add_principal("ayu@ops.example.org", Role.MANAGER, reason="new here", by=AYU)
        second = await act.add_principal_token("ayu@ops.example.org", reason="new laptop", by=AYU)
        assert isinstance(first, PrincipalChanged)
        assert isinstance(second, PrincipalChanged)
        assert first.token is not None
        assert second.token is not None
        known = await board(store)
        for token in (first.token, second.token):
            principal = known.principal(token)
            assert principal is not None
            assert (principal.name, principal.role, principal.made_by) == ("ayu@ops.example.org", Role.MANAGER, "ayu")
        assert known.principal("somebody-else") is None
        old = second.principal.tokens[0]
        assert old.digest == digest_of(first.token)
        await act.revoke_principal_token("ayu@ops.example.org", old.key, reason="lost", by=AYU)
        await known.refresh()
        assert known.principal(first.token) is None
        assert known.principal(second.token) is not None
        await act.disable_principal("ayu@ops.example.org", reason="left", by=AYU)
        await known.refresh()
        assert known.principal(second.token) is None

    async def test_a_producer_rotates_and_is_limited(self, store: AccessStore) -> None:
        act = administer(store)
        made = await act.add_producer("channel-manager", OTA, reason="go live", by=AYU)
        assert isinstance(made, ProducerChanged)
        assert made.token is not None
        known = await board(store)
        assert known.sender(made.token) == Sender(name="channel-manager", secrets=(str(made.secret),), sources=OTA)
        more = await act.rotate_producer("channel-manager", with_token=True, reason="yearly", by=AYU)
        assert isinstance(more, ProducerChanged)
        assert more.token is not None
        await known.refresh()
        both = Sender(name="channel-manager", secrets=(str(made.secret), str(more.secret)), sources=OTA)
        assert known.sender(made.token) == known.sender(more.token) == both
        await act.retire("channel-manager", made.producer.secrets[0].key, reason="yearly", by=AYU)
        await act.retire("channel-manager", made.producer.tokens[0].key, reason="yearly", by=AYU)
        await act.limit_producer("channel-manager", frozenset({Source.GYG}), reason="Viator ended", by=AYU)
        await known.refresh()
        assert known.sender(made.token) is None
        assert known.sender(more.token) == Sender(
            name="channel-manager", secrets=(str(more.secret),), sources=frozenset({Source.GYG})
        )
        for kind in (more.producer.tokens[-1].key, more.producer.secrets[-1].key):
            refused = await act.retire("channel-manager", kind, reason="slip", by=AYU)
            assert isinstance(refused, NotDone)
        await act.disable_producer("channel-manager", reason="contract ended", by=AYU)
        await known.refresh()
        assert known.sender(more.token) is None
        assert known.sender("own-token") is OWN

    async def test_every_change_is_audited_in_its_commit_and_names_no_secret(self, store: AccessStore) -> None:
        act = administer(store)
        person = await act.add_principal("made", Role.STAFF, reason="r1", by=AYU)
        await act.add_principal_token("made", reason="r2", by=AYU)
        assert isinstance(person, PrincipalChanged)
        await act.revoke_principal_token("made", person.principal.tokens[0].key, reason="r3", by=AYU)
        await act.disable_principal("made", reason="r4", by=AYU)
        sender = await act.add_producer("shop", OTA, reason="r5", by=AYU)
        await act.rotate_producer("shop", with_token=False, reason="r6", by=AYU)
        assert isinstance(sender, ProducerChanged)
        await act.retire("shop", sender.producer.secrets[0].key, reason="r7", by=AYU)
        await act.limit_producer("shop", frozenset({Source.GYG}), reason="r8", by=AYU)
        assert await act.encrypt_again(reason="r9", by=AYU) == 2
        await act.disable_producer("shop", reason="r10", by=AYU)
        trail = await self.audited(store)
        assert [(e.event_type, e.resource_id, e.metadata["reason"]) for e in trail] == [
            ("PRINCIPAL_ADDED", "made", "r1"),
            ("PRINCIPAL_TOKEN_ADDED", "made", "r2"),
            ("PRINCIPAL_TOKEN_REVOKED", "made", "r3"),
            ("PRINCIPAL_DISABLED", "made", "r4"),
            ("PRODUCER_ADDED", "shop", "r5"),
            ("PRODUCER_ROTATED", "shop", "r6"),
            ("PRODUCER_CREDENTIAL_RETIRED", "shop", "r7"),
            ("PRODUCER_SOURCES_SET", "shop", "r8"),
            ("PRODUCER_SECRETS_ENCRYPTED_AGAIN", None, "r9"),
            ("PRODUCER_DISABLED", "shop", "r10"),
        ]
        assert {(e.actor, e.request_id) for e in trail} == {("ayu", "request-1")}
        assert trail[7].metadata["before"] == ["GYG", "VIATOR"]
        shown = repr(trail) + repr(person) + repr(sender)
        assert not any(str(new) in shown for new in (person.token, sender.token, sender.secret))

    async def test_what_cannot_be_done_changes_nothing(self, store: AccessStore) -> None:
        act = administer(store)
        await act.add_principal("ayu", Role.STAFF, reason="r", by=AYU)
        await act.disable_principal("ayu", reason="r", by=AYU)
        await act.add_producer("shop", OTA, reason="r", by=AYU)
        before = len(await self.audited(store))
        nobody = UUID(int=0)
        for outcome in (
            await act.add_principal("ayu", Role.ADMIN, reason="again", by=AYU),
            await act.add_principal("system", Role.ADMIN, reason="misleading", by=AYU),
            await act.add_principal("two words", Role.ADMIN, reason="x", by=AYU),
            await act.add_principal_token("ayu", reason="disabled", by=AYU),
            await act.add_principal_token("nobody", reason="x", by=AYU),
            await act.revoke_principal_token("ayu", nobody, reason="x", by=AYU),
            await act.revoke_principal_token("nobody", nobody, reason="x", by=AYU),
            await act.disable_principal("ayu", reason="again", by=AYU),
            await act.add_producer("shop", OTA, reason="again", by=AYU),
            await act.add_producer("Two Words", OTA, reason="x", by=AYU),
            await act.rotate_producer("nobody", with_token=False, reason="x", by=AYU),
            await act.retire("shop", nobody, reason="x", by=AYU),
            await act.retire("nobody", nobody, reason="x", by=AYU),
            await act.limit_producer("nobody", OTA, reason="x", by=AYU),
            await act.disable_producer("nobody", reason="x", by=AYU),
        ):
            assert isinstance(outcome, NotDone)
            assert outcome.why
            assert outcome.cure
        assert len(await self.audited(store)) == before

    async def test_without_a_key_no_secret_is_made(self, store: AccessStore) -> None:
        keyless = administer(self.without_key(store))
        with pytest.raises(SecretsKeyMissing):
            await keyless.add_producer("shop", OTA, reason="x", by=AYU)
        assert await store.producers() == []
        assert await self.audited(store) == []

    async def test_changes_at_once_are_made_one_after_the_other(self, store: AccessStore) -> None:
        act = administer(store)
        await act.add_producer("shop", OTA, reason="x", by=AYU)
        await asyncio.gather(*(act.rotate_producer("shop", with_token=False, reason="x", by=AYU) for _ in range(5)))
        names = await asyncio.gather(*(act.add_producer("twin", OTA, reason="x", by=AYU) for _ in range(3)))
        assert sum(isinstance(outcome, ProducerChanged) for outcome in names) == 1
        shop, twin = await store.producers()
        assert (len(shop.secrets), len(twin.secrets)) == (6, 1)
