"""The URL of a Redis Cluster: some of its nodes, and what is said of one that cannot be used."""

import pytest

from bst_application.redis_url import cluster_url, names_cluster
from bst_application.settings import BadSettings, settings_from


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    cluster = cluster_url("rediss+cluster://bst:p%40ss@node-1:7000,node-2,[fd00::1]:7002/0?ssl_ca_certs=/ca.pem")
    assert cluster.nodes == (("node-1", 7000), ("node-2", 6379), ("fd00::1", 7002))
    assert cluster.of(("node-3", 1)) == "rediss://bst:p%40ss@node-3:1?ssl_ca_certs=/ca.pem"
    assert cluster.of(("fd00::2", 1)) == "rediss://bst:p%40ss@[fd00::2]:1?ssl_ca_certs=/ca.pem"
    assert cluster_url("redis+cluster://127.0.0.1:7000").of(("127.0.0.1", 7000)) == "redis://127.0.0.1:7000"


@pytest.mark.parametrize("url", ["redis://a:1", "rediss://a:1", "unix:///redis.sock"])
def test_one_server_is_no_cluster(url: str) -> None:
    assert not names_cluster(url)
    assert settings_from({"INGEST_REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+cluster://", "a host with a port"),
        ("redis+cluster://a:1,,b:2", "a host with a port"),
        ("redis+cluster://a:1;b:2", "a host with a port"),
        ("redis+cluster://a:0", "a host with a port"),
        ("redis+cluster://a:65536", "a host with a port"),
        ("redis+cluster://user:hunter2@a:x", "a host with a port"),
        ("redis+cluster://a:1/3", "number 0"),
        ("redis+cluster://[::1", "cannot be used"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused_with_its_cure(url: str, said: str) -> None:
    with pytest.raises(BadSettings) as refused:
        settings_from({"INGEST_REDIS_URL": url})
    [problem] = refused.value.problems
    assert problem.startswith("INGEST_REDIS_URL")
    assert said in problem
    assert "hunter2" not in problem


def test_production_looks_at_the_password_of_a_cluster_too() -> None:
    with pytest.raises(BadSettings, match="INGEST_REDIS_URL has a password that is well known"):
        settings_from({"BST_ENV": "production", "INGEST_REDIS_URL": "redis+cluster://:redis@a:1,b:2"})
