"""What stands before every route: limits that cost a stranger more than us, and the headers that every answer carries.

Cheapest first: size of the request's head, then the two buckets of the caller's address. Every 401 is taken out of the
tighter one, and every answer to a token that is nobody's; when that is empty the address has to wait before it may try another.
"""

from collections.abc import Callable, Sequence

from attrs import frozen
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from bst_application.rate_limits import Buckets
from bst_application.trusted_proxies import Network, client_of
from bst_litestar.envelope import encode, failure
from bst_litestar.problems import Refused, rate_limited

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
MAX_TARGET_BYTES = 8 * 1024
_UNAUTHORIZED = 401
#: In a request's state: it was answered, but the token that it came with is nobody's.
GUESSED = "guessed"


def _security(content: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", content),
        (b"referrer-policy", b"no-referrer"),
    )


#: On every answer. All are JSON or plain text for programs: nothing here is to be run, framed or guessed at.
SECURITY_HEADERS = _security(b"default-src 'none'; frame-ancestors 'none'")
#: But for the page that shows the document: it runs its own scripts and styles, and talks to its own server alone.
PAGE = "/docs"
PAGE_HEADERS = _security(
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Unless an answer says itself how long it may be kept: any other may name guests.
NO_STORE = (b"cache-control", b"no-store")
#: In production, where a proxy in front speaks TLS; browsers ignore it on plain HTTP.
HSTS = (b"strict-transport-security", b"max-age=31536000")


@frozen(kw_only=True)
class Guard:
    """The limits of one process."""

    addresses: Buckets
    refused: Buckets
    trusted: Sequence[Network]
    production: bool

    def address(self, scope: HTTPScope) -> str:
        """Who asks, as the limits count them."""
        return address_of(scope, self.trusted)

    def refuse(self, scope: HTTPScope, address: str) -> Refused | None:
        """What is wrong before anybody looks at what is asked."""
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return Refused(414, "REQUEST_TARGET_TOO_LONG", headers={"connection": "close"})
        sizes = [len(name) + len(value) for name, value in scope["headers"]]
        if len(sizes) > MAX_HEADERS or sum(sizes) > MAX_HEADER_BYTES:
            return Refused(431, "REQUEST_HEADERS_TOO_LARGE", headers={"connection": "close"})
        if wait_s := self.addresses.take(address):
            return rate_limited(wait_s)
        # Health and metrics are not among what a token opens: whoever watches goes on watching.
        if scope["path"].startswith("/v1/") and (wait_s := self.refused.wait(address)):
            return rate_limited(wait_s)
        return None


def address_of(scope: HTTPScope, trusted: Sequence[Network]) -> str:
    """Who asks: an address, as ``client_of`` tells it."""
    client = scope["client"]
    peer = "" if client is None else client[0]  # a unix socket has no address: everybody on it is one
    if not trusted:
        return client_of(peer, None, ())
    said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client_of(peer, b",".join(said).decode("latin-1") if said else None, trusted)


def is_of_the_page(path: str) -> bool:
    """Whether it is the page, or something that the page is made of."""
    return path == PAGE or path.startswith(f"{PAGE}/")


def guarded(app: ASGIApp, guard: Guard, note_refusal: Callable[[HTTPScope, Refused], None]) -> ASGIApp:
    """``app`` behind the guard."""
    transport = [HSTS] if guard.production else []
    always = [*SECURITY_HEADERS, *transport]
    page = [*PAGE_HEADERS, *transport]

    async def guarding(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        address = guard.address(scope)
        marks = page if is_of_the_page(scope["path"]) else always

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == _UNAUTHORIZED or GUESSED in scope["state"]:
                    guard.refused.take(address)
                says_itself = any(name == NO_STORE[0] for name, _ in message["headers"])
                message["headers"] = [*message["headers"], *marks, *(() if says_itself else (NO_STORE,))]
            await send(message)

        refusal = guard.refuse(scope, address)
        if refusal is None:
            await app(scope, receive, marked)
        else:
            scope["state"]["outcome"] = refusal.message
            note_refusal(scope, refusal)
            await _answer(refusal, scope, marked)

    return guarding


async def _answer(refusal: Refused, scope: HTTPScope, send: Send) -> None:
    request: str = scope["state"]["request_id"]
    body = encode(failure(refusal.status, refusal.message, request, refusal.details))
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request.encode()),
        *((name.encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
