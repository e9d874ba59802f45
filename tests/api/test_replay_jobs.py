"""Replaying many dead letters over HTTP, as an operator does after a mapping was mended."""

from typing import Any

import httpx
import pytest

from bst_application.ids import uuid7
from bst_application.use_cases.repair import ReplayEvent
from bst_application.use_cases.replay_jobs import RunReplayJobs
from bst_postgres.repair import PostgresRepairDesk
from bst_postgres.replay_jobs import PostgresReplayJobs
from bst_testing.deliveries import body
from tests.api.harness import Api
from tests.api.test_repair import EVENTS, LETTERS, act

REPLAY = f"{LETTERS}/replay"


async def ask(api: Api, **members: Any) -> httpx.Response:
    return await act(api, "POST", REPLAY, {"reason": "the mapping is mended", **members})


async def failed(api: Api, *refs: str) -> list[str]:
    events = await api.accept(*(body(ref=ref) for ref in refs))
    for event in events:
        await act(api, "POST", f"{EVENTS}/{event}/fail", {"reasonCode": "BY_HAND"})
    return events


async def work(api: Api) -> int:
    """The worker's part."""
    desk, jobs = PostgresRepairDesk(api.database), PostgresReplayJobs(api.database)
    replay = ReplayEvent(desk=desk, now=api.now, new_id=uuid7, stages_job=lambda: False)
    return await RunReplayJobs(jobs=jobs, desk=desk, replay=replay, now=api.now, at_once=50)()


async def test_dry_run_then_replay_then_progress_to_the_end(replaying: Api) -> None:
    api = replaying
    await failed(api, "WEB-1", "WEB-2", "WEB-3")
    looked = await ask(api, filter={"ref": "web-2"}, dryRun=True)
    assert looked.status_code == 200
    assert looked.json()["data"]["total"] == 1
    assert [letter["externalBookingRef"] for letter in looked.json()["data"]["sample"]] == ["WEB-2"]
    assert {letter["status"] for letter in await api.data(LETTERS)} == {"OPEN"}

    begun = await ask(api)
    assert begun.status_code == 202
    job = begun.json()["data"]
    assert (job["state"], job["total"], job["pending"], job["replayed"]) == ("RUNNING", 3, 3, 0)
    assert await work(api) == 3
    half = await api.data(f"/v1/jobs/{job['jobId']}")
    assert (half["state"], half["pending"], half["replayed"], half["deadLetters"]["REPLAYING"]) == ("DONE", 0, 3, 3)
    await api.process()
    done = await api.data(f"/v1/jobs/{job['jobId']}")
    assert done["deadLetters"]["SUCCEEDED"] == 3
    assert (done["actor"], done["reason"]) == ("ayu@ops.example.org", "the mapping is mended")
    [entry] = await api.data("/v1/audit/events", eventType="DEAD_LETTER_REPLAY_JOB_CREATED")
    assert (entry["actor"], entry["resourceId"]) == ("ayu@ops.example.org", job["jobId"])


async def test_a_job_over_nothing_is_done_at_once(replaying: Api) -> None:
    job = (await ask(replaying, filter={"reasonCode": "nothing_like_it"})).json()["data"]
    assert (job["state"], job["total"]) == ("DONE", 0)
    assert job["finishedAt"] == job["createdAt"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"reason": None}, "INVALID_FIELD_REASON"),
        ({"reason": "  "}, "EMPTY_FIELD_REASON"),
        ({"dryRun": "yes"}, "INVALID_FIELD_DRYRUN"),
        ({"filter": []}, "INVALID_FIELD_FILTER"),
        ({"filter": {"sorce": "GYG"}}, "UNKNOWN_FILTER"),
        ({"filter": {"source": 7}}, "INVALID_FIELD_FILTER"),
        ({"filter": {"source": "KLOOK"}}, "UNSUPPORTED_SOURCE:KLOOK"),
        ({"filter": {"status": "LOST"}}, "INVALID_DEAD_LETTER_STATUS:LOST"),
        ({"filter": {"from": "yesterday"}}, "INVALID_FROM"),
    ],
)
async def test_a_slip_of_the_pen_replays_nothing(replaying: Api, members: dict[str, Any], message: str) -> None:
    await failed(replaying, "WEB-1")
    answer = await ask(replaying, **members)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)
    assert await replaying.rows("select 1 from replay_job") == []


async def test_only_those_who_may_and_only_while_replay_is_on(api: Api, replaying: Api) -> None:
    assert (await ask(api)).json()["error"]["message"] == "INGEST_REPLAY_DISABLED"
    staff = await act(replaying, "POST", REPLAY, {"reason": "x"}, role="STAFF")
    assert staff.json()["error"]["message"] == "ADMIN_ROLE_FORBIDDEN:STAFF"
    assert (await replaying.get(f"/v1/jobs/{uuid7()}", role="STAFF")).status_code == 404
    assert (await replaying.get("/v1/jobs/nonsense")).json()["error"]["message"] == "Job not found: nonsense"
