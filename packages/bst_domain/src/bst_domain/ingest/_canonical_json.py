"""JSON read strictly, and written in one way only, so that two bodies can be compared by value.

Source of the rules: event-v1, "JSON that a database or another language cannot hold" and "canonical body".
"""

import json
from hashlib import sha256
from typing import Any, Never

from attrs import frozen

#: Beyond this, JavaScript and IEEE doubles no longer hold every integer.
MAX_SAFE_NUMBER = 2**53
#: A number longer than this as text says nothing that a double could hold, and may be more than a database can.
MAX_NUMBER_LENGTH = 64
MAX_DEPTH = 64

Json = Any
"""A decoded JSON value: dict, list, str, int, float, bool or None. (Recursive aliases need Python 3.12.)"""


@frozen
class InvalidJson:
    """The bytes are not JSON that everybody can hold; ``why`` is one sentence without any of the body's content."""

    why: str


class _Refused(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("a member name stands twice in one object")
    return members


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH:
        raise _Refused("a number is too long")
    number = int(text)
    if not -MAX_SAFE_NUMBER <= number <= MAX_SAFE_NUMBER:
        raise _Refused("a number is beyond 2^53")
    return number


def _decimal(text: str) -> int | float:
    if len(text) > MAX_NUMBER_LENGTH:
        raise _Refused("a number is too long")
    number = float(text)
    if not -MAX_SAFE_NUMBER <= number <= MAX_SAFE_NUMBER:  # infinities fall out here, too
        raise _Refused("a number is not finite or beyond 2^53")
    return int(number) if number.is_integer() else number  # 1, 1.0 and 1e0 are one value


def _constant(text: str) -> Never:
    raise _Refused(f"{text} is not a JSON number")


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
).decode
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def decode(body: bytes) -> Json | InvalidJson:
    """Decodes a JSON text in UTF-8. Never raises.

    Refused beside bad syntax: a member name twice, numbers that are not finite or beyond 2^53, U+0000 or a lone
    surrogate in a string, more than 64 levels of nesting.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return InvalidJson(why=f"the body is not UTF-8 at byte {error.start}")
    # Counting brackets bounds the depth from above; only a suspicious body is measured.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        return InvalidJson(why=f"more than {MAX_DEPTH} levels of nesting")
    try:
        value = _decode(text)
        # Strict decoding lets a NUL or a lone surrogate in only by an escape, so plain bodies skip the walk.
        if "\\u" in text and _has_unstorable_text(value):
            return InvalidJson(why="a string holds U+0000 or a lone surrogate")
    except json.JSONDecodeError as error:
        return InvalidJson(why=f"{error.msg} at line {error.lineno}, column {error.colno}")
    except _Refused as error:
        return InvalidJson(why=str(error))
    return value


def _depth(text: str) -> int:
    """The deepest nesting of a JSON text; brackets inside strings do not count."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _has_unstorable_text(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" in value or any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, list):
        return any(map(_has_unstorable_text, value))
    if isinstance(value, dict):
        return any(map(_has_unstorable_text, value)) or any(map(_has_unstorable_text, value.values()))
    return False


def canonical_text(value: Json) -> str:
    """The one spelling of a value that ``decode`` returned: members sorted, no white space, numbers by value.

    An equivalent of RFC 8785 rather than RFC 8785 itself: keys sort by code point and floats are spelled as Python does.
    """
    return _encode(value)


def fingerprint(canonical: str) -> str:
    """The lower-case hex SHA-256 of a canonical text: equal exactly when two bodies say the same."""
    return sha256(canonical.encode()).hexdigest()
