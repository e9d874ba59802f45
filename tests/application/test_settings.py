"""Settings: production refuses what development forgives, and everything wrong is named."""

import pytest

from bst_application.settings import BadSettings, settings_from

SECRETS = {
    name: f"a-long-enough-{name.lower()}"
    for name in ("CORE_API_ADMIN_TOKEN", "INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")
}


def test_development_makes_random_secrets_and_says_which() -> None:
    one, other = settings_from({}), settings_from({})
    assert one.generated == ("CORE_API_ADMIN_TOKEN", "INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")
    assert one.admin_token != other.admin_token
    assert one.service_secrets != other.service_secrets


def test_flags_are_off_until_set() -> None:
    settings = settings_from({"BST_ENV": "production", **SECRETS})
    assert [settings.webhook_enabled, settings.queue_enabled, settings.replay_enabled] == [False] * 3
    assert settings.admin_auth_enabled
    for word in ("1", "true", "YES", "on"):
        assert settings_from({"INGEST_WEBHOOK_ENABLED": word}).webhook_enabled


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", ["", "short", "dev-service-secret", "dev-admin-token"])
def test_production_refuses_secrets_that_are_none(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        settings_from({"BST_ENV": "production", **SECRETS, name: value})
    [problem] = refused.value.problems
    assert problem.startswith(name)


def test_production_refuses_an_open_admin() -> None:
    with pytest.raises(BadSettings, match="ADMIN_AUTH_ENABLED"):
        settings_from({"BST_ENV": "production", **SECRETS, "ADMIN_AUTH_ENABLED": "false"})
    assert not settings_from({"ADMIN_AUTH_ENABLED": "false"}).admin_auth_enabled


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        settings_from({"PORT": "many", "INGEST_QUEUE_ENABLED": "perhaps", "INGEST_NONCE_TTL_MINUTES": "0"})
    assert [problem.split()[0] for problem in refused.value.problems] == [
        "PORT",
        "INGEST_NONCE_TTL_MINUTES",
        "INGEST_QUEUE_ENABLED",
    ]


def test_old_names_still_count_and_new_ones_win() -> None:
    settings = settings_from({"DATABASE_URL": "postgresql://old", "REDIS_URL": "redis://old"})
    assert (settings.ops_db_url, settings.redis_url) == ("postgresql://old", "redis://old")
    both = {"DATABASE_URL": "postgresql://old", "OPS_DB_URL": "postgresql://new", "INGEST_REDIS_URL": "redis://new"}
    assert (settings_from(both).ops_db_url, settings_from(both).redis_url) == ("postgresql://new", "redis://new")


def test_secrets_are_not_shown() -> None:
    shown = repr(settings_from({**SECRETS, "OPS_DB_URL": "postgresql://user:password@host/db"}))
    assert not any(value in shown for value in (*SECRETS.values(), "password"))


def test_several_secrets_live_side_by_side() -> None:
    settings = settings_from({**SECRETS, "INGEST_SERVICE_SECRETS_PREVIOUS": "one,two"})
    assert settings.service_secrets == (SECRETS["INGEST_SERVICE_SECRET"], "one", "two")
