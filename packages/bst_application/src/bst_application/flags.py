"""Switches that operators turn while everything runs: the environment says how they begin, an override says how they are now.

Source of the names: the predecessor's environment. A change takes effect in every process within ``REFRESH_EVERY_S`` and a
query, and survives restarts, because every process reads the same overrides before it begins to work.
"""

import logging
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final

from attrs import define, field, frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.flags import FlagOverride, FlagStore
from bst_domain.migration import Canary, canary_list, canary_percentage

_log = logging.getLogger(__name__)

TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})
REFRESH_EVERY_S: Final = 2.0
MAX_VALUE_LENGTH: Final = 2000


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
    Flag.WEB_EMIT: "false",
    Flag.EMAIL_PIPELINE: "false",
}


def kind_of(flag: Flag) -> FlagKind:
    """Switches end in ENABLED, percentages in PERCENT; the rest are lists of actors."""
    if flag.value.endswith("_ENABLED"):
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


@define
class FlagBoard:
    """The flags as one process knows them: never older than the last ``refresh`` that worked."""

    _initial: Mapping[Flag, str]
    _store: FlagStore
    _overrides: Mapping[str, FlagOverride] = field(factory=dict)

    async def refresh(self) -> int:
        """Reads the overrides; returns 0. Raises Unavailable, and goes on with what was known."""
        self._overrides = await self._store.overrides()
        return 0

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
        return self._canary(Flag.READ_MODEL, Flag.READ_MODEL_PERCENT, Flag.READ_MODEL_EMAILS, Flag.READ_MODEL_USER_IDS)

    def write_canary(self) -> Canary:
        """Whose writes go to the core."""
        return self._canary(Flag.WRITE_CORE, Flag.WRITE_CORE_PERCENT, Flag.WRITE_CORE_EMAILS, Flag.WRITE_CORE_USER_IDS)

    def _canary(self, switch: Flag, percent: Flag, emails: Flag, user_ids: Flag) -> Canary:
        return Canary(
            enabled=self.is_on(switch),
            percentage=canary_percentage(self.value(percent)),
            emails=canary_list(self.value(emails)),
            user_ids=canary_list(self.value(user_ids)),
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
