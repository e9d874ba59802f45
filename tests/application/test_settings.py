"""Settings: production refuses what development forgives, and everything wrong is named."""

import pytest

from bst_application.flags import DEFAULTS, BadFlagValue, Flag, FlagKind, initial_flags, kind_of, normal_value
from bst_application.settings import BadSettings, settings_from
from bst_domain.lifecycles import FourEyes

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


@pytest.mark.parametrize(
    ("change", "named", "cure"),
    [
        ({"INGEST_SERVICE_SECRET": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "INGEST_SERVICE_SECRET", "choose a random one"),
        ({"INGEST_SERVICE_SECRETS_PREVIOUS": "dev-service-secret"}, "INGEST_SERVICE_SECRETS_PREVIOUS", "take it out"),
        (
            {"INGEST_SERVICE_SECRETS_PREVIOUS": f"{'x1y2z3' * 5},short"},
            "INGEST_SERVICE_SECRETS_PREVIOUS",
            "take it out",
        ),
        (
            {"INGEST_SERVICE_TOKEN": SECRETS["CORE_API_ADMIN_TOKEN"]},
            "CORE_API_ADMIN_TOKEN and INGEST_SERVICE_TOKEN",
            "a random one for each",
        ),
        ({"OPS_DB_URL": "postgresql://bst:postgres@db/ops"}, "OPS_DB_URL", "random"),
        ({"CHANNEL_DB_URL": "postgresql://bst:Passw%6Frd@db/ops"}, "CHANNEL_DB_URL", "random"),
        ({"INGEST_REDIS_URL": "redis://:changeme@queue"}, "INGEST_REDIS_URL", "random"),
        ({"INGEST_TIMESTAMP_DRIFT_MINUTES": "6"}, "INGEST_NONCE_TTL_MINUTES=10", "12 or more"),
        ({"CATALOG_PUBLISH_TIMESTAMP_DRIFT_MINUTES": "6"}, "CATALOG_PUBLISH_NONCE_TTL_MINUTES=10", "12 or more"),
        ({"CATALOG_PUBLISH_SECRET": "secret"}, "CATALOG_PUBLISH_SECRET", "choose a random one"),
        ({"CATALOG_PUBLISH_SECRETS_PREVIOUS": "dev-service-secret"}, "CATALOG_PUBLISH_SECRETS_PREVIOUS", "take it out"),
        (
            {"CATALOG_PUBLISH_SECRET": SECRETS["INGEST_SERVICE_SECRET"]},
            "INGEST_SERVICE_SECRET and CATALOG_PUBLISH_SECRET",
            "a random one for each",
        ),
        ({"CATALOG_PUBLISH_SIGNATURE_REQUIRED": "true"}, "CATALOG_PUBLISH_SIGNATURE_REQUIRED", "set both"),
        ({"BST_TRUSTED_PROXIES": "10.0.0.1, 0.0.0.0/0"}, "BST_TRUSTED_PROXIES=0.0.0.0/0", "name the addresses"),
        ({"BST_TRUSTED_PROXIES": "::/0"}, "BST_TRUSTED_PROXIES=::/0", "name the addresses"),
    ],
)
def test_production_refuses_what_is_unsafe(change: dict[str, str], named: str, cure: str) -> None:
    safe = {
        **SECRETS,
        "OPS_DB_URL": "postgresql://bst:n0body-guesses@db/ops",
        "INGEST_REDIS_URL": "redis://queue",
        "BST_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32",
    }
    assert settings_from({"BST_ENV": "production", **safe}).production
    with pytest.raises(BadSettings) as refused:
        settings_from({"BST_ENV": "Production", **safe, **change})
    [problem] = refused.value.problems
    assert problem.startswith(named)
    assert cure in problem
    assert not any(value in problem for value in (*SECRETS.values(), "n0body-guesses", "Passw"))
    settings_from({**safe, **change})  # development forgives


@pytest.mark.parametrize("word", ["prod", "live", "PRODUCTION!"])
def test_a_word_that_only_looks_like_production_is_refused(word: str) -> None:
    """Else a slip of the pen would be development, with made-up secrets."""
    with pytest.raises(BadSettings, match="BST_ENV must be one of"):
        settings_from({"BST_ENV": word})


def test_keys_that_encrypt_are_32_bytes() -> None:
    one, other = "A" * 43 + "=", "-_" * 21 + "8="
    assert settings_from({"BST_SECRETS_KEY": f" {one}, {other} "}).secrets_keys == (one, other)
    assert settings_from({}).secrets_keys == ()
    for wrong in ("x", "A" * 44, one[:-1], f"{one},x", "é" * 44):
        with pytest.raises(BadSettings, match="openssl rand -base64 32"):
            settings_from({"BST_SECRETS_KEY": wrong})


def test_limits_and_proxies_are_read() -> None:
    settings = settings_from({"BST_LIMIT_REFUSED_PER_MINUTE": "60", "BST_TRUSTED_PROXIES": "10.0.0.5,fd00::/8"})
    assert (settings.refused_per_minute, settings.producer_per_minute) == (60, 1_200_000)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.5/32", "fd00::/8"]
    for name, value in (("BST_LIMIT_ADDRESS_PER_MINUTE", "0"), ("BST_TRUSTED_PROXIES", "proxy.example.org")):
        with pytest.raises(BadSettings, match=name):
            settings_from({name: value})


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


def test_publishing_is_as_open_as_callers_expect_until_it_is_set() -> None:
    publish = settings_from({"BST_ENV": "production", **SECRETS}).publish
    assert not publish.signature_required
    assert not publish.secrets
    assert publish.four_eyes == FourEyes()
    assert not publish.by_principal
    publish = settings_from({"CATALOG_PUBLISH_SECRET": "new", "CATALOG_PUBLISH_SECRETS_PREVIOUS": "old,older"}).publish
    assert publish.signature_required
    assert publish.secrets == ("new", "old", "older")
    assert "new" not in repr(publish)
    assert not settings_from(
        {"CATALOG_PUBLISH_SECRET": "new", "CATALOG_PUBLISH_SIGNATURE_REQUIRED": "no"}
    ).publish.signature_required
    both = FourEyes(reviewer_is_not_creator=True, publisher_is_not_reviewer=True)
    publish = settings_from({"CATALOG_PUBLISH_FOUR_EYES_BY_PRINCIPAL": "true"}).publish
    assert (publish.four_eyes, publish.by_principal) == (both, True)
    publish = settings_from({"CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER": "1"}).publish
    assert publish.four_eyes == FourEyes(publisher_is_not_reviewer=True)
