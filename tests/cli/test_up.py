"""``bst up`` as an operator meets it: started, killed, started again, stopped."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path

import pytest

from bst_application.use_cases.relay import SWEEP_AFTER
from bst_cli.administering import Admin
from bst_cli.audit import COLUMNS, csv_writer
from bst_cli.data_folder import DataFolder
from bst_cli.sample import SampleDay, make_day
from bst_testing.deliveries import body, paid
from bst_worker.wiring import SWEEP_EVERY_S
from tests.cli.stack import BST, Stack, a_stack, bst, environment, here, until
from tests.servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> SampleDay:
    return make_day(tmp_path_factory.mktemp("day"), seed=20261121, bookings=150)


@pytest.fixture(scope="module")
def calm() -> Iterator[Stack]:
    """One that is up, for tests that kill and switch nothing and look at nobody's bookings but their own."""
    with a_stack() as stack:
        stack.start()
        yield stack
        assert stack.stop() == 0


def send(stack: Stack, day: SampleDay, *options: str) -> "subprocess.Popen[str]":
    command = [*BST, "events", "send", str(day.deliveries), "--data-dir", str(stack.folder), *options]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_whatever_dies_is_started_again_and_nothing_is_lost(day: SampleDay) -> None:
    """What the processes make of it is tested in tests/faults; here ``bst up`` minds its children."""
    with a_stack() as stack:
        stack.start()

        def another(name: str, before: int) -> bool:
            return stack.child(name) != before

        sender = send(stack, day, "--shuffle", "7", "--repeat", "2", "--concurrency", "8")
        for name in ("worker", "api", *(["redis"] if (stack.folder / "logs" / "redis.log").exists() else [])):
            before = stack.child(name)
            for left in (stack.folder / "redis").glob("appendonly*"):
                left.unlink()  # Redis comes back empty
            os.kill(before, signal.SIGKILL)
            until(partial(another, name, before), f"another {name}")
        os.kill(int((stack.folder / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        said, _ = sender.communicate(timeout=90)
        assert sender.returncode == 0, said
        told = stack.folder.with_suffix(".log").read_text()
        assert (told.count("PostgreSQL ended"), told.count("PostgreSQL is back")) == (1, 1)
        assert stack.wrong_bookings(day.expected) == {}
        assert stack.stop() == 0
        assert stack.processes() == []


def test_it_comes_back_after_kill_9_with_nothing_lost(day: SampleDay) -> None:
    with a_stack() as stack:
        stack.start()
        sender = send(stack, day)
        said, _ = sender.communicate(timeout=90)
        assert sender.returncode == 0, said
        assert stack.process is not None
        stack.process.kill()
        stack.process.wait()
        stack.start()
        assert stack.wrong_bookings(day.expected) == {}
        assert stack.stop() == 0
        assert stack.processes() == []


def test_the_queue_can_run_on_postgresql(day: SampleDay) -> None:
    with a_stack(queue="postgres") as stack:
        stack.start()
        sender = send(stack, day, "--shuffle", "3")
        said, _ = sender.communicate(timeout=90)
        assert sender.returncode == 0, said
        assert stack.wrong_bookings(day.expected) == {}


def test_a_second_run_says_so_and_other_commands_find_the_first(calm: Stack) -> None:
    assert calm.process is not None
    second = bst("up", "--data-dir", str(calm.folder), "--port", str(free_port()))
    folder = ("--data-dir", str(calm.folder))
    found = here("doctor", *folder)
    assert found.exit_code == 0, found.stdout
    assert found.stdout.startswith(f"✓ looks at  the bst up of {calm.folder} ({calm.url})\n")
    assert "INGEST_QUEUE_ENABLED is on" in found.stdout
    assert "✓ schema " in found.stdout
    assert f"✓ port      {calm.port} is in use by this bst up" in found.stdout
    assert here("db", "status", *folder).stdout.startswith("at ")
    assert "would be forgotten" in here("retention", "run", "--dry-run", *folder).stdout
    assert second.returncode == 1
    assert f"already runs on {calm.folder} (pid {calm.process.pid}, {calm.url})" in second.stderr


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = bst("up", "--data-dir", str(tmp_path / "data"), "--port", str(port))
    assert refused.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use by {Path(sys.executable).resolve().name}"[:40] in refused.stderr
    assert f"(pid {os.getpid()})" in refused.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_the_demo_shows_a_day_that_came_out_right() -> None:
    shown = bst("demo", "--exit", "--bookings", "40")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "40 of 40 bookings are exactly as they must be" in shown.stdout
    assert "where it comes from" in shown.stdout


def test_a_queue_that_is_switched_off_leaves_nothing_behind(day: SampleDay) -> None:
    """Flags by command on a running stack: both processes know within five seconds, and everything is done in the end."""
    with a_stack() as stack:
        stack.start()
        folder = ("--data-dir", str(stack.folder))
        token = DataFolder(stack.folder).secrets({})["CORE_API_ADMIN_TOKEN"]
        admin = Admin(url=stack.url, token=token, actor="the test")

        def waiting() -> int:
            return int(admin.call("GET", "/v1/ingest/metrics/processing")["totals"]["pending"])

        off = bst("flags", "set", "INGEST_QUEUE_ENABLED", "off", "--reason", "maintenance", *folder)
        assert off.returncode == 0, off.stderr
        assert "INGEST_QUEUE_ENABLED" in off.stdout
        assert "maintenance" in off.stdout
        time.sleep(5)  # what is promised: by now every process knows
        sender = send(stack, day)
        said, _ = sender.communicate(timeout=90)
        assert sender.returncode == 0, said
        left = waiting()
        assert left > 100
        time.sleep(
            SWEEP_AFTER.total_seconds() + 2 * SWEEP_EVERY_S
        )  # by then the sweep would have taken every one of them
        assert waiting() == left
        listed = here("flags", "list", *folder)
        assert "INGEST_WEBHOOK_ENABLED               on         as the environment says" in listed.stdout
        on = here("flags", "clear", "INGEST_QUEUE_ENABLED", "--reason", "over", *folder)
        assert on.exit_code == 0, on.stderr
        until(lambda: waiting() == 0, "the end of the backlog")
        assert stack.wrong_bookings(day.expected) == {}
        assert stack.stop() == 0


def test_a_wrong_flag_says_what_to_do(calm: Stack) -> None:
    folder = ("--data-dir", str(calm.folder))
    unknown = here("flags", "set", "NONSENSE", "on", "--reason", "x", *folder)
    assert unknown.exit_code == 1
    assert "refused: Flag not found: NONSENSE" in unknown.stderr
    assert "INGEST_QUEUE_ENABLED" in unknown.stderr
    bad = here("flags", "set", "INGEST_QUEUE_ENABLED", "maybe", "--reason", "x", *folder)
    assert "must be one of true, false" in bad.stderr
    nowhere = here("flags", "list", "--url", "http://127.0.0.1:1", CORE_API_ADMIN_TOKEN="x")
    assert (nowhere.exit_code, "does not answer" in nowhere.stderr) == (1, True)


def test_dead_letters_are_replayed_by_command(calm: Stack, tmp_path: Path) -> None:
    """From the alert to the end of the replay with nothing but ``bst``: what is still wrong fails again and is said."""
    said = [body(), body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1", "SETTLING"))]
    lines = [json.dumps({"idempotencyKey": f"key-{n}", "body": one}) for n, one in enumerate(said)]
    file = tmp_path / "deliveries.jsonl"
    file.write_text("\n".join(lines), "utf-8")
    folder = ("--data-dir", str(calm.folder))
    assert here("events", "send", str(file), *folder).exit_code == 0
    token = DataFolder(calm.folder).secrets({})["CORE_API_ADMIN_TOKEN"]
    admin = Admin(url=calm.url, token=token, actor="the test")
    until(lambda: admin.call("GET", "/v1/ingest/dead-letter") != [], "the dead letter")
    wanted = ("--filter", "reasonCode=SCHEMA_MISMATCH", "--reason", "mapped now", *folder)
    dry = here("events", "replay", "--dry-run", *wanted)
    assert dry.exit_code == 0, dry.stderr
    assert dry.stdout.startswith("1 event would be replayed\n  OPEN")
    again = bst("events", "replay", "--json", *wanted)
    job = json.loads(again.stdout)
    assert (job["total"], job["replayed"], job["state"]) == (1, 1, "DONE")
    assert job["deadLetters"]["FAILED"] == 1
    assert again.returncode == 1
    assert "failed again: 1" in again.stderr
    slip = here("events", "replay", "--filter", "sorce=GYG", "--reason", "x", *folder)
    assert (slip.exit_code, "the names are status" in slip.stderr) == (1, True)
    [letter] = admin.call("GET", "/v1/ingest/dead-letter")
    assert (letter["status"], letter["replayCount"]) == ("FAILED", 1)
    requested = ("--event-type", "INGEST_REPLAY_REQUESTED", *folder)
    shown = here("audit", "list", *requested)
    assert "INGEST_REPLAY_REQUESTED" in shown.stdout
    assert "(mapped now)" in shown.stdout
    assert "… more: --limit, or bst audit export" in here("audit", "list", "--limit", "1", *folder).stdout
    assert "bst " in shown.stdout  # who did it
    every = admin.call("GET", "/v1/audit/events")
    lines_out = bst("audit", "export", "-", *folder).stdout.splitlines()
    assert [json.loads(line)["eventId"] for line in lines_out] == [entry["eventId"] for entry in every]
    sheet = tmp_path / "audit.csv"
    exported = here("audit", "export", str(sheet), *requested)
    assert "1 entry written" in exported.stderr
    heading, row = sheet.read_text("utf-8").splitlines()
    assert heading.startswith("eventId,createdAt,actor")
    assert "mapped now" in row


def test_a_spreadsheet_does_not_run_what_came_from_outside() -> None:
    out = StringIO()
    csv_writer(out)(dict.fromkeys(COLUMNS, "=HYPERLINK(1)") | {"metadata": None, "resourceId": None})
    [_, row] = csv.reader(StringIO(out.getvalue()))
    assert row[:6] == ["'=HYPERLINK(1)"] * 5 + [""]
