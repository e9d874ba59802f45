"""JSON is read strictly and written in one way: equal values have one spelling, and what nobody can hold is refused."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.ingest import MAX_DEPTH, MAX_SAFE_NUMBER, InvalidJson, canonical_text, decode, fingerprint

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
numbers = st.one_of(
    st.integers(-MAX_SAFE_NUMBER, MAX_SAFE_NUMBER),
    st.floats(-1e15, 1e15, allow_nan=False).filter(lambda number: number == 0 or abs(number) > 1e-300),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


def respelled(value: Any, rng: random.Random) -> str:
    """The same value in another spelling: members in another order, white space, numbers with a point or an exponent."""
    space = rng.choice(["", " ", "\n\t"])
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}{space}:{respelled(inner, rng)}" for name, inner in value.items()]
        rng.shuffle(members)
        return f"{{{space}{','.join(members)}{space}}}"
    if isinstance(value, list):
        return f"[{','.join(respelled(inner, rng) for inner in value)}{space}]"
    if isinstance(value, int) and not isinstance(value, bool):
        return rng.choice([f"{value}", f"{value}.0", f"{value}e0", f"{value}.00E+00"])
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


@given(values, st.integers())
def test_equal_values_have_one_spelling(value: Any, seed: int) -> None:
    once = decode(json.dumps(value).encode())
    again = decode(respelled(value, random.Random(seed)).encode())
    assert not isinstance(once, InvalidJson)
    assert canonical_text(once) == canonical_text(again)
    assert fingerprint(canonical_text(once)) == fingerprint(canonical_text(again))


@given(values, values)
def test_different_values_have_different_spellings(one: Any, other: Any) -> None:
    a, b = decode(json.dumps(one).encode()), decode(json.dumps(other).encode())
    same = canonical_text(a) == canonical_text(b)
    assert same == (json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True))


@given(values)
def test_a_canonical_text_decodes_to_itself(value: Any) -> None:
    decoded = decode(json.dumps(value).encode())
    assert canonical_text(decode(canonical_text(decoded).encode())) == canonical_text(decoded)


@given(st.binary())
def test_decode_never_raises(body: bytes) -> None:
    decode(body)


@given(st.text('{}[]",:0123456789eE+-.\\u0dDnul tru fas'))
def test_decode_never_raises_on_near_json(text: str) -> None:
    decode(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        "{'a':1}",
        '{"a":1,"a":1}',
        '{"x":{"a":1,"b":2,"a":3}}',
        '"\\u0000"',
        '{"\\u0000":1}',
        '["\\ud800"]',
        '{"\\udc00":1}',
        '"\\ud83d"',
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "9007199254740993",
        "-9007199254740993",
        "1e300",
        "0." + "1" * 100,
        "1" * 5000,
        "01",
        "1.",
        ".5",
        "[1,]",
        "﻿{}",
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_nobody_can_hold_is_refused(text: str) -> None:
    assert isinstance(decode(text.encode()), InvalidJson)


@pytest.mark.parametrize(
    "text",
    ['"\\ud83d\\ude00"', '"\\u00e9"', "[" * MAX_DEPTH + "]" * MAX_DEPTH, '["' + "[" * 500 + '"]', "9007199254740992"],
)
def test_what_everybody_can_hold_is_taken(text: str) -> None:
    assert not isinstance(decode(text.encode()), InvalidJson)


def test_a_refusal_says_where_and_quotes_nothing_of_the_body() -> None:
    refusal = decode(b'{"customer": {"email": "annika@mail.example.org",}}')
    assert isinstance(refusal, InvalidJson)
    assert "line 1" in refusal.why
    assert "annika" not in refusal.why
    not_utf8 = decode(b'{"name": "Brandst\xe4tter"}')
    assert not_utf8 == InvalidJson(why="the body is not UTF-8 at byte 17")


def test_the_depth_is_counted_outside_of_strings() -> None:
    deep = "[" * (MAX_DEPTH - 1)
    back = "]" * (MAX_DEPTH - 1)
    for inner in ('"[[{{"', '"\\\\", "[["', '"\\"[[["', "[], {}, []", '{"a": [], "{": 1}'):
        if "[]" not in inner:
            assert not isinstance(decode(f"{deep}{inner}{back}".encode()), InvalidJson), inner
    siblings = ", ".join(["[]"] * (2 * MAX_DEPTH))
    assert not isinstance(decode(f"[{siblings}]".encode()), InvalidJson)
    objects = '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert not isinstance(decode(objects.encode()), InvalidJson)
    many = decode(f"[{', '.join(['{}'] * 65)}, {'[' * MAX_DEPTH}{']' * MAX_DEPTH}]".encode())
    assert many == InvalidJson(why=f"more than {MAX_DEPTH} levels of nesting")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a":1,"a":2}', "a member name stands twice in one object"),
        ("9" * 65, "a number is too long"),
        ("0." + "1" * 63, "a number is too long"),
        ("9007199254740993", "a number is beyond 2^53"),
        ("1e300", "a number is not finite or beyond 2^53"),
        ("-1e400", "a number is not finite or beyond 2^53"),
        ("NaN", "NaN is not a JSON number"),
        ('"\\u0000"', "a string holds U+0000 or a lone surrogate"),
        ('"\\udfff"', "a string holds U+0000 or a lone surrogate"),
        ("[" * 65 + "]" * 65, "more than 64 levels of nesting"),
    ],
)
def test_a_refusal_is_one_sentence(text: str, why: str) -> None:
    assert decode(text.encode()) == InvalidJson(why=why)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740992", 2**53),
        ("-9007199254740992", -(2**53)),
        ("9007199254740992.0", 2**53),
        ("-9007199254740992.0", -(2**53)),
        ("0." + "0" * 61 + "1", 1e-62),
        ("0" * 0 + "1" * 16, 1111111111111111),
        ("1.0", 1),
        ("-0.5e1", -5),
    ],
)
def test_the_bounds_of_a_number_are_inside(text: str, value: float) -> None:
    assert decode(text.encode()) == value
