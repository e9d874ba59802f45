"""Switches that operators turn while everything runs: the environment says how they begin, an override says how they are now.

Source of the names: the predecessor's environment. A change takes effect in every process within ``REFRESH_EVERY_S`` and a
query, and survives restarts, because every process reads the same overrides before it begins to work.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Final
from uuid import UUID

from attrs import define, field, frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.flag_loan import FlagLoans, is_overdue
from bst_application.ports.flags import FlagOverride, FlagStore, Sight
from bst_domain.cutover import Canary, canary_list, canary_percentage

_log = logging.getLogger(__name__)

TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})
REFRESH_EVERY_S: Final = 2.0
MAX_VALUE_LENGTH: Final = 2000
#: How often a process gives a sign of life, and after how long without one it is taken for gone.
TELL_EVERY: Final = timedelta(seconds=5)
GONE_AFTER: Final = timedelta(seconds=20)


class FlagKind(Enum):
    SWITCH = "switch"
    PERCENTAGE = "percentage"
    LIST = "list"


class Flag(StrEnum):
    """Everything that can be turned at run time."""

    WEBHOOK = "INGEST_WEBHOOK_ENABLED"
    QUEUE = "INGEST_QUEUE_ENABLED"
    REPLAY = "INGEST_REPLAY_ENABLED"
    READ_MODEL = "OPS_READ_NEW_MODEL_ENABLED"
    READ_MODEL_PERCENT = "OPS_READ_NEW_MODEL_PERCENT"
    READ_MODEL_USER_IDS = "OPS_READ_NEW_MODEL_CANARY_USER_IDS"
    READ_MODEL_EMAILS = "OPS_READ_NEW_MODEL_CANARY_EMAILS"
    WRITE_CORE = "OPS_WRITE_CORE_ENABLED"
    WRITE_CORE_PERCENT = "OPS_WRITE_CORE_PERCENT"
    WRITE_CORE_USER_IDS = "OPS_WRITE_CORE_CANARY_USER_IDS"
    WRITE_CORE_EMAILS = "OPS_WRITE_CORE_CANARY_EMAILS"
    WRITE_STRICT = "OPS_WRITE_CORE_STRICT"
    SHADOW_PERCENT = "OPS_READ_SHADOW_PERCENT"
    WEB_EMIT = "WEB_EMIT_BOOKING_EVENT_ENABLED"
    EMAIL_PIPELINE = "EMAIL_PIPELINE_CORE_ENABLED"


#: Total: the value that holds when neither the environment nor an override says anything.
DEFAULTS: Final[Mapping[Flag, str]] = {
    Flag.WEBHOOK: "false",
    Flag.QUEUE: "false",
    Flag.REPLAY: "false",
    Flag.READ_MODEL: "false",
    Flag.READ_MODEL_PERCENT: "100",
    Flag.READ_MODEL_USER_IDS: "",
    Flag.READ_MODEL_EMAILS: "",
    Flag.WRITE_CORE: "false",
    Flag.WRITE_CORE_PERCENT: "100",
    Flag.WRITE_CORE_USER_IDS: "",
    Flag.WRITE_CORE_EMAILS: "",
    Flag.WRITE_STRICT: "false",
    Flag.SHADOW_PERCENT: "0",
    Flag.WEB_EMIT: "false",
    Flag.EMAIL_PIPELINE: "false",
}


def kind_of(flag: Flag) -> FlagKind:
    """Switches end in ENABLED or STRICT, percentages in PERCENT; the rest are lists of actors."""
    if flag.value.endswith(("_ENABLED", "_STRICT")):
        return FlagKind.SWITCH
    return FlagKind.PERCENTAGE if flag.value.endswith("_PERCENT") else FlagKind.LIST


@frozen
class BadFlagValue:
    """Why a flag cannot have this value, as a sentence."""

    why: str


def normal_value(flag: Flag, text: str) -> str | BadFlagValue:
    """The one spelling of a value: true or false, a number from 0 to 100, a comma-separated list in lower case."""
    value = text.strip()
    if len(value) > MAX_VALUE_LENGTH:
        return BadFlagValue(f"{flag} must have at most {MAX_VALUE_LENGTH} characters")
    match kind_of(flag):
        case FlagKind.SWITCH:
            if value.lower() not in TRUE_WORDS | FALSE_WORDS:
                return BadFlagValue(f"{flag} must be one of true, false, 1, 0, yes, no, on, off")
            return "true" if value.lower() in TRUE_WORDS else "false"
        case FlagKind.PERCENTAGE:
            try:
                number = float(value)
            except ValueError:
                number = -1.0
            return f"{number:g}" if 0 <= number <= 100 else BadFlagValue(f"{flag} must be a number from 0 to 100")
        case FlagKind.LIST:
            return ",".join(sorted(canary_list(value)))


@frozen(kw_only=True)
class FlagState:
    """How a flag is now, and why. ``override`` is None where the environment's word, or the default, holds."""

    flag: Flag
    value: str
    initial: str
    override: FlagOverride | None


@frozen(kw_only=True)
class Process:
    """A process that lives by the flags, and its clock."""

    key: UUID
    component: str
    host: str
    pid: int
    now: Callable[[], datetime]


@define
class FlagBoard:
    """The flags as one process knows them: never older than the last ``refresh`` that worked.

    With a ``process`` it tells the store how they are for it: at once when they change, else now and then, as a sign of life.
    """

    _initial: Mapping[Flag, str]
    _store: FlagStore
    _process: Process | None = None
    _overrides: Mapping[str, FlagOverride] = field(factory=dict)
    _told: Sight | None = None

    async def refresh(self) -> int:
        """Reads the overrides; returns 0. Raises Unavailable and Conflict, and goes on with what was known.

        A process that lives by the flags puts those back that a drill has left behind.
        """
        self._overrides = await self._store.overrides()
        if (who := self._process) is not None and is_overdue(self._overrides, who.now()):
            await FlagLoans(store=self._store).settle(who.now())
            self._overrides = await self._store.overrides()
        await self._tell()
        return 0

    async def _tell(self) -> None:
        if (who := self._process) is None:
            return
        now, values = who.now(), {flag.value: self.value(flag) for flag in Flag}
        told = self._told
        if told is not None and told.values == values and now - told.seen_at < TELL_EVERY:
            return
        sight = Sight(process=who.key, component=who.component, host=who.host, pid=who.pid, values=values, seen_at=now)
        await self._store.sighted(sight)
        self._told = sight

    async def first_look(self) -> None:
        """What was turned before a restart holds from the first moment; a database that is away keeps nobody from starting."""
        try:
            await self.refresh()
        except (Unavailable, Conflict) as error:
            _log.warning("the flags are those of the environment until the database answers: %s", error)

    def value(self, flag: Flag) -> str:
        """What holds now."""
        override = self._overrides.get(flag.value)
        return self._initial[flag] if override is None else override.value

    def is_on(self, flag: Flag) -> bool:
        """Whether a switch is on."""
        return self.value(flag) == "true"

    def states(self) -> list[FlagState]:
        """All flags, in the order of the enumeration."""
        return [
            FlagState(
                flag=flag,
                value=self.value(flag),
                initial=self._initial[flag],
                override=self._overrides.get(flag.value),
            )
            for flag in Flag
        ]

    def read_canary(self) -> Canary:
        """Who reads the new model."""
        return canary_of(READ_PATH, self.value)

    def write_canary(self) -> Canary:
        """Whose writes go to the core."""
        return canary_of(WRITE_PATH, self.value)


@frozen(kw_only=True)
class CanaryFlags:
    """The four flags of a path through core."""

    name: str
    switch: Flag
    percent: Flag
    emails: Flag
    user_ids: Flag

    @property
    def all(self) -> tuple[Flag, ...]:
        return (self.switch, self.percent, self.emails, self.user_ids)


READ_PATH: Final = CanaryFlags(
    name="read",
    switch=Flag.READ_MODEL,
    percent=Flag.READ_MODEL_PERCENT,
    emails=Flag.READ_MODEL_EMAILS,
    user_ids=Flag.READ_MODEL_USER_IDS,
)
WRITE_PATH: Final = CanaryFlags(
    name="write",
    switch=Flag.WRITE_CORE,
    percent=Flag.WRITE_CORE_PERCENT,
    emails=Flag.WRITE_CORE_EMAILS,
    user_ids=Flag.WRITE_CORE_USER_IDS,
)


def canary_of(path: CanaryFlags, value: Callable[[Flag], str]) -> Canary:
    """Who is let onto a path, by the values of its flags."""
    return Canary(
        enabled=value(path.switch) == "true",
        percentage=canary_percentage(value(path.percent)),
        emails=canary_list(value(path.emails)),
        user_ids=canary_list(value(path.user_ids)),
    )


def initial_flags(environ: Mapping[str, str]) -> tuple[dict[Flag, str], list[str]]:
    """How the environment sets the flags, and what is wrong with it, as sentences.

    A percentage that is set to nothing is 0, and one that is no number is 100, as the predecessor read them.
    """
    values: dict[Flag, str] = {}
    problems: list[str] = []
    for flag in Flag:
        stated = environ.get(flag.value)
        if stated is None or (not stated.strip() and kind_of(flag) is not FlagKind.PERCENTAGE):
            values[flag] = DEFAULTS[flag]
        elif kind_of(flag) is FlagKind.PERCENTAGE:
            values[flag] = f"{canary_percentage(stated):g}"
        else:
            normal = normal_value(flag, stated)
            if isinstance(normal, BadFlagValue):
                problems.append(normal.why)
                values[flag] = DEFAULTS[flag]
            else:
                values[flag] = normal
    return values, problems
