"""Fixtures for everybody: real servers once a run, a fresh database and an empty Redis for each test."""

import os
import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
from hypothesis import settings

from bst_application.garbage import collect_seldom
from bst_postgres.migrate import upgrade
from tests.redis_cluster import Cluster, run_cluster
from tests.replicated import Pair, a_pair
from tests.servers import PostgresAddress, run_postgres, run_redis


def pytest_configure() -> None:
    """A run that is told to end, by a time limit say, ends like one that is interrupted: it stops its servers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Everything is imported: garbage is looked for as in our own processes, among what the tests make, and seldom."""
    collect_seldom()


# A slow machine is no broken law: examples have no time limit of their own.
settings.register_profile("bst", deadline=None)
settings.load_profile("bst")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresAddress]:
    """The server that BST_TEST_POSTGRES_DSN names, as a user who may create databases, else one of our own."""
    if dsn := os.environ.get("BST_TEST_POSTGRES_DSN"):
        yield PostgresAddress(admin_dsn=dsn)
    else:
        with run_postgres() as address:
            yield address


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresAddress) -> Iterator[str]:
    """A migrated database to copy; nobody connects to it."""
    name = f"bst_template_{uuid4().hex}"
    try:
        upgrade(postgres_server.create(name))
        yield name
    finally:
        postgres_server.drop(name)


@pytest.fixture
def empty_postgres_dsn(postgres_server: PostgresAddress) -> Iterator[str]:
    """A database of this test alone, without a schema."""
    name = f"bst_empty_{uuid4().hex}"
    try:
        yield postgres_server.create(name)
    finally:
        postgres_server.drop(name)


@pytest.fixture
def postgres_dsn(postgres_server: PostgresAddress, migrated_template: str) -> Iterator[str]:
    """A migrated database of this test alone."""
    name = f"bst_test_{uuid4().hex}"
    try:
        yield postgres_server.create(name, template=migrated_template)
    finally:
        postgres_server.drop(name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis that is up for the whole run."""
    with run_redis() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def redis_cluster_server() -> Iterator[Cluster]:
    """A Redis Cluster of three nodes that is up for the whole run. A test that stops a node starts it again."""
    with run_cluster() as cluster:
        yield cluster


@pytest.fixture
def redis_cluster(redis_cluster_server: Cluster) -> Cluster:
    """An empty Redis Cluster that is well."""
    redis_cluster_server.until_well()
    redis_cluster_server.empty()
    return redis_cluster_server


@pytest.fixture(scope="session")
def postgres_pair_server() -> Iterator[Pair]:
    """A primary and its streaming replica. A test that stops or pauses one of them leaves both running."""
    with a_pair() as pair:
        yield pair


@pytest.fixture
def postgres_pair(postgres_pair_server: Pair) -> Iterator[Pair]:
    """The same, with a migrated database of this test alone."""
    with postgres_pair_server.with_a_database() as pair:
        yield pair
