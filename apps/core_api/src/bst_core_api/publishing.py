"""The catalog: its editor, publishing, and what everybody reads, on the operational database."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic

from attrs import frozen

from bst_application.ids import uuid7
from bst_application.published_catalog import PublishedCatalog
from bst_application.rate_limits import Buckets
from bst_application.settings import Settings
from bst_application.use_cases.draft_catalog import DraftPublishJob
from bst_application.use_cases.publish_catalog import TakePublishStep
from bst_application.use_cases.roll_back_catalog import RollBackCatalog
from bst_core_api.editing import catalog_parts
from bst_litestar.publish_signature import PublishSignature
from bst_litestar.routes.catalog_editor import CatalogParts
from bst_litestar.routes.public_catalog import PublicCatalogParts
from bst_litestar.routes.publishing import PublishingParts
from bst_postgres.database import Database
from bst_postgres.publishing import PostgresPublishingDesk


@frozen(kw_only=True)
class CatalogArea:
    """All of the catalog's parts."""

    editing: CatalogParts
    publishing: PublishingParts
    public: PublicCatalogParts


def catalog_area(settings: Settings, database: Database, now: Callable[[], datetime]) -> CatalogArea:
    """Connects to nothing."""
    editing = catalog_parts(database, now)
    desk = PostgresPublishingDesk(database)
    published = PublishedCatalog(desk, now, monotonic)
    return CatalogArea(
        editing=editing,
        publishing=PublishingParts(
            desk=desk,
            draft=DraftPublishJob(desk=desk, now=now, new_id=uuid7),
            step=TakePublishStep(desk=desk, rules=settings.publish.four_eyes, now=now),
            roll_back=RollBackCatalog(desk=desk, now=now),
            published=published,
            signature=PublishSignature(settings=settings.publish, desk=desk, now=now),
            by_principal=settings.publish.by_principal,
        ),
        public=PublicCatalogParts(
            published=published,
            editor=editing.editor,
            rates=Buckets(settings.catalog_per_minute),
            trusted=settings.trusted_proxies,
            now=now,
        ),
    )
