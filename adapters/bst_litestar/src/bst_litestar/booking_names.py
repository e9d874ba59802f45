"""Which booking a path means, for whoever reads it and for whoever writes it."""

from bst_application.ports.reading import BookingReader
from bst_domain.values import BookingIdentity, BookingKey
from bst_litestar.booking_json import candidate_json
from bst_litestar.problems import Refused


async def named_booking(bookings: BookingReader, name: str) -> tuple[BookingKey, BookingIdentity]:
    """The one booking of this name. Raises Refused."""
    found = await bookings.find(name)
    if len(found) > 1:
        candidates = [candidate_json(key, identity) for key, identity in found]
        raise Refused(409, "AMBIGUOUS_BOOKING_REF", details={"candidates": candidates})
    if not found:
        raise booking_not_found(name)
    return found[0]


def booking_not_found(name: str) -> Refused:
    """No booking has this name."""
    return Refused(404, f"Booking not found: {name}")
