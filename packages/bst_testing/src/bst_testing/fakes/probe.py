"""A probe that says what it is told to say."""

from attrs import frozen

from bst_application.errors import Unavailable
from bst_application.ports.reading import DatabaseCheck


@frozen(kw_only=True)
class MemoryProbe:
    """DatabaseProbe."""

    name: str = "memory"
    configured: bool = True
    reachable: bool = True
    current: bool = True

    async def check(self) -> DatabaseCheck:
        error = "MISSING_CONNECTION_STRING" if not self.configured else None if self.reachable else "DB_CHECK_FAILED"
        return DatabaseCheck(
            database=self.name,
            configured=self.configured,
            reachable=error is None,
            latency_ms=0 if error is None else None,
            error=error,
        )

    async def schema_is_current(self) -> bool:
        if not (self.configured and self.reachable):
            raise Unavailable(f"{self.name} does not answer")
        return self.current
