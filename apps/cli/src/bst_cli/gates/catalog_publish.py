"""EP-010: a catalog publish job is drafted, reviewed and published for real, and what must be refused is refused."""

import json
import os
import re
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
from attrs import define, field

from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Finding, Judged, found
from bst_cli.gates.report import GATE_KEYS, IngestStyle
from bst_cli.gates.surroundings import Api, Surroundings
from bst_cli.trouble import Trouble
from bst_domain.ingest import ALGORITHM, canonical_string, sign
from bst_domain.values import format_instant

JOBS = "/v1/catalog/publish/jobs"
CREATOR, REVIEWER, PUBLISHER = (f"catalog-publish-gate-{name}" for name in ("creator", "reviewer", "publisher"))
_CHECKSUM = re.compile("[0-9a-f]{64}")
_REFUSED = (httpx.codes.UNAUTHORIZED, httpx.codes.BAD_REQUEST)
LISTED = 20


class _Ended(Exception):
    """A step failed, so that the next ones would tell nothing."""


@define
class _Run:
    """The calls of one run, and what they showed."""

    api: Api
    around: Surroundings
    secret: str | None
    within_ms: int
    findings: list[Finding] = field(factory=list)
    summary: dict[str, Any] = field(
        factory=lambda: {
            "jobId": None,
            "finalStatus": None,
            "snapshotPath": None,
            "checksum": None,
            "failedJobId": None,
        }
    )

    def note(self, name: str, good: bool, *, measured: str, wanted: str, cure: str) -> None:
        """A finding; one that is not good ends the run."""
        self.findings.append(found(name, good, measured=measured, wanted=wanted, cure=cure))
        if not good:
            raise _Ended

    async def post(self, path: str, actor: str, payload: Any = None, *, signed: bool = True) -> httpx.Response:
        """Signed where there is a secret to sign with."""
        raw = json.dumps({} if payload is None else payload).encode()
        headers = {"content-type": "application/json", "x-actor": actor}
        if signed and self.secret is not None:
            headers |= self._signature(path, raw, self.secret)
        return await self.api.ask("POST", path, within_ms=self.within_ms, headers=headers, content=raw)

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.api.ask("GET", path, within_ms=self.within_ms, query=query)

    def _signature(self, path: str, raw: bytes, secret: str) -> dict[str, str]:
        timestamp, nonce, key = format_instant(self.around.now()), str(uuid4()), str(uuid4())
        canonical = canonical_string(
            method="POST",
            path=f"{self.api.http.base_url.path.rstrip('/')}{path}",
            timestamp=timestamp,
            nonce=nonce,
            idempotency_key=key,
            body_hash=sha256(raw).hexdigest(),
        )
        return {
            "x-signature-algorithm": ALGORITHM,
            "x-timestamp": timestamp,
            "x-nonce": nonce,
            "x-idempotency-key": key,
            "x-signature": sign(secret, canonical),
        }


async def measure(around: Surroundings, given: Given) -> Judged:
    """Publishes every active product once more, as it is now."""
    secret = os.environ.get("CATALOG_PUBLISH_SECRET", "").strip() or None
    async with around.api() as api:
        run = _Run(api=api, around=around, secret=secret, within_ms=given["timeout_ms"])
        try:
            await _refuses_the_unsigned(run, expected=given["expect_signature_required"])
            await _publishes(run)
            if given["run_failed_scenario"]:
                await _refuses_the_unknown(run)
        except _Ended:
            pass
        except Trouble as trouble:
            cure = trouble.cure or "The API's log has the request."
            name = f"CP-{len(run.findings):02}_step"
            run.findings.append(found(name, False, measured=trouble.what, wanted="an answer", cure=cure))
    return Judged(
        config={
            "signed": secret is not None,
            "expectSignatureRequired": given["expect_signature_required"],
            "runFailedScenario": given["run_failed_scenario"],
            "timeoutMs": given["timeout_ms"],
        },
        summary=run.summary,
        findings=run.findings,
    )


async def _refuses_the_unsigned(run: _Run, *, expected: bool) -> None:
    health = await run.get("/health")
    run.note(
        "CP-00_health",
        health.status_code == httpx.codes.OK,
        measured=str(health.status_code),
        wanted="200",
        cure="Start the API, or check CORE_API_BASE_URL (or --url).",
    )
    if expected:
        answer = await run.post(JOBS, CREATOR, signed=False)
        run.note(
            "CP-00_unsigned_refused",
            answer.status_code in _REFUSED,
            measured=_shown(answer),
            wanted="401 or 400",
            cure="Set CATALOG_PUBLISH_SECRET at the API, and CATALOG_PUBLISH_SIGNATURE_REQUIRED=true.",
        )


async def _publishes(run: _Run) -> None:
    drafted = await run.post(JOBS, CREATOR, {"note": "publish workflow gate"})
    draft = _status(
        run, "CP-01_create_draft", drafted, "DRAFT", "See the error; a signed API needs CATALOG_PUBLISH_SECRET here."
    )
    where = f"{JOBS}/{draft['jobId']}"
    run.summary["jobId"] = draft["jobId"]
    _status(run, "CP-02_get", await run.get(where), "DRAFT", "The job is not kept: see the API's log.")
    submitted = await run.post(f"{where}/submit-review", REVIEWER)
    _status(
        run, "CP-03_submit_review", submitted, "IN_REVIEW", "See the error; four eyes want a reviewer of their own."
    )
    published = await run.post(f"{where}/publish", PUBLISHER)
    job = _status(run, "CP-04_publish", published, "PUBLISHED", "See the error; at least one product must be active.")
    run.summary |= {"finalStatus": job["status"], "snapshotPath": job["snapshotPath"], "checksum": job["checksum"]}
    run.note(
        "CP-04_snapshot",
        bool(job["snapshotPath"]) and _CHECKSUM.fullmatch(job["checksum"] or "") is not None,
        measured=f"{job['snapshotPath']} {job['checksum']}",
        wanted="a path and 64 hex digits",
        cure="A published job has both: is that BST's API?",
    )
    listed = await run.get(JOBS, limit=str(LISTED))
    ids = [one["jobId"] for one in listed.json()["data"]] if listed.is_success else []
    run.note(
        "CP-05_listed",
        draft["jobId"] in ids,
        measured=f"{_shown(listed)}: {len(ids)} jobs",
        wanted=f"the job among the newest {LISTED}",
        cure="Many jobs were changed at this moment: do it again.",
    )
    again = await run.post(f"{where}/retry", PUBLISHER)
    run.note(
        "CP-06_retry_of_published",
        again.status_code == httpx.codes.CONFLICT,
        measured=_shown(again),
        wanted="409",
        cure="What is published is final: see the API's log.",
    )


async def _refuses_the_unknown(run: _Run) -> None:
    """A product that nobody knows: refused at once, or else by the later steps."""
    answer = await run.post(JOBS, CREATOR, {"itemIds": [str(uuid4())]})
    cure = "A job for a product that does not exist must come to nothing: see the API's log."
    if answer.status_code == httpx.codes.BAD_REQUEST:
        run.note("CP-07_unknown_item", True, measured=_shown(answer), wanted="400", cure=cure)
        return
    draft = _status(run, "CP-07_unknown_item", answer, "DRAFT", cure)
    where = f"{JOBS}/{draft['jobId']}"
    run.summary["failedJobId"] = draft["jobId"]
    _status(run, "CP-08_unknown_item_review", await run.post(f"{where}/submit-review", REVIEWER), "IN_REVIEW", cure)
    refused = await run.post(f"{where}/publish", PUBLISHER)
    run.note(
        "CP-09_unknown_item_publish",
        refused.status_code == httpx.codes.BAD_REQUEST,
        measured=_shown(refused),
        wanted="400",
        cure=cure,
    )
    failed = _status(run, "CP-10_unknown_item_failed", await run.get(where), "FAILED", cure)
    reason = failed["failureReason"]
    run.note("CP-11_failure_reason", bool(reason), measured=str(reason), wanted="a reason", cure=cure)


def _status(run: _Run, name: str, answer: httpx.Response, wanted: str, cure: str) -> dict[str, Any]:
    """The job of an answer that has this status; anything else ends the run."""
    job: dict[str, Any] = answer.json()["data"] if answer.is_success else {}
    run.note(name, job.get("status") == wanted, measured=_shown(answer), wanted=wanted, cure=cure)
    return job


def _shown(answer: httpx.Response) -> str:
    """The status, and the job's or the error's word."""
    try:
        said = answer.json()
    except ValueError:
        return f"{answer.status_code} without JSON"
    word = said.get("error", {}).get("message", "") if isinstance(said, dict) else ""
    data = said.get("data") if isinstance(said, dict) else None
    return f"{answer.status_code} {data['status'] if isinstance(data, dict) and 'status' in data else word}".strip()


GATE = Gate(
    name="catalog-publish-workflow",
    id="EP-010_CATALOG_PUBLISH_WORKFLOW",
    title="EP-010 Catalog publish workflow",
    folder="gates/catalog-publish-workflow",
    help="EP-010: a publish job from draft to published, for real: all active products, as they are now. Signed where"
    " CATALOG_PUBLISH_SECRET is set. Needs an active product.",
    settings=[
        setting(
            "expect-signature-required",
            "GATE_CATALOG_PUBLISH_EXPECT_SIGNATURE_REQUIRED",
            bool,
            False,
            "An unsigned draft must be refused.",
        ),
        setting(
            "run-failed-scenario",
            "GATE_CATALOG_PUBLISH_RUN_FAILED_SCENARIO",
            bool,
            True,
            "A job for an unknown product must come to nothing.",
        ),
        setting("timeout-ms", "GATE_CATALOG_PUBLISH_TIMEOUT_MS", at_least(1), 15000, "Longest time of one request."),
    ],
    measure=measure,
    keys=(GATE_KEYS,),
    style=IngestStyle(as_checks=True),
)
command = as_command(GATE)
