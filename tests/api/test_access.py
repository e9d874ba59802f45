"""Principals and producers at the API: roles that a caller cannot raise, sources that a producer cannot widen."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest
from attrs import frozen

from bst_application import access as access_module
from bst_application.access import AccessBoard, Sender, digest_of, same_token
from bst_application.ids import uuid7
from bst_application.ports.access import Role
from bst_application.use_cases.administer_access import AdministerAccess, PrincipalChanged, ProducerChanged
from bst_application.use_cases.repair import Author
from bst_domain.values import Source
from bst_postgres.access import PostgresAccessStore
from bst_postgres.secret_cipher import SecretCipher
from bst_testing.deliveries import body
from bst_testing.fakes.access import MemoryAccessStore
from tests.api.harness import ADMIN, PATH, TOKEN, Api, running, signed

KEY = base64.urlsafe_b64encode(os.urandom(32)).decode()
BY = Author(actor="the test")
GYG = frozenset({Source.GYG})


@frozen(kw_only=True)
class Site:
    """A running API, and the commands that change who may what."""

    api: Api
    act: AdministerAccess

    async def principal(self, name: str, role: Role) -> PrincipalChanged:
        made = await self.act.add_principal(name, role, reason="test", by=BY)
        assert isinstance(made, PrincipalChanged)
        await self.until(lambda: self.get("/v1/flags", str(made.token)), 200)
        return made

    async def producer(self, name: str, sources: frozenset[Source]) -> ProducerChanged:
        made = await self.act.add_producer(name, sources, reason="test", by=BY)
        assert isinstance(made, ProducerChanged)
        await self.until(lambda: self.send(made, b"not json"), 400)
        return made

    async def send(self, by: ProducerChanged, said: Any, key: str = "k1", **changes: Any) -> httpx.Response:
        return await self.api.post(
            said, key=key, secret=by.secret, **{"authorization": f"Bearer {by.token}", **changes}
        )

    async def get(self, path: str, token: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.api.http.get(path, headers={"authorization": f"Bearer {token}", **named})

    @staticmethod
    async def until(ask: Callable[[], Any], status: int, message: str = "") -> None:
        """Five seconds is what is promised."""
        answer = await ask()
        async with asyncio.timeout(5):
            while answer.status_code != status or message not in answer.text:
                await asyncio.sleep(0.02)
                answer = await ask()


@asynccontextmanager
async def a_site(dsn: str, broker: str, **environ: str) -> AsyncIterator[Site]:
    async with running(dsn, broker, **{"BST_SECRETS_KEY": KEY, "INGEST_REPLAY_ENABLED": "true", **environ}) as api:
        store = PostgresAccessStore(api.database, SecretCipher([KEY]))
        yield Site(api=api, act=AdministerAccess(store=store, now=Api.now, new_id=uuid7))


@pytest.fixture
async def site(postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr("bst_core_api.wiring.ACCESS_EVERY_S", 0.05)
    async with a_site(postgres_dsn, broker_url) as site:
        yield site


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


async def test_a_principals_role_is_its_own_and_can_only_be_lowered(site: Site) -> None:
    made = await site.principal("wayan", Role.MANAGER)
    fail = f"/v1/ingest/bookings/events/{uuid4()}/fail"

    async def write(**headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await site.api.http.post(
            fail, json={"reasonCode": "X"}, headers={"authorization": f"Bearer {made.token}", **named}
        )

    async def turn(**headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await site.api.http.put(
            "/v1/flags/INGEST_QUEUE_ENABLED",
            json={"value": "off", "reason": "x"},
            headers={"authorization": f"Bearer {made.token}", **named},
        )

    assert (await write()).status_code == 404  # let in, and there is no such event
    assert (await write(x_admin_role="manager")).status_code == 404
    assert refusal(await write(x_admin_role="STAFF")) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
    assert refusal(await turn()) == (403, "ADMIN_ROLE_FORBIDDEN:MANAGER")
    assert refusal(await turn(x_admin_role="ADMIN")) == (403, "ADMIN_ROLE_FORBIDDEN:MANAGER")
    assert refusal(await turn(x_admin_role="BOSS")) == (403, "ADMIN_ROLE_FORBIDDEN:BOSS")
    assert (await site.get("/v1/flags", str(made.token), x_admin_role="STAFF")).status_code == 200


async def test_the_audit_names_the_principal_whatever_the_caller_claims(site: Site) -> None:
    made = await site.principal("putu@ops.example.org", Role.ADMIN)
    for headers in ({}, {"x-actor": "somebody else"}):
        answer = await site.api.http.put(
            "/v1/flags/EMAIL_PIPELINE_CORE_ENABLED",
            json={"value": "on", "reason": "test"},
            headers={"authorization": f"Bearer {made.token}", **headers},
        )
        assert answer.status_code == 200
        assert answer.json()["data"]["actor"] == "putu@ops.example.org"
    shared = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN", "x-actor": "putu@ops.example.org"}
    await site.api.http.delete("/v1/flags/EMAIL_PIPELINE_CORE_ENABLED", headers=shared)
    trail = await site.api.data("/v1/audit/events", resourceType="FLAG")
    assert [(entry["actor"], entry["metadata"].get("principal")) for entry in trail] == [
        ("putu@ops.example.org", None),  # claimed beside the shared token: the trail tells them apart
        ("putu@ops.example.org", {"role": "ADMIN", "claimedActor": "somebody else"}),
        ("putu@ops.example.org", {"role": "ADMIN"}),
    ]


async def test_repairs_by_a_principal_are_audited_under_its_name(site: Site) -> None:
    made = await site.principal("made", Role.MANAGER)
    [event] = await site.api.accept(body())
    headers = {"authorization": f"Bearer {made.token}", "x-actor": "nobody"}
    failed = await site.api.http.post(
        f"/v1/ingest/bookings/events/{event}/fail", json={"reasonCode": "DRILL"}, headers=headers
    )
    assert failed.status_code == 202
    [entry] = await site.api.data("/v1/audit/events", eventType="INGEST_EVENT_MARKED_FAILED")
    assert (entry["actor"], entry["metadata"]["principal"]["role"]) == ("made", "MANAGER")


async def test_a_booking_is_written_in_the_name_and_by_the_role_of_the_principal(site: Site) -> None:
    """Predecessor's defect 32, on this side: whoever has a token of their own acts as themselves, never as system."""
    await site.api.accept(body())
    manager = await site.principal("made@ops.example.org", Role.MANAGER)
    staff = await site.principal("ketut@ops.example.org", Role.STAFF)

    async def write(path: str, said: Any, by: PrincipalChanged, **headers: str) -> httpx.Response:
        given = {"authorization": f"Bearer {by.token}", **headers}
        return await site.api.http.post(f"/v1/ops/bookings/WEB-1{path}", json=said, headers=given)

    lifting = {"status": "READY", "reason": "r", "reinstate": True}
    assert (await write("/assign", {"driverId": 8}, manager, **{"x-actor": "boss"})).status_code == 201
    refused = await write("/status/override", lifting, manager, **{"x-admin-role": "ADMIN"})
    assert refusal(refused) == (403, "ADMIN_ROLE_FORBIDDEN:MANAGER")
    refused = await write("/assign", {"driverId": 9}, staff, **{"x-admin-role": "ADMIN"})
    assert refusal(refused) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
    [entry] = await site.api.data("/v1/audit/events", resourceType="BOOKING")
    assert (entry["eventType"], entry["actor"]) == ("BOOKING_ASSIGNED", "made@ops.example.org")
    assert entry["metadata"]["principal"] == {"role": "MANAGER", "claimedActor": "boss"}


async def test_a_revoked_token_and_a_disabled_principal_open_nothing_within_five_seconds(site: Site) -> None:
    made = await site.principal("komang", Role.STAFF)
    more = await site.act.add_principal_token("komang", reason="test", by=BY)
    assert isinstance(more, PrincipalChanged)
    await site.until(lambda: site.get("/v1/flags", str(more.token)), 200)
    await site.act.revoke_principal_token("komang", made.principal.tokens[0].key, reason="lost", by=BY)
    await site.until(lambda: site.get("/v1/flags", str(made.token)), 401)
    assert (await site.get("/v1/flags", str(more.token))).status_code == 200
    await site.act.disable_principal("komang", reason="left", by=BY)
    await site.until(lambda: site.get("/v1/flags", str(more.token)), 401)
    assert refusal(await site.get("/v1/flags", str(more.token))) == (401, "INVALID_ADMIN_TOKEN")


async def test_the_shared_token_works_as_ever(site: Site) -> None:
    assert (await site.api.get("/v1/flags", role="STAFF")).status_code == 200
    assert refusal(await site.api.get("/v1/flags", role=None)) == (403, "ADMIN_ROLE_REQUIRED:ADMIN,STAFF,MANAGER")
    assert refusal(await site.api.get("/v1/flags", token=None)) == (401, "ADMIN_AUTH_REQUIRED")
    assert refusal(await site.api.get("/v1/flags", token="nobody")) == (401, "INVALID_ADMIN_TOKEN")
    assert (await site.api.post(body())).status_code == 202


async def test_a_producer_sends_what_it_may_and_nothing_else(site: Site) -> None:
    ota = await site.producer("gyg", GYG)
    assert (await site.send(ota, body(source="GYG"))).status_code == 202
    refused = await site.send(ota, body(source="DIRECT"), key="k2", x_nonce="a-nonce-of-it")
    assert refusal(refused) == (403, "SOURCE_NOT_ALLOWED:DIRECT")
    details = refused.json()["error"]["details"]
    assert (details["producer"], details["source"], details["allowed"]) == ("gyg", "DIRECT", ["GYG"])
    again = await site.send(ota, body(source="GYG", ref="W-2"), key="k3", x_nonce="a-nonce-of-it")
    assert refusal(again) == (401, "NONCE_REUSED")  # a refused body has used it up, as ever
    await site.act.limit_producer("gyg", frozenset(Source), reason="test", by=BY)
    await site.until(lambda: site.send(ota, body(source="DIRECT", ref="W-3"), key="k4"), 202)
    await site.act.disable_producer("gyg", reason="test", by=BY)
    await site.until(lambda: site.send(ota, body(source="GYG", ref="W-4"), key=str(uuid4())), 401)


async def test_secrets_rotate_without_a_gap(site: Site) -> None:
    old = await site.producer("shop", GYG)
    new = await site.act.rotate_producer("shop", with_token=True, reason="yearly", by=BY)
    assert isinstance(new, ProducerChanged)
    await site.until(lambda: site.send(new, body(source="GYG", ref="W-1"), key="k1"), 202)
    assert (await site.send(old, body(source="GYG", ref="W-2"), key="k2")).status_code == 202
    await site.act.retire("shop", old.producer.secrets[0].key, reason="yearly", by=BY)
    await site.until(lambda: site.send(old, body(source="GYG", ref="W-3"), key=str(uuid4())), 401)
    assert refusal(await site.send(old, body(source="GYG"), key="k4")) == (401, "SIGNATURE_MISMATCH")
    assert (await site.send(new, body(source="GYG", ref="W-5"), key="k5")).status_code == 202
    await site.act.retire("shop", old.producer.tokens[0].key, reason="yearly", by=BY)
    await site.until(lambda: site.send(old, b"", key=str(uuid4())), 401, "INVALID_SERVICE_TOKEN")


async def test_ones_secret_does_not_sign_for_another(site: Site) -> None:
    one, other = await site.producer("one", GYG), await site.producer("other", GYG)
    mixed = await site.send(one, body(source="GYG"), authorization=f"Bearer {other.token}")
    assert refusal(mixed) == (401, "SIGNATURE_MISMATCH")
    own = await site.send(one, body(source="GYG"), authorization=f"Bearer {TOKEN}")
    assert refusal(own) == (401, "SIGNATURE_MISMATCH")


async def test_no_producer_can_use_up_anothers_nonces_or_keys(site: Site) -> None:
    """A key such as ``direct-created-<id>`` can be guessed; whoever guessed it would have the real event refused."""
    rogue, honest = await site.producer("rogue", GYG), await site.producer("honest", GYG)
    nonce = "a-nonce-that-was-guessed"
    taken = await site.send(rogue, body(source="GYG", ref="ROGUE-1"), key="created-1", x_nonce=nonce)
    assert taken.status_code == 202
    real = await site.send(honest, body(source="GYG", ref="REAL-1"), key="created-1", x_nonce=nonce)
    assert (real.status_code, real.json()["data"]["idempotentReplay"]) == (202, False)
    ours = await site.api.post(body(source="GYG", ref="OURS-1"), key="created-1", x_nonce=nonce)
    assert (ours.status_code, ours.json()["data"]["idempotentReplay"]) == (202, False)
    again = await site.send(honest, body(source="GYG", ref="REAL-1"), key="created-1")
    assert again.json()["data"] == {**real.json()["data"], "idempotentReplay": True, "queued": False}
    assert refusal(await site.send(honest, body(source="GYG"), key="k", x_nonce=nonce)) == (401, "NONCE_REUSED")
    shown = await site.api.data(f"/v1/ingest/bookings/events/{real.json()['data']['eventId']}")
    assert (shown["idempotencyKey"], shown["nonce"]) == ("created-1", nonce)
    longest = await site.send(honest, body(source="GYG", ref="LONG-1"), key="k" * 128)
    assert longest.status_code == 202


async def test_a_producer_sees_guests_of_its_own_sources_only(site: Site) -> None:
    ota = await site.producer("gyg", GYG)
    gyg, direct = await site.api.accept(body(source="GYG"), body(source="DIRECT"))
    own = await site.get(f"/v1/ingest/bookings/events/{gyg}", str(ota.token))
    others = await site.get(f"/v1/ingest/bookings/events/{direct}", str(ota.token))
    assert own.json()["data"]["payload"] is not None
    assert others.json()["data"]["payload"] is None
    staff = await site.principal("staff", Role.STAFF)
    shown = await site.get(f"/v1/ingest/bookings/events/{direct}", str(staff.token))
    assert shown.json()["data"]["payload"] is not None


async def test_a_producers_token_administers_nothing_and_a_principals_sends_nothing(site: Site) -> None:
    ota, boss = await site.producer("gyg", GYG), await site.principal("boss", Role.ADMIN)
    answer = await site.get("/v1/ops/bookings", str(ota.token), x_admin_role="ADMIN")
    assert refusal(answer) == (401, "INVALID_ADMIN_TOKEN")
    sent = await site.send(ota, body(source="GYG"), authorization=f"Bearer {boss.token}")
    assert refusal(sent) == (401, "INVALID_SERVICE_TOKEN")


async def test_an_api_that_cannot_open_a_secret_tells_the_producer_to_come_back(
    site: Site, postgres_dsn: str, broker_url: str
) -> None:
    """401 would be final, and the event lost at the producer; the wrong one is the key, not the signature."""
    ota = await site.producer("gyg", GYG)
    async with a_site(postgres_dsn, broker_url, BST_SECRETS_KEY="") as keyless:
        answer = await keyless.send(ota, body(source="GYG"))
        assert refusal(answer) == (503, "INGEST_SECRETS_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await keyless.api.post(body())).status_code == 202


async def test_before_the_first_look_an_unknown_token_is_nobodys_fault(broker_url: str) -> None:
    async with running("postgresql://nobody@127.0.0.1:1/none", broker_url) as api:
        assert refusal(await api.post(body(), authorization="Bearer of-a-producer")) == (
            503,
            "INGEST_STORE_UNAVAILABLE",
        )
        assert refusal(await api.get("/v1/flags", token="of-a-principal")) == (503, "OPS_DB_UNAVAILABLE")


async def test_what_was_known_holds_while_the_database_is_away() -> None:
    store = MemoryAccessStore()
    act = AdministerAccess(store=store, now=Api.now, new_id=uuid7)
    person = await act.add_principal("ayu", Role.ADMIN, reason="test", by=BY)
    sender = await act.add_producer("gyg", GYG, reason="test", by=BY)
    assert isinstance(person, PrincipalChanged)
    assert isinstance(sender, ProducerChanged)
    own = Sender(name=None, secrets=("s",), sources=frozenset(Source))
    board = AccessBoard(store, "own", own)
    await board.first_look()
    store.outage = True
    await board.first_look()
    assert board.principal(str(person.token)) is not None
    assert board.sender(str(sender.token)) is not None
    assert board.sender("own") is own


async def test_every_token_is_compared_by_its_digest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predecessor's defect 14. Right, wrong, unknown, long or short: 64 digits against 64 digits, or a look into a table of
    digests; the token itself is compared with nothing."""
    compared: list[tuple[str, str]] = []
    looked_up: list[str] = []

    def compare(given: str, expected: str) -> bool:
        compared.append((given, expected))
        return given == expected

    def digest(token: str) -> str:
        looked_up.append(token)
        return sha256(token.encode()).hexdigest()

    monkeypatch.setattr(access_module, "compare_digest", compare)
    monkeypatch.setattr(access_module, "digest_of", digest)
    costs = set()
    for token in (ADMIN[:-1] + "?", "x", "x" * 5000, "bst_principal_unknown"):
        compared.clear()
        looked_up.clear()
        assert refusal(await site.api.get("/v1/flags", token=token)) == (401, "INVALID_ADMIN_TOKEN")
        assert {len(side) for pair in compared for side in pair} == {64}
        costs.add((len(compared), len(looked_up)))
        looked_up.clear()
        assert refusal(await site.api.post(b"", authorization=f"Bearer {token}")) == (401, "INVALID_SERVICE_TOKEN")
        costs.add((len(compared), len(looked_up)))
    assert len(costs) == 2  # one for either door, whatever the token


def test_an_unset_token_opens_nothing() -> None:
    assert not same_token("", "")
    own = Sender(name=None, secrets=(), sources=frozenset(Source))
    assert AccessBoard(MemoryAccessStore(), "", own).sender("") is None
    assert digest_of("é\udce9")  # what a header or an environment may hold


async def test_unsigned_headers_are_enough_to_reproduce_nothing(site: Site) -> None:
    """The harness signs as contracts/signing.md says; a request without its secret is refused before its nonce is looked at."""
    raw = b"{}"
    headers = signed(raw, key="k", secret="guessed", x_nonce="nonce-of-a-stranger")
    answer = await site.api.http.post(PATH, content=raw, headers=headers)
    assert refusal(answer) == (401, "SIGNATURE_MISMATCH")
    assert await site.api.rows("select count(*) from ingest_nonce") == [(0,)]
