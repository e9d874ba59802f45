"""What operators do, wired to the operational database."""

from collections.abc import Callable
from datetime import datetime

from bst_application.ids import uuid7
from bst_application.use_cases.assign_crew import AssignCrew, EnterCrew, UnassignCrew
from bst_application.use_cases.booking_conflicts import ResolveConflict
from bst_application.use_cases.edit_booking import EditBooking
from bst_application.use_cases.judge_booking import AcknowledgeBooking, OverrideStatus, SyncStatus
from bst_litestar.routes.crew import CrewParts
from bst_litestar.routes.ops_writes import OpsWrites
from bst_postgres.crew import PostgresCrewRegister
from bst_postgres.database import Database
from bst_postgres.operations import PostgresOpsDesk


def ops_writes(database: Database, now: Callable[[], datetime]) -> OpsWrites:
    """All acts over one desk."""
    desk = PostgresOpsDesk(database)
    return OpsWrites(
        edit=EditBooking(desk=desk, now=now, new_id=uuid7),
        assign=AssignCrew(desk=desk, now=now, new_id=uuid7),
        unassign=UnassignCrew(desk=desk, now=now),
        sync=SyncStatus(desk=desk, now=now),
        acknowledge=AcknowledgeBooking(desk=desk, now=now),
        override=OverrideStatus(desk=desk, now=now, new_id=uuid7),
        resolve=ResolveConflict(desk=desk, now=now, new_id=uuid7),
    )


def crew_parts(database: Database, now: Callable[[], datetime]) -> CrewParts:
    """Drivers and partners."""
    register = PostgresCrewRegister(database)
    return CrewParts(register=register, enter=EnterCrew(register=register, now=now))
