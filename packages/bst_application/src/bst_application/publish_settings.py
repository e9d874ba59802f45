"""How the catalog is published: who must differ from whom, and how requests are signed. The names are the predecessor's."""

from collections.abc import Mapping
from datetime import timedelta

from attrs import field, frozen

from bst_application.environment import EnvironmentReader
from bst_domain.lifecycles import FourEyes

SIGNED_WITH = "CATALOG_PUBLISH_SECRET"
PREVIOUS = "CATALOG_PUBLISH_SECRETS_PREVIOUS"
REVIEWER_DIFFERS = "CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR"
PUBLISHER_DIFFERS = "CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER"
BY_PRINCIPAL = "CATALOG_PUBLISH_FOUR_EYES_BY_PRINCIPAL"


@frozen(kw_only=True)
class PublishSettings:
    """``secrets``: the newest first, then those that are being replaced; empty where none is set.

    ``by_principal``: publishing needs a principal's token, because a name that the caller states proves no second person.
    """

    secrets: tuple[str, ...] = field(repr=False)
    signature_required: bool
    max_drift: timedelta
    nonce_ttl: timedelta
    four_eyes: FourEyes
    by_principal: bool


def publish_settings(environ: Mapping[str, str], reader: EnvironmentReader) -> PublishSettings:
    """Everything is off unless set, as callers expect; a secret that is set is asked for."""
    secret = environ.get(SIGNED_WITH, "").strip()
    previous = tuple(part for part in environ.get(PREVIOUS, "").split(",") if part)
    by_principal = reader.flag(BY_PRINCIPAL, False)
    return PublishSettings(
        secrets=(secret, *previous) if secret else (),
        signature_required=reader.flag("CATALOG_PUBLISH_SIGNATURE_REQUIRED", bool(secret)),
        max_drift=timedelta(minutes=reader.number("CATALOG_PUBLISH_TIMESTAMP_DRIFT_MINUTES", 5, 1, 60)),
        nonce_ttl=timedelta(minutes=reader.number("CATALOG_PUBLISH_NONCE_TTL_MINUTES", 10, 1, 1440)),
        four_eyes=FourEyes(
            reviewer_is_not_creator=reader.flag(REVIEWER_DIFFERS, by_principal),
            publisher_is_not_reviewer=reader.flag(PUBLISHER_DIFFERS, by_principal),
        ),
        by_principal=by_principal,
    )
