"""HEAD: what GET would be answered with, without the body (RFC 9110, 9.3.2).

Callers of the predecessor had it, as its framework answered HEAD wherever there was a GET; the router here knows GET alone.
"""

from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send


def heads_answered(app: ASGIApp) -> ASGIApp:
    """``app``, which is asked for all of what only the head is wanted of."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != HttpMethod.HEAD:
            await app(scope, receive, send)
            return

        async def head_alone(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        # A copy: the server looks at its own to tell whether a body belongs to the length that is stated.
        asked: HTTPScope = {**scope, "method": HttpMethod.GET}
        await app(asked, receive, head_alone)
        if "path_template" in asked:
            scope["path_template"] = asked["path_template"]  # whoever counts and tells looks there

    return answering
