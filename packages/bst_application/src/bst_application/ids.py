"""Identifiers of new rows."""

import secrets
import time
from uuid import UUID

_NS_PER_MS = 1_000_000


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, 12 of the millisecond's fraction, then random bits.

    New rows lie together in an index, and what one process makes in a row is in order (RFC 9562, 6.2, method 3).
    """
    milliseconds, rest = divmod(time.time_ns(), _NS_PER_MS)
    fraction = (rest << 12) // _NS_PER_MS
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62))
