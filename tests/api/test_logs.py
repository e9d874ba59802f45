"""No guest and no secret in any log, at the loudest level, whatever goes wrong."""

import logging
from pathlib import Path
from typing import Any

import pytest

from bst_cli.sample import make_day
from bst_cli.sending import read_lines
from bst_testing.deliveries import body
from tests.api.harness import ADMIN, PATH, SECRET, TOKEN, running, signed

#: The client's own libraries, which speak in this process, too.
OURS_NOT = ("httpx", "httpcore", "hypothesis")
PERSONAL = {"mainName", "mainEmail", "phone"}


def guests(expected: list[dict[str, Any]]) -> set[str]:
    """Everything personal that the sample day knows; placeholders such as a dash stand everywhere."""
    said = {str(booking[name]) for booking in expected for name in PERSONAL if booking.get(name)}
    return {word for word in said if len(word) > 4}


async def test_logs_name_no_guest_and_no_secret(
    postgres_dsn: str, broker_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, "sqlalchemy.engine")  # statements; at DEBUG it prints rows, and is asked for by name
    day = make_day(tmp_path, seed=3, bookings=25)
    lines = read_lines(day.deliveries)
    secret_words = {TOKEN, SECRET, ADMIN, "bst_principal_of-nobody"}
    async with running(postgres_dsn, broker_url, INGEST_REPLAY_ENABLED="true") as api:
        for line in lines:
            headers = signed(line.body, key=line.key)
            secret_words |= {headers["x-signature"], headers["x-nonce"]}
            await api.http.post(PATH, content=line.body, headers=headers)
        await api.process()
        names = guests(day.expected)
        assert len(names) > 20
        for name in sorted(names)[:5]:
            await api.get("/v1/ops/bookings", q=name)
        for booking in await api.data("/v1/ops/bookings"):
            await api.get(f"/v1/ops/bookings/{booking['bookingKey']}")
        for event in await api.data("/v1/ingest/events"):
            await api.get(f"/v1/ingest/bookings/events/{event['eventId']}")
        # What goes wrong: wrong tokens, wrong signatures, bad bodies, failing and replaying, a database that is away.
        await api.get("/v1/flags", token="bst_principal_of-nobody")
        await api.post(body(), secret="guessed-by-somebody")
        await api.post(body(customer={"name": "Nyoman Private", "email": 5}))
        await api.post(b'{"customer": {"name": "Nyoman Private"')
        [event, *_] = await api.data("/v1/ingest/events")
        admin = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
        for act in ("fail", "replay"):
            await api.http.post(
                f"/v1/ingest/bookings/events/{event['eventId']}/{act}", json={"reasonCode": "X"}, headers=admin
            )
    async with running("postgresql://nobody@127.0.0.1:1/none", broker_url) as api:
        await api.post(body(customer={"name": "Nyoman Private", "email": "nyoman@private.example.net"}))
        await api.get("/v1/ops/bookings", q="Nyoman Private")
    said = "\n".join(
        f"{record.name} {record.getMessage()} {record.exc_text or ''}"
        for record in caplog.records
        if record.name.partition(".")[0] not in OURS_NOT
    )
    assert said, "something was logged, or nothing was looked at"
    forbidden = names | secret_words | {"Nyoman Private", "nyoman@private.example.net", "guessed-by-somebody"}
    assert [word for word in sorted(forbidden) if word in said] == []
