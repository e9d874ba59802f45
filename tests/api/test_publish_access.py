"""Who may publish: signed requests, keys that are done once, four eyes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bst_application.ids import uuid7
from bst_application.ports.access import Role
from bst_application.use_cases.administer_access import AdministerAccess, PrincipalChanged
from bst_application.use_cases.repair import Author
from bst_postgres.access import PostgresAccessStore
from bst_postgres.secret_cipher import SecretCipher
from tests.api.harness import ADMIN, Api, running, signed
from tests.api.test_publishing import JOBS, VERSIONS, act, done, item, said

SECRET = "a-publish-secret-of-the-tests"


@pytest.fixture
async def signing(postgres_dsn: str, broker_url: str) -> AsyncIterator[Api]:
    """An API that asks for signatures, because a secret is set."""
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_SECRET=SECRET) as api:
        yield api


async def sign_and_send(
    api: Api, path: str, raw: bytes = b"{}", *, key: str | None = None, **changes: Any
) -> httpx.Response:
    secret = changes.pop("secret", SECRET)
    headers = signed(raw, key=key or str(uuid4()), secret=secret, path=path, **changes)
    headers |= {"authorization": f"Bearer {ADMIN}", "x-admin-role": "MANAGER", "x-actor": "ayu"}
    return await api.http.post(path, content=raw, headers=headers)


async def test_a_signed_publish(signing: Api) -> None:
    api = signing
    await item(api, "ubud")
    answer = await sign_and_send(api, JOBS)
    assert answer.status_code == 201
    where = f"{JOBS}/{answer.json()['data']['jobId']}"
    for step in ("submit-review", "publish"):
        answer = await sign_and_send(api, f"{where}/{step}")
        assert answer.status_code == 201, answer.text
    assert (await api.data(where))["status"] == "PUBLISHED"


async def test_a_body_that_is_not_sent_is_signed_as_an_empty_object(signing: Api) -> None:
    headers = signed(b"{}", key="k", secret=SECRET, path=JOBS)
    headers |= {"authorization": f"Bearer {ADMIN}", "x-admin-role": "MANAGER"}
    assert (await signing.http.post(JOBS, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"x_signature": None}, 401, "CATALOG_PUBLISH_SIGNATURE_HEADERS_REQUIRED"),
        ({"x_nonce": None}, 401, "CATALOG_PUBLISH_SIGNATURE_HEADERS_REQUIRED"),
        ({"x_signature_algorithm": "HMAC-SHA1"}, 401, "CATALOG_PUBLISH_SIGNATURE_ALGORITHM_INVALID"),
        ({"x_timestamp": "yesterday"}, 400, "CATALOG_PUBLISH_TIMESTAMP_INVALID"),
        ({"x_timestamp": "2026-01-01T00:00:00Z"}, 401, "CATALOG_PUBLISH_TIMESTAMP_DRIFT_EXCEEDED"),
        ({"x_signature": "0" * 64}, 401, "CATALOG_PUBLISH_SIGNATURE_MISMATCH"),
        ({"secret": "another-secret"}, 401, "CATALOG_PUBLISH_SIGNATURE_MISMATCH"),
        ({"x_nonce": "short"}, 400, "CATALOG_PUBLISH_NONCE_INVALID"),
    ],
)
async def test_a_bad_signature_is_named(signing: Api, changes: dict[str, Any], status: int, message: str) -> None:
    assert said(await sign_and_send(signing, JOBS, **changes)) == (status, message)
    assert await signing.data(JOBS) == []


async def test_an_unsigned_write_is_refused_and_reading_needs_no_signature(signing: Api) -> None:
    for path in (JOBS, f"{JOBS}/{uuid4()}/publish", f"{VERSIONS}/1/rollback"):
        assert said(await act(signing, "POST", path)) == (401, "CATALOG_PUBLISH_SIGNATURE_HEADERS_REQUIRED")
    assert await signing.data(JOBS) == []


async def test_a_nonce_is_good_once_and_a_wrong_signature_burns_none(signing: Api) -> None:
    nonce = str(uuid4())
    assert said(await sign_and_send(signing, JOBS, x_nonce=nonce, x_signature="0" * 64))[0] == 401
    assert (await sign_and_send(signing, JOBS, x_nonce=nonce)).status_code == 201
    assert said(await sign_and_send(signing, JOBS, x_nonce=nonce)) == (401, "CATALOG_PUBLISH_NONCE_REUSED")
    answers = await asyncio.gather(*(sign_and_send(signing, JOBS, x_nonce="one-for-all-of-us") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 401: 19}


async def test_a_nonce_outlives_a_restart(postgres_dsn: str, broker_url: str) -> None:
    nonce = str(uuid4())
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_SECRET=SECRET) as api:
        assert (await sign_and_send(api, JOBS, x_nonce=nonce)).status_code == 201
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_SECRET=SECRET) as api:
        assert said(await sign_and_send(api, JOBS, x_nonce=nonce)) == (401, "CATALOG_PUBLISH_NONCE_REUSED")
        assert len(await api.data(JOBS)) == 1


async def test_a_repeat_under_the_same_key_is_done_once(signing: Api) -> None:
    api = signing
    await item(api, "ubud")
    answers = await asyncio.gather(*(sign_and_send(api, JOBS, key="draft-1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    [job] = {answer.json()["data"]["jobId"] for answer in answers}
    assert len(await api.data(JOBS)) == 1
    other = await sign_and_send(api, JOBS, b'{"note":"x"}', key="draft-1")
    assert said(other) == (409, "CATALOG_PUBLISH_IDEMPOTENCY_KEY_REUSED")
    for step in ("submit-review", "publish"):
        for _ in range(2):
            answer = await sign_and_send(api, f"{JOBS}/{job}/{step}", key="the-job")
            assert answer.status_code == 201
    assert len(await api.data("/v1/catalog/publish/events")) == 1
    # What was refused was not done: the key tries anew.
    refused = await sign_and_send(api, f"{JOBS}/{job}/retry", key="again")
    assert said(refused) == (409, "CATALOG_PUBLISH_JOB_RETRY_INVALID_STATUS:PUBLISHED")
    assert said(await sign_and_send(api, f"{JOBS}/{job}/retry", b'{"a":1}', key="again"))[0] == 409
    assert await api.rows("select 1 from catalog_publish_request where idempotency_key = 'again'") == []


async def test_a_key_that_nobody_signed_says_nothing(api: Api) -> None:
    """Without signatures the predecessor never looked at it, and callers may send the same one with everything."""
    await item(api, "ubud")
    jobs = [await done(api, "POST", JOBS, {"note": note}, x_idempotency_key="k") for note in ("one", "two", "two")]
    assert len({job["jobId"] for job in jobs}) == 3
    where = f"{JOBS}/{jobs[0]['jobId']}"
    await done(api, "POST", f"{where}/submit-review", x_idempotency_key="k")
    again = await act(api, "POST", f"{where}/submit-review", x_idempotency_key="k")
    assert said(again) == (409, "CATALOG_PUBLISH_JOB_STATUS_INVALID:IN_REVIEW")


async def test_a_secret_that_is_asked_for_but_not_set(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_SIGNATURE_REQUIRED="true") as api:
        assert said(await sign_and_send(api, JOBS)) == (401, "CATALOG_PUBLISH_SIGNATURE_SECRET_MISSING")
    off = {"CATALOG_PUBLISH_SECRET": SECRET, "CATALOG_PUBLISH_SIGNATURE_REQUIRED": "false"}
    async with running(postgres_dsn, broker_url, **off) as api:
        assert (await act(api, "POST", JOBS)).status_code == 201


async def test_four_eyes(postgres_dsn: str, broker_url: str) -> None:
    rules = {
        "CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR": "true",
        "CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER": "true",
    }
    async with running(postgres_dsn, broker_url, **rules) as api:
        await item(api, "ubud")
        where = f"{JOBS}/{(await done(api, 'POST', JOBS, x_actor='Ayu '))['jobId']}"
        assert said(await act(api, "POST", f"{where}/submit-review", x_actor="aYU")) == (
            409,
            "CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR",
        )
        await done(api, "POST", f"{where}/submit-review", x_actor="budi")
        assert said(await act(api, "POST", f"{where}/publish", x_actor="BUDI")) == (
            409,
            "CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER",
        )
        await api.do("update catalog_product set is_active = false")
        assert (await act(api, "POST", f"{where}/publish", x_actor="citra")).status_code == 400
        assert said(await act(api, "POST", f"{where}/retry", x_actor="dewi")) == (
            409,
            "CATALOG_PUBLISH_RETRY_REQUIRES_SEPARATE_PUBLISH_STEP",
        )


async def test_four_eyes_by_principal(postgres_dsn: str, broker_url: str) -> None:
    """Whoever holds the shared token could be two people; a principal cannot."""
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_FOUR_EYES_BY_PRINCIPAL="true") as api:
        await item(api, "ubud")
        assert said(await act(api, "POST", JOBS)) == (403, "CATALOG_PUBLISH_PRINCIPAL_REQUIRED")
        administer = AdministerAccess(
            store=PostgresAccessStore(api.database, SecretCipher(())), now=api.now, new_id=uuid7
        )
        tokens = {}
        for name in ("ayu", "budi", "citra"):
            made = await administer.add_principal(name, Role.MANAGER, reason="test", by=Author(actor="test"))
            assert isinstance(made, PrincipalChanged)
            tokens[name] = {"authorization": f"Bearer {made.token}"}
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_FOUR_EYES_BY_PRINCIPAL="true") as api:
        where = f"{JOBS}/{(await done(api, 'POST', JOBS, **tokens['ayu']))['jobId']}"
        # A name that one claims makes no other person of one.
        refused = await act(api, "POST", f"{where}/submit-review", x_actor="somebody else", **tokens["ayu"])
        assert said(refused) == (409, "CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR")
        await done(api, "POST", f"{where}/submit-review", **tokens["budi"])
        refused = await act(api, "POST", f"{where}/publish", x_actor="somebody else", **tokens["budi"])
        assert said(refused) == (409, "CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER")
        job = await done(api, "POST", f"{where}/publish", **tokens["citra"])
        assert (job["createdBy"], job["reviewedBy"], job["publishedBy"]) == ("ayu", "budi", "citra")
