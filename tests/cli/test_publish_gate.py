"""The publish workflow gate passes for the right reason and fails for the right reason, over a real API and PostgreSQL."""

import json
from typing import Any

import httpx
import pytest

from bst_cli.gates import GATES, catalog_publish
from bst_domain.gates import Verdict
from tests.api.harness import Api, running
from tests.api.test_publish_access import SECRET
from tests.api.test_publishing import JOBS, done, item
from tests.cli.surroundings import Bench, not_passed

GATE = catalog_publish.GATE


@pytest.fixture
def broker_url() -> str:
    """The queue runs on PostgreSQL: publishing needs none."""
    return ""


async def test_the_gate_publishes_a_job_from_draft_to_the_end(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await item(api, "ubud")
        judged = await Bench(api).measure(GATE)
        assert [one.name for one in judged.findings] == [
            "CP-00_health",
            "CP-01_create_draft",
            "CP-02_get",
            "CP-03_submit_review",
            "CP-04_publish",
            "CP-04_snapshot",
            "CP-05_listed",
            "CP-06_retry_of_published",
            "CP-07_unknown_item",
        ]
        assert judged.passed
        [job] = await api.data(JOBS)
    assert (job["jobId"], job["status"], job["checksum"]) == (
        judged.summary["jobId"],
        "PUBLISHED",
        judged.summary["checksum"],
    )
    # Four eyes are no obstacle: three steps, three people.
    assert len({job["createdBy"], job["reviewedBy"], job["publishedBy"]}) == 3
    assert GATES[GATE.name] == "catalog_publish"


async def test_without_an_active_product_the_gate_fails_where_the_job_does(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        judged = await Bench(api).measure(GATE)
    assert not_passed(judged) == {"CP-04_publish": Verdict.FAIL}
    assert "CATALOG_PUBLISH_EMPTY_PAYLOAD" in judged.findings[-1].measured
    assert judged.findings[-1].cure


async def test_a_signed_api(postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = {"CATALOG_PUBLISH_SECRET": SECRET, "CATALOG_PUBLISH_SIGNATURE_REQUIRED": "false"}
    async with running(postgres_dsn, broker_url, **signed) as api:
        await item(api, "ubud")
        open_door = await Bench(api).measure(GATE, expect_signature_required=True)
    assert not_passed(open_door) == {"CP-00_unsigned_refused": Verdict.FAIL}
    async with running(postgres_dsn, broker_url, CATALOG_PUBLISH_SECRET=SECRET) as api:
        unsigned = await Bench(api).measure(GATE, expect_signature_required=True)
        assert not_passed(unsigned) == {"CP-01_create_draft": Verdict.FAIL}
        monkeypatch.setenv("CATALOG_PUBLISH_SECRET", SECRET)
        judged = await Bench(api).measure(GATE, expect_signature_required=True)
    assert judged.passed
    assert judged.config["signed"] is True


async def test_a_server_that_only_fails_later_passes_too_and_one_that_does_not_fail_does_not(
    postgres_dsn: str, broker_url: str
) -> None:
    """As the predecessor's gate: an unknown product may be refused by the draft, or by the publish that leaves a reason."""
    async with running(postgres_dsn, broker_url) as api:
        await item(api, "ubud")
        off = await item(api, "canggu")
        await done(api, "DELETE", f"/v1/catalog/items/{off}")
        late = Bench(_with_known_item(api, off))
        judged = await late.measure(GATE)
        assert judged.passed
        assert [one.name for one in judged.findings][-5:] == [
            "CP-07_unknown_item",
            "CP-08_unknown_item_review",
            "CP-09_unknown_item_publish",
            "CP-10_unknown_item_failed",
            "CP-11_failure_reason",
        ]
        await done(api, "PATCH", f"/v1/catalog/items/{off}", {"isActive": True})
        judged = await late.measure(GATE)
        assert not_passed(judged) == {"CP-09_unknown_item_publish": Verdict.FAIL}
        skipped = await late.measure(GATE, run_failed_scenario=False)
    assert skipped.passed


def _with_known_item(api: Api, known: str) -> Any:
    """The same API, but the id that nobody has is one that somebody has."""

    class Client:
        base_url = api.http.base_url

        async def request(self, method: str, path: str, **given: Any) -> httpx.Response:
            said = json.loads(given.get("content") or b"{}")
            if said.get("itemIds"):
                given["content"] = json.dumps({"itemIds": [known]}).encode()
            return await api.http.request(method, path, **given)

    class Other:
        http = Client()
        database = api.database

    return Other()
