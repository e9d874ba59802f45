"""Settings: production refuses what development forgives, and everything wrong is named."""

import pytest

from bst_application.flags import DEFAULTS, BadFlagValue, Flag, FlagKind, initial_flags, kind_of, normal_value
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
    assert not any(settings.begins_on(flag) for flag in Flag if kind_of(flag) is FlagKind.SWITCH)
    assert settings.admin_auth_enabled
    for word in ("1", "true", "YES", "on"):
        assert settings_from({"INGEST_WEBHOOK_ENABLED": word}).begins_on(Flag.WEBHOOK)


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


def test_every_flag_has_a_default_that_is_spelled_normally() -> None:
    assert DEFAULTS.keys() == set(Flag)
    for flag, default in DEFAULTS.items():
        assert normal_value(flag, default) == default
    assert initial_flags({}) == (dict(DEFAULTS), [])


@pytest.mark.parametrize(
    ("flag", "text", "value"),
    [
        (Flag.WEBHOOK, " YES ", "true"),
        (Flag.QUEUE, "0", "false"),
        (Flag.READ_MODEL_PERCENT, "12.50", "12.5"),
        (Flag.WRITE_CORE_PERCENT, "100", "100"),
        (Flag.WRITE_CORE_EMAILS, " B@x.org, a@x.org,,", "a@x.org,b@x.org"),
        (Flag.READ_MODEL_USER_IDS, "", ""),
    ],
)
def test_a_flag_has_one_spelling(flag: Flag, text: str, value: str) -> None:
    assert normal_value(flag, text) == value


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        (Flag.WEBHOOK, ""),
        (Flag.WEBHOOK, "maybe"),
        (Flag.READ_MODEL_PERCENT, "-1"),
        (Flag.READ_MODEL_PERCENT, "100.1"),
        (Flag.READ_MODEL_PERCENT, "nan"),
        (Flag.READ_MODEL_PERCENT, "much"),
        (Flag.WRITE_CORE_EMAILS, "x" * 2001),
    ],
)
def test_a_flag_refuses_what_it_cannot_be(flag: Flag, text: str) -> None:
    refused = normal_value(flag, text)
    assert isinstance(refused, BadFlagValue)
    assert refused.why.startswith(flag.value)


def test_the_environment_is_read_as_the_predecessor_did() -> None:
    values, problems = initial_flags(
        {
            "OPS_READ_NEW_MODEL_PERCENT": "",
            "OPS_WRITE_CORE_PERCENT": "lots",
            "OPS_WRITE_CORE_ENABLED": "",
            "INGEST_QUEUE_ENABLED": "perhaps",
        }
    )
    assert (values[Flag.READ_MODEL_PERCENT], values[Flag.WRITE_CORE_PERCENT]) == ("0", "100")
    assert values[Flag.WRITE_CORE] == values[Flag.QUEUE] == "false"
    assert problems == ["INGEST_QUEUE_ENABLED must be one of true, false, 1, 0, yes, no, on, off"]
