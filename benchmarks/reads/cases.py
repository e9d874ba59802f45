"""What people ask: a name and the paths of its requests. Each request of a case asks for something else where it can."""

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from benchmarks.reads.bookings import CHANNELS, Made

LIST = "/v1/ops/bookings"
#: Makes the path of one more request.
Ask = Callable[[random.Random], str]


def listed(**query: object) -> str:
    """A list with these filters; the page has 200 bookings unless ``limit`` says otherwise."""
    return f"{LIST}?{urlencode(query)}" if query else LIST


def cases(sample: Sequence[Made], today: date) -> dict[str, Mapping[str, Ask]]:
    """Heading -> name -> requests. ``sample`` are bookings that are there, the oldest first."""

    def any_of(chance: random.Random) -> Made:
        return chance.choice(sample)

    def days(first: int, last: int, spread: int = 0, /, **more: object) -> Ask:
        def ask(chance: random.Random) -> str:
            moved = today + timedelta(days=chance.randint(-spread, spread))
            return listed(dateFrom=moved + timedelta(days=first), dateTo=moved + timedelta(days=last), **more)

        return ask

    def always(**query: object) -> Ask:
        return lambda _: listed(**query)

    def search(text: Callable[[Made], str | None], **more: object) -> Ask:
        asked = [wanted for made in sample if (wanted := text(made))]
        return lambda chance: listed(q=chance.choice(asked), **more)

    return {
        "One booking": {
            "by key": lambda chance: f"{LIST}/{any_of(chance).key}",
            "by CHANNEL:REF": lambda chance: f"{LIST}/{(made := any_of(chance)).channel}:{quote(made.ref)}",
            "by bare reference": lambda chance: f"{LIST}/{quote(any_of(chance).ref)}",
            "by the shop's number": lambda chance: f"{LIST}/{chance.randrange(1, len(sample))}",
            "one that is not there (404)": lambda chance: f"{LIST}/NONE-{chance.randrange(10**9)}",
        },
        "The list": {
            "first page": always(),
            "first page of 50": always(limit=50),
            "somewhere deep": lambda chance: listed(cursor=_cursor(any_of(chance))),
            "the oldest page": lambda _: listed(cursor=_cursor(sample[min(1, len(sample) - 1)])),
        },
        "One filter": {
            "status=DONE (commonest)": always(status="DONE"),
            "status=DONE, deep": lambda chance: listed(status="DONE", cursor=_cursor(any_of(chance))),
            "status=NEW": always(status="NEW"),
            "status=NO_SHOW": always(status="NO_SHOW"),
            "status=ATTENTION (rarest)": always(status="ATTENTION"),
            "paymentStatus=PAID (commonest)": always(paymentStatus="PAID"),
            "paymentStatus=PENDING_PAYMENT": always(paymentStatus="PENDING_PAYMENT"),
            "paymentStatus=DRAFT (rarest)": always(paymentStatus="DRAFT"),
            "source=DIRECT (commonest)": always(source="DIRECT"),
            "source=MANUAL (rarest)": always(source="MANUAL"),
            "tours of one day": days(0, 0, 300),
            "tours of one week": days(0, 6, 300),
            "tours of one month": days(0, 30, 200),
            "tours of a month a year ago": days(-380, -350, 15),
            "tours of a whole year, past": days(-730, -366),
            "tours from today on": always(dateFrom=today),
            "tours from in 60 days on": always(dateFrom=today + timedelta(days=60)),
            "tours until a year ago": always(dateTo=today - timedelta(days=365)),
            "tours of next year (few)": days(365, 730),
        },
        "Two filters and more": {
            **{
                f"today's {status}": always(dateFrom=today, dateTo=today, status=status)
                for status in ("READY", "NEW", "ATTENTION")
            },
            "this week, source=VIATOR": days(0, 6, 5, source="VIATOR"),
            "this week, PENDING_PAYMENT": days(0, 6, 5, paymentStatus="PENDING_PAYMENT"),
            "last month, NO_SHOW": days(-35, -5, status="NO_SHOW"),
            "last month, MANUAL": days(-35, -5, source="MANUAL"),
            "past year, DONE": days(-730, -366, status="DONE"),
            "past year, ATTENTION": days(-730, -366, status="ATTENTION"),
            "past year, DRAFT": days(-730, -366, paymentStatus="DRAFT"),
            "NEW and PENDING_PAYMENT": always(status="NEW", paymentStatus="PENDING_PAYMENT"),
            "DONE and PENDING_PAYMENT": always(status="DONE", paymentStatus="PENDING_PAYMENT"),
            "CANCELLED and PAID": always(status="CANCELLED", paymentStatus="PAID"),
            "ATTENTION and REFUNDED (rare)": always(status="ATTENTION", paymentStatus="REFUNDED"),
            "READY and GYG": always(status="READY", source="GYG"),
            "PENDING_PAYMENT and MANUAL": always(paymentStatus="PENDING_PAYMENT", source="MANUAL"),
            "all of them": days(-60, -30, 10, status="DONE", paymentStatus="PAID", source="GYG"),
        },
        "Search": {
            "whole reference": search(lambda made: made.ref),
            "beginning of a reference": search(lambda made: made.ref[:7]),
            "a channel's beginning (very many)": always(q="WEB"),
            "last name": search(lambda made: made.guest.name.split()[-1]),
            "beginning of a last name": search(lambda made: made.guest.name.split()[-1][:4]),
            "first name": search(lambda made: made.guest.name.split()[0]),
            "commonest first name": always(q="maria"),
            "first and last name": search(lambda made: made.guest.name),
            "one letter": lambda chance: listed(q=chance.choice("abcdefghijklmnopqrstuvwxyz")),
            "e-mail address": search(lambda made: made.guest.email),
            "mail provider (very many)": always(q="gmail.com"),
            "phone": search(lambda made: made.guest.phone),
            "last digits of a phone": search(lambda made: made.guest.phone and f"0{made.guest.phone[-7:]}"),
            "nothing found": lambda chance: listed(q=f"qx{chance.randrange(10**6)}"),
            "first name, deep": lambda chance: listed(q="anna", cursor=_cursor(any_of(chance))),
            "first name and status": always(q="maria", status="ATTENTION"),
            "first name and tour day": days(0, 0, 300, q="maria"),
            "last name and source": search(lambda made: made.guest.name.split()[-1], source="MANUAL"),
        },
        "Events and dead letters": {
            "one event": lambda chance: f"/v1/ingest/bookings/events/{any_of(chance).key}",
            "events, first page": lambda _: "/v1/ingest/events",
            "events, FAILED": lambda _: "/v1/ingest/events?status=FAILED",
            "events of a booking": lambda chance: f"/v1/ingest/events?{urlencode({'ref': any_of(chance).ref})}",
            "events of a source": lambda chance: f"/v1/ingest/events?source={chance.choice(CHANNELS)}",
            "dead letters": lambda _: "/v1/ingest/dead-letter",
            "dead letters, OPEN": lambda _: "/v1/ingest/dead-letter?status=OPEN",
            "dead letters of a booking": lambda chance: (
                f"/v1/ingest/dead-letter?{urlencode({'ref': any_of(chance).ref})}"
            ),
            "groups of dead letters": lambda _: "/v1/ingest/dead-letter/groups",
        },
    }


def _cursor(made: Made) -> str:
    """meta.nextCursor of a page that ended with this booking."""
    plain = json.dumps([made.booked_at.isoformat(), str(made.key)])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def named(groups: Mapping[str, Mapping[str, Ask]]) -> Iterator[tuple[str, Ask]]:
    """All cases without their headings."""
    for group in groups.values():
        yield from group.items()
