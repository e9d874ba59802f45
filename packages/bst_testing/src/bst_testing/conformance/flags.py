"""What every store of flags must do, told through the board and the use case."""

import asyncio
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from bst_application.flag_loan import TERM, FlagLoans, Loan, OnLoan
from bst_application.flags import (
    READ_PATH,
    TELL_EVERY,
    WRITE_PATH,
    BadFlagValue,
    Flag,
    FlagBoard,
    FlagState,
    Process,
    initial_flags,
)
from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagStore
from bst_application.use_cases.repair import Author
from bst_application.use_cases.set_cutover import CutoverChange, SetCutover
from bst_application.use_cases.turn_flag import TurnFlag
from bst_testing.deliveries import NOW

AYU = Author(actor="ayu", request_id="request-1")


class FlagStorage(FlagStore, Protocol):
    """A store of flags whose audit trail can be read."""


def board(store: FlagStore, **environ: str) -> FlagBoard:
    values, problems = initial_flags(environ)
    assert problems == []
    return FlagBoard(values, store)


class FlagStoreConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> FlagStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: FlagStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_an_override_stands_until_it_is_taken_away(self, storage: FlagStorage) -> None:
        here, elsewhere = board(storage), board(storage)
        turn = TurnFlag(store=storage, board=here, now=lambda: NOW)
        on = await turn(Flag.QUEUE, "ON", reason="go live", by=AYU)
        assert isinstance(on, FlagState)
        assert (on.value, on.initial) == ("true", "false")
        assert on.override is not None
        assert (on.override.actor, on.override.reason, on.override.at) == ("ayu", "go live", NOW)
        assert here.is_on(Flag.QUEUE)
        assert not elsewhere.is_on(Flag.QUEUE)
        await elsewhere.refresh()
        assert elsewhere.is_on(Flag.QUEUE)
        restarted = board(storage, INGEST_QUEUE_ENABLED="false")
        await restarted.refresh()
        assert restarted.is_on(Flag.QUEUE)
        cleared = await turn(Flag.QUEUE, None, reason="back to normal", by=AYU)
        assert isinstance(cleared, FlagState)
        assert (cleared.value, cleared.override) == ("false", None)
        assert not here.is_on(Flag.QUEUE)

    async def test_every_change_is_audited_in_its_commit(self, storage: FlagStorage) -> None:
        turn = TurnFlag(store=storage, board=board(storage), now=lambda: NOW + timedelta(seconds=1))
        await turn(Flag.WRITE_CORE_PERCENT, "12.50", reason="canary", by=AYU)
        await turn(Flag.WRITE_CORE_PERCENT, "0", reason="stop", by=AYU)
        await turn(Flag.WRITE_CORE_PERCENT, None, reason="done", by=AYU)
        trail = await self.audited(storage)
        assert [(e.event_type, e.resource_id, e.metadata) for e in trail] == [
            ("FLAG_SET", "OPS_WRITE_CORE_PERCENT", {"before": "100", "value": "12.5", "reason": "canary"}),
            ("FLAG_SET", "OPS_WRITE_CORE_PERCENT", {"before": "12.5", "value": "0", "reason": "stop"}),
            ("FLAG_CLEARED", "OPS_WRITE_CORE_PERCENT", {"before": "0", "value": None, "reason": "done"}),
        ]
        assert {(e.actor, e.request_id, e.resource_type) for e in trail} == {("ayu", "request-1", "FLAG")}

    async def test_a_path_is_turned_in_one_step_and_audited_whole(self, storage: FlagStorage) -> None:
        values, _ = initial_flags({"OPS_READ_NEW_MODEL_PERCENT": "30"})
        turn = SetCutover(store=storage, initial=values, now=lambda: NOW)
        change = CutoverChange(percent=12.5, emails=["Ayu@Ops.example.org"])
        after = await turn(READ_PATH, change, reason="canary", by=AYU)
        assert not isinstance(after, BadFlagValue)
        assert [after[flag] for flag in READ_PATH.all] == ["true", "12.5", "ayu@ops.example.org", ""]
        here = FlagBoard(values, storage)
        await here.refresh()
        assert here.read_canary().percentage == 12.5
        assert here.write_canary().enabled is False
        [entry] = await self.audited(storage)
        assert (entry.event_type, entry.resource_type, entry.resource_id) == ("CUTOVER_SET", "CUTOVER", "read")
        assert entry.metadata["before"]["OPS_READ_NEW_MODEL_PERCENT"] == "30"
        assert (entry.metadata["after"]["OPS_READ_NEW_MODEL_PERCENT"], entry.metadata["reason"]) == ("12.5", "canary")
        off = await turn(READ_PATH, CutoverChange(off=True), reason="stop", by=AYU)
        assert not isinstance(off, BadFlagValue)
        assert [off[flag] for flag in READ_PATH.all] == ["false", "12.5", "ayu@ops.example.org", ""]
        reset = await turn(READ_PATH, CutoverChange(reset=True), reason="over", by=AYU)
        assert not isinstance(reset, BadFlagValue)
        assert [reset[flag] for flag in READ_PATH.all] == ["false", "30", "", ""]
        assert await storage.overrides() == {}

    async def test_twenty_that_turn_a_path_leave_one_of_their_words_whole(self, storage: FlagStorage) -> None:
        values, _ = initial_flags({})
        turn = SetCutover(store=storage, initial=values, now=lambda: NOW)
        changes = [CutoverChange(percent=n, emails=[f"{n}@ops.example.org"], user_ids=[str(n)]) for n in range(20)]
        done = await asyncio.gather(
            *(turn(WRITE_PATH, change, reason=str(n), by=AYU) for n, change in enumerate(changes))
        )
        assert all(not isinstance(one, BadFlagValue) and set(one) == set(WRITE_PATH.all) for one in done)
        left = {name: override.value for name, override in (await storage.overrides()).items()}
        number = left["OPS_WRITE_CORE_PERCENT"]
        assert (left["OPS_WRITE_CORE_CANARY_EMAILS"], left["OPS_WRITE_CORE_CANARY_USER_IDS"]) == (
            f"{number}@ops.example.org",
            number,
        )
        # Each of them knew what it changed: every entry begins where another one ended.
        trail = await self.audited(storage)
        befores = {e.metadata["before"]["OPS_WRITE_CORE_PERCENT"] for e in trail}
        afters = {e.metadata["after"]["OPS_WRITE_CORE_PERCENT"] for e in trail}
        assert (len(trail), befores) == (20, afters - {number} | {"100"})

    async def test_a_bad_value_of_a_path_changes_nothing(self, storage: FlagStorage) -> None:
        values, _ = initial_flags({})
        turn = SetCutover(store=storage, initial=values, now=lambda: NOW)
        refused = await turn(READ_PATH, CutoverChange(percent=101, emails=["a@b.c"]), reason="x", by=AYU)
        assert refused == BadFlagValue("OPS_READ_NEW_MODEL_PERCENT must be a number from 0 to 100")
        assert await storage.overrides() == {}

    async def test_a_process_tells_how_the_flags_are_for_it(self, storage: FlagStorage) -> None:
        values, _ = initial_flags({})
        at = [NOW]
        here = Process(key=uuid4(), component="api", host="a", pid=7, now=lambda: at[0])
        seeing = FlagBoard(values, storage, here)
        await seeing.refresh()
        [sight] = await storage.sights(since=NOW)
        assert (sight.process, sight.component, sight.pid, sight.seen_at) == (here.key, "api", 7, NOW)
        assert sight.values["OPS_READ_NEW_MODEL_ENABLED"] == "false"
        at[0] = NOW + timedelta(seconds=1)
        await seeing.refresh()  # nothing is new, and it has just given a sign of life
        assert [one.seen_at for one in await storage.sights(since=NOW)] == [NOW]
        await SetCutover(store=storage, initial=values, now=lambda: NOW)(
            READ_PATH, CutoverChange(), reason="on", by=AYU
        )
        await seeing.refresh()
        [sight] = await storage.sights(since=NOW)
        assert (sight.seen_at, sight.values["OPS_READ_NEW_MODEL_ENABLED"]) == (at[0], "true")
        at[0] += TELL_EVERY
        await seeing.refresh()
        assert [one.seen_at for one in await storage.sights(since=at[0])] == [at[0]]
        assert await storage.sights(since=at[0] + timedelta(seconds=1)) == []

    async def test_flags_on_loan_are_put_back_by_whoever_finds_the_loan_overdue(self, storage: FlagStorage) -> None:
        values, _ = initial_flags({})
        turn = SetCutover(store=storage, initial=values, now=lambda: NOW)
        await turn(READ_PATH, CutoverChange(off=True, emails=["ayu@ops.example.org"]), reason="not yet", by=AYU)
        before = dict(await storage.overrides())
        loans, names = FlagLoans(store=storage), [flag.value for path in (READ_PATH, WRITE_PATH) for flag in path.all]
        loan = await loans.take(names, actor="ayu", words="drill", at=NOW)
        assert isinstance(loan, Loan)
        second = await loans.take(names, actor="ben", words="drill", at=NOW)
        assert isinstance(second, OnLoan)
        assert second.loan == loan
        for path in (READ_PATH, WRITE_PATH):
            await turn.turn(path, {path.switch: "true"}, reason="drill, on", by=AYU)
        await turn.turn(WRITE_PATH, {WRITE_PATH.percent: "7"}, reason="mine", by=Author(actor="ben"))
        # The drill is killed here. As long as it might still be at work, nobody touches its flags.
        at = [NOW + TERM]
        here = FlagBoard(values, storage, Process(key=uuid4(), component="api", host="a", pid=7, now=lambda: at[0]))
        await here.refresh()
        assert here.read_canary().enabled
        at[0] += timedelta(microseconds=1)
        await here.refresh()
        assert not here.read_canary().enabled
        left = dict(await storage.overrides())
        assert left.pop(Flag.WRITE_CORE_PERCENT.value).actor == "ben"
        assert left == before
        *_, told = await self.audited(storage)
        assert (told.event_type, told.metadata["left"]) == ("CUTOVER_RESTORED", [Flag.WRITE_CORE_PERCENT.value])
        count = len(await self.audited(storage))
        await here.refresh()
        assert len(await self.audited(storage)) == count
        assert not await loans.extend(loan, at=at[0])

    async def test_a_loan_that_is_extended_is_not_overdue_and_given_back_whole(self, storage: FlagStorage) -> None:
        values, _ = initial_flags({})
        loans = FlagLoans(store=storage)
        loan = await loans.take([flag.value for flag in READ_PATH.all], actor="ayu", words="drill", at=NOW)
        assert isinstance(loan, Loan)
        turn = SetCutover(store=storage, initial=values, now=lambda: NOW)
        await turn.turn(READ_PATH, {READ_PATH.switch: "true"}, reason="drill, on", by=AYU)
        assert await loans.extend(loan, at=NOW + TERM)
        await loans.settle(NOW + TERM + TERM)
        assert (await storage.overrides())[READ_PATH.switch.value].value == "true"
        assert await loans.give_back(loan, at=NOW + TERM)
        assert await storage.overrides() == {}

    async def test_a_bad_value_changes_nothing(self, storage: FlagStorage) -> None:
        turn = TurnFlag(store=storage, board=board(storage), now=lambda: NOW)
        refused = await turn(Flag.WEBHOOK, "maybe", reason="x", by=AYU)
        assert refused == BadFlagValue("INGEST_WEBHOOK_ENABLED must be one of true, false, 1, 0, yes, no, on, off")
        assert await storage.overrides() == {}
        assert await self.audited(storage) == []
