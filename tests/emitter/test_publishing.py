"""The emitter publishes: draft, review and publish, signed under the publish secret; each call is done once under its key."""

from collections.abc import AsyncIterator

import pytest

from bst_emitter import Accepted, AsyncEmitter, PublishStep, Refused, Target, prepare_publish
from tests.api.harness import ADMIN, Api, running
from tests.api.test_publishing import item

SECRET = "a-publish-secret-of-the-tests"
JOBS = "/v1/catalog/publish/jobs"
HEADERS = {"x-admin-role": "MANAGER", "x-actor": "ayu"}


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with running(postgres_dsn, "", CATALOG_PUBLISH_SECRET=SECRET) as api:
        yield api


async def test_a_job_is_drafted_reviewed_and_published_once(api: Api) -> None:
    await item(api, "ubud")
    emitter = AsyncEmitter(Target(url="http://core-api", token=ADMIN, secret=SECRET, headers=HEADERS), http=api.http)
    draft = prepare_publish({"note": "May prices"}, key="draft-may")
    first, again = await emitter.send(draft), await emitter.send(draft)
    assert isinstance(first, Accepted), first
    assert isinstance(again, Accepted)
    assert first.data["jobId"] == again.data["jobId"]
    for step in (PublishStep.SUBMIT_REVIEW, PublishStep.PUBLISH):
        for _ in range(2):
            done = await emitter.send(prepare_publish(job_id=first.data["jobId"], step=step, key="may"))
            assert isinstance(done, Accepted), done
    [job] = await api.data(JOBS)
    assert (job["status"], job["note"], job["createdBy"]) == ("PUBLISHED", "May prices", "ayu")


async def test_without_the_secret_nothing_is_published(api: Api) -> None:
    for secret, message in ((None, "HEADERS_REQUIRED"), ("guessed", "MISMATCH")):
        emitter = AsyncEmitter(
            Target(url="http://core-api", token=ADMIN, secret=secret, headers=HEADERS), http=api.http
        )
        refused = await emitter.send(prepare_publish(key="draft"))
        assert isinstance(refused, Refused)
        assert (refused.status, refused.message) == (401, f"CATALOG_PUBLISH_SIGNATURE_{message}")
