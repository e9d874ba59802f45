"""The wiring of channel mappings and the unmapped queue."""

from collections.abc import Callable
from datetime import datetime

from bst_application.ids import uuid7
from bst_application.ports.bookings import BookingStore
from bst_application.use_cases.mappings import ChangeMapping, CreateMapping
from bst_application.use_cases.refold_packages import RefoldPackages
from bst_application.use_cases.unmapped import ChangeUnmappedStatus, ResolveMany, ResolveUnmapped
from bst_litestar.routes.channel_mappings import MappingParts
from bst_postgres.database import Database
from bst_postgres.mappings import PostgresMappingDesk


def mapping_parts(database: Database, store: BookingStore, now: Callable[[], datetime]) -> MappingParts:
    """Connects to nothing."""
    desk = PostgresMappingDesk(database)
    resolve = ResolveUnmapped(desk=desk, now=now, new_id=uuid7)
    return MappingParts(
        desk=desk,
        create=CreateMapping(desk=desk, now=now, new_id=uuid7),
        change=ChangeMapping(desk=desk, now=now, new_id=uuid7),
        change_entry=ChangeUnmappedStatus(desk=desk, now=now),
        resolve=resolve,
        resolve_many=ResolveMany(resolve=resolve),
        refold=RefoldPackages(desk=desk, store=store, now=now),
    )
