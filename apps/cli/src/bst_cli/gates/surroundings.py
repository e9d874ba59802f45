"""What a gate may ask: the API as an admin, the operational database, the clock. Tests give others."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from attrs import field, frozen

from bst_application.errors import Conflict, LegacyUnreadable, SchemaBehind, Unavailable
from bst_application.ports.legacy import LegacySnapshot
from bst_cli.administering import administered
from bst_cli.data_folder import DataFolder, resolve
from bst_cli.embedded.postgres import running_at
from bst_cli.migrating.running import legacy_urls
from bst_cli.trouble import Trouble
from bst_legacy.databases import LegacyConnections
from bst_postgres.database import Database

DEFAULT_URL = "http://localhost:4000"


@frozen(kw_only=True)
class Api:
    """The API, asked as an admin. ``role`` is what CORE_API_ADMIN_ROLE says."""

    http: httpx.AsyncClient
    token: str = field(repr=False)
    role: str = "ADMIN"

    async def get(self, path: str, *, within_ms: int, **query: str) -> Any:
        """The answer's ``data``. Raises Trouble."""
        return (await self.envelope(path, within_ms=within_ms, **query))["data"]

    async def envelope(self, path: str, *, within_ms: int, **query: str) -> Any:
        """The whole answer, with its ``meta``. Raises Trouble."""
        return _said(await self.ask("GET", path, within_ms=within_ms, query=query))

    async def act(self, method: str, path: str, *, within_ms: int, actor: str, payload: Any = None) -> Any:
        """A change, audited under ``actor``; the answer's ``data``. Raises Trouble."""
        answer = await self.ask(method, path, within_ms=within_ms, headers={"x-actor": actor}, payload=payload)
        return _said(answer)["data"]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        within_ms: int,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        payload: Any = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Any answer. ``headers`` win over an admin's own. Raises Trouble only when there is no answer."""
        mine = {"authorization": f"Bearer {self.token}", "x-admin-role": self.role, **(headers or {})}
        try:
            return await self.http.request(
                method, path, headers=mine, params=query, json=payload, content=content, timeout=within_ms / 1000
            )
        except httpx.HTTPError as error:
            raise Trouble(
                f"{method} {self.http.base_url}{path} got no answer: {type(error).__name__}",
                "Check CORE_API_BASE_URL (or --url) and that the API runs.",
            ) from error


def _said(answer: httpx.Response) -> Any:
    where = f"{answer.request.method} {answer.request.url.path}"
    try:
        said = answer.json()
    except ValueError:
        raise Trouble(
            f"{where} answered {answer.status_code} without JSON", "Is that BST's API? Check CORE_API_BASE_URL."
        ) from None
    if answer.is_success:
        return said
    message = said.get("error", {}).get("message", "no message") if isinstance(said, dict) else "no message"
    cure = "Check CORE_API_ADMIN_TOKEN and CORE_API_ADMIN_ROLE." if answer.status_code in {401, 403} else None
    raise Trouble(f"{where} answered {answer.status_code} {message}", cure)


@frozen(kw_only=True)
class Producer:
    """What a producer signs with."""

    token: str = field(repr=False)
    secret: str = field(repr=False)


@frozen(kw_only=True)
class Surroundings:
    """``pause`` waits so many seconds and says whether somebody wants to stop.

    ``tell`` is for lines that readers of standard output know, ``progress`` (a share, and words) for a person who waits.
    """

    api: Callable[[], AbstractAsyncContextManager[Api]]
    database: Callable[[], AbstractAsyncContextManager[Database]]
    producer: Callable[[], Producer]
    legacy: Callable[[], AbstractAsyncContextManager[LegacySnapshot]]
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[bool]]
    tell: Callable[[str], None]
    progress: Callable[[float, str], None]


def real_surroundings(
    url: str | None,
    data_dir: Path,
    *,
    stop: asyncio.Event,
    tell: Callable[[str], None],
    progress: Callable[[float, str], None],
) -> Surroundings:
    """Those that the environment names, or a running ``bst up``."""

    @asynccontextmanager
    async def api() -> AsyncIterator[Api]:
        run = DataFolder(resolve(data_dir)).live_run()
        named = url or os.environ.get("CORE_API_BASE_URL", "").strip() or (None if run else DEFAULT_URL)
        admin = administered(named, data_dir)
        role = os.environ.get("CORE_API_ADMIN_ROLE", "").strip() or "ADMIN"
        async with httpx.AsyncClient(base_url=admin.url, trust_env=False) as client:
            yield Api(http=client, token=admin.token, role=role)

    @asynccontextmanager
    async def database() -> AsyncIterator[Database]:
        opened = Database(operational_url(DataFolder(resolve(data_dir))), pool_size=2, application_name="bst-gate")
        try:
            yield opened
        except SchemaBehind as error:
            raise Trouble(str(error), "Run `bst db upgrade`.") from error
        except (Unavailable, Conflict) as error:
            raise Trouble(
                f"the database is not available: {error}", "Check OPS_DB_URL and that this machine may connect."
            ) from error
        finally:
            await opened.close()

    def producer() -> Producer:
        run = DataFolder(resolve(data_dir))
        named = {name: os.environ.get(name, "").strip() for name in ("INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")}
        if not all(named.values()) and run.live_run() and not url and not os.environ.get("CORE_API_BASE_URL"):
            named = run.secrets(os.environ)
        if not all(named.values()):
            raise Trouble(
                "INGEST_SERVICE_TOKEN and INGEST_SERVICE_SECRET are not set",
                "Set both: the drill sends a signed event.",
            )
        return Producer(token=named["INGEST_SERVICE_TOKEN"], secret=named["INGEST_SERVICE_SECRET"])

    async def pause(seconds: float) -> bool:
        try:
            await asyncio.wait_for(stop.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    return Surroundings(
        api=api,
        database=database,
        producer=producer,
        legacy=legacy_snapshot,
        now=lambda: datetime.now(UTC),
        pause=pause,
        tell=tell,
        progress=progress,
    )


@asynccontextmanager
async def legacy_snapshot() -> AsyncIterator[LegacySnapshot]:
    """Both legacy databases, as BALISNAP_DB_URL and BSTADMIN_DB_URL name them. Raises Trouble."""
    try:
        async with LegacyConnections(legacy_urls(os.environ)).snapshot() as snapshot:
            yield snapshot
    except LegacyUnreadable as error:
        raise Trouble(str(error)) from error


def operational_url(folder: DataFolder) -> str:
    """OPS_DB_URL, else DATABASE_URL, else that of a running ``bst up``; no neighbour's .env file is looked into.

    Raises Trouble.
    """
    for name in ("OPS_DB_URL", "DATABASE_URL"):
        if value := os.environ.get(name, "").strip():
            return value
    if folder.live_run() and (embedded := running_at(folder.postgres)):
        return embedded
    raise Trouble(
        "OPS_DB_URL is not set",
        "Set it to the operational database, e.g. postgresql://user@host/ops_db, or give a running bst up with --data-dir.",
    )
