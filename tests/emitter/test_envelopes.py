"""An envelope may lie in an outbox: what comes out is what went in, byte for byte. What could never be taken gets none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.ingest import decode
from bst_emitter import MAX_BODY_BYTES, BadEnvelope, Envelope, PublishStep, prepare, prepare_event, prepare_publish

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(event=st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4))
def test_an_envelope_comes_out_of_the_outbox_as_it_went_in(event: dict[str, Any]) -> None:
    envelope = prepare_event(event, key="direct-created-1")
    assert Envelope.from_json(envelope.to_json()) == envelope
    assert json.loads(envelope.body) == event
    assert decode(envelope.body) == event  # the server reads the same


def test_an_envelope_in_storage_holds_nothing_that_opens_anything() -> None:
    stored = json.loads(prepare_event({"a": "é"}, key="key-1").to_json())
    assert stored == {
        "format": 1,
        "method": "POST",
        "path": "/v1/ingest/bookings/events",
        "idempotencyKey": "key-1",
        "repeatable": True,
        "body": '{"a":"é"}',
    }


def test_what_an_envelope_prints_names_no_guest() -> None:
    assert "Annika" not in repr(prepare_event({"customer": {"name": "Annika"}}, key="key-1"))


@pytest.mark.parametrize(
    "body", [{"price": float("nan")}, {"price": float("inf")}, {"name": "\ud800"}, {"at": object()}, {"x": b"bytes"}]
)
def test_what_is_no_json_gets_no_envelope(body: dict[str, Any]) -> None:
    with pytest.raises(BadEnvelope, match="JSON"):
        prepare_event(body, key="key-1")


@pytest.mark.parametrize("key", ["", " ", "with space", "é", "k" * 129, "line\nbreak"])
def test_what_is_no_key_gets_no_envelope(key: str) -> None:
    with pytest.raises(BadEnvelope, match="key"):
        prepare_event({}, key=key)


@pytest.mark.parametrize(
    "path", ["", "v1", "/v1?a=b", "/v1#a", "/v1/../v2", "/v1/./x", "/v1/..", "/é", "/a b", "/{id}"]
)
def test_what_would_be_sent_otherwise_than_it_is_signed_gets_no_envelope(path: str) -> None:
    with pytest.raises(BadEnvelope, match="path"):
        prepare("POST", path, {}, key="key-1", repeatable=True)


def test_what_is_too_large_gets_no_envelope() -> None:
    prepare_event({"note": "x" * (MAX_BODY_BYTES - len('{"note":""}'))}, key="key-1")
    with pytest.raises(BadEnvelope, match="bytes"):
        prepare_event({"note": "x" * MAX_BODY_BYTES}, key="key-1")


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"format": 2}', '{"format": 1, "method": "POST"}', "nonsense"]
    + [
        prepare_event({}, key="key-1").to_json().replace(one, other)
        for one, other in (("key-1", ""), ('"{}"', "7"), ('"/v1', '"v1'))
    ],
)
def test_what_is_no_envelope_is_said(text: str) -> None:
    with pytest.raises(BadEnvelope):
        Envelope.from_json(text)


def test_publish_calls_go_where_the_contract_says() -> None:
    draft = prepare_publish({"itemIds": ["a"]}, key="key-1")
    assert (draft.method, draft.path, draft.body) == ("POST", "/v1/catalog/publish/jobs", b'{"itemIds":["a"]}')
    for step in PublishStep:
        call = prepare_publish(job_id="17", step=step, key="key-1")
        assert (call.path, call.body) == (f"/v1/catalog/publish/jobs/17/{step.value}", b"{}")
        assert call.repeatable
    with pytest.raises(BadEnvelope, match="step"):
        prepare_publish(job_id="17", key="key-1")
    with pytest.raises(BadEnvelope, match="path"):
        prepare_publish(job_id="1/../2", step=PublishStep.PUBLISH, key="key-1")
