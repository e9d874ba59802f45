"""What every act on a booking shares: who may, at which version, on which booking, and what is answered."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from attrs import frozen
from litestar import Response

from bst_application.ports.crew import CrewKind
from bst_application.ports.reading import BookingReader
from bst_application.use_cases.assign_crew import UnknownCrew
from bst_application.use_cases.booking_conflicts import ChoiceNotPossible, ConflictMissing, ConflictSettled
from bst_application.use_cases.edit_booking import PackageMisfit
from bst_application.use_cases.judge_booking import VersionAhead
from bst_application.use_cases.operate import BookingMissing, Expected, StaleVersion, Written
from bst_domain.booking import TerminalStands
from bst_domain.values import BookingIdentity
from bst_litestar.auth import WRITERS, Tokens
from bst_litestar.booking_json import booking_json
from bst_litestar.booking_names import booking_not_found, named_booking
from bst_litestar.envelope import success
from bst_litestar.if_match import entity_tag, expected_versions
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.requests import AnyRequest, header_map, id_of
from bst_litestar.schema_ready import Part, schema_ready

Answer = Response[dict[str, Any]]
Refusal = (
    BookingMissing
    | StaleVersion
    | PackageMisfit
    | UnknownCrew
    | VersionAhead
    | TerminalStands
    | ConflictMissing
    | ConflictSettled
    | ChoiceNotPossible
)


def _unknown_crew(said: UnknownCrew, _: AnyRequest) -> Refused:
    member = "driverId" if said.kind is CrewKind.DRIVER else "partnerId"
    return invalid_input(member, f"UNKNOWN_{said.kind}", f"nobody active has the number {said.number}")


def _misfit(said: PackageMisfit, _: AnyRequest) -> Refused:
    problem = f"the catalog has no {said.package.type} with the key {said.package.key}"
    return invalid_input("packageRefKey", "PACKAGE_REF_KEY_INVALID", problem)


def _conflict_not_found(_said: ConflictMissing, request: AnyRequest) -> Refused:
    return Refused(404, f"Conflict not found: {str(request.path_params['conflict'])[:191]}")


#: Total over Refusal: the status and the machine string of each.
REFUSALS: Final[Mapping[type, Callable[[Any, AnyRequest], Refused]]] = {
    BookingMissing: lambda _, request: booking_not_found(name_of(request)),
    StaleVersion: lambda said, _: Refused(
        412, "VERSION_MISMATCH", details={"version": said.version}, headers=entity_tag(said.version)
    ),
    PackageMisfit: _misfit,
    UnknownCrew: _unknown_crew,
    VersionAhead: lambda said, _: Refused(409, "VERSION_NOT_REACHED", details={"version": said.version}),
    TerminalStands: lambda said, _: Refused(409, f"TERMINAL_STATUS_STANDS:{said.status}"),
    ConflictMissing: _conflict_not_found,
    ConflictSettled: lambda said, _: Refused(409, f"CONFLICT_ALREADY_RESOLVED:{said.choice}"),
    ChoiceNotPossible: lambda _said, _: Refused(409, "CHOICE_NOT_POSSIBLE"),
}


def name_of(request: AnyRequest) -> str:
    """The booking's name in the path."""
    name: str = request.path_params["name"]
    return name


@frozen(kw_only=True)
class OpsDoor:
    """Where operators come in."""

    bookings: BookingReader
    tokens: Tokens

    def let_in(self, request: AnyRequest) -> Expected:
        """ADMIN and MANAGER; the versions that they expect. Raises Refused."""
        self.tokens.require_role(header_map(request), WRITERS)
        return expected_versions(header_map(request))

    async def booking(self, request: AnyRequest) -> BookingIdentity:
        """The one that the path names. Raises Refused."""
        with schema_ready(Part.BOOKINGS):
            return (await named_booking(self.bookings, name_of(request)))[1]

    async def answer(self, request: AnyRequest, act: Awaitable[Written | Refusal]) -> Answer:
        """Acts, and shows the booking as it is then. Raises Refused."""
        with schema_ready(Part.BOOKINGS):
            outcome = await act
        if not isinstance(outcome, Written):
            raise refused(request, outcome)
        return await self.shown(request, outcome)

    async def shown(self, request: AnyRequest, written: Written, **beside: Any) -> Answer:
        """The booking as it is now; a member of the answer when there is more beside it."""
        with schema_ready(Part.BOOKINGS):
            detail = await self.bookings.detail(written.key)
        assert detail is not None, "a booking that was written is there"
        booking = booking_json(detail.row)
        data = {"booking": booking, **beside} if beside else booking
        return Response(success(data, id_of(request)), headers=entity_tag(detail.row.version))


def refused(request: AnyRequest, outcome: Refusal) -> Refused:
    """What a refused act is answered with."""
    return REFUSALS[type(outcome)](outcome, request)
