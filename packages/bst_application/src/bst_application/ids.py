"""Identifiers of new rows."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random bits, so that new rows lie together in an index."""
    stamp = time.time_ns() // 1_000_000
    tail = secrets.randbits(74)
    return UUID(int=stamp << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1)
