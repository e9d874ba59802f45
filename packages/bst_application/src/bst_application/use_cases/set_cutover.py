"""Turning a path to core: all four of its flags in one commit, so that nobody is ever let in by half of a change."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from bst_application.flags import (
    BadFlagValue,
    CanaryFlags,
    Flag,
    normal_value,
)
from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagOverride, FlagStore, Overrides, Revision
from bst_application.use_cases.repair import Author

#: What the override says when a path is turned by a person, or by a batch.
SET: Final = "CUTOVER_SET"


@frozen(kw_only=True)
class CutoverChange:
    """What is to be. None: as it was. ``off`` leaves percentage and lists as they are, for whoever turns it on again.

    ``reset``: the overrides are taken away, so that the environment's words hold again.
    """

    percent: float | None = None
    emails: Sequence[str] | None = None
    user_ids: Sequence[str] | None = None
    off: bool = False
    reset: bool = False


@frozen(kw_only=True)
class SetCutover:
    """``initial`` is what the environment says of the flags; the overrides of the database win."""

    store: FlagStore
    initial: Mapping[Flag, str]
    now: Callable[[], datetime]

    async def __call__(
        self, path: CanaryFlags, change: CutoverChange, *, reason: str, by: Author
    ) -> Mapping[Flag, str] | BadFlagValue:
        """The path's flags as they hold afterwards. Raises Unavailable and Conflict."""
        wanted = wanted_values(path, change)
        if isinstance(wanted, BadFlagValue):
            return wanted
        return await self.turn(path, wanted, reason=reason, by=by)

    async def turn(
        self, path: CanaryFlags, wanted: Mapping[Flag, str | None], *, reason: str, by: Author
    ) -> Mapping[Flag, str]:
        """The same for values that are in their one spelling; None takes an override away."""
        now = self.now()

        def decide(overrides: Overrides) -> Revision:
            changes = {flag.value: _override(value, by.actor, reason, now) for flag, value in wanted.items()}
            before = self._values(path, overrides)
            after = self._values(path, _revised(overrides, changes))
            metadata: dict[str, Any] = {
                "path": path.name,
                "before": {flag.value: value for flag, value in before.items()},
                "after": {flag.value: value for flag, value in after.items()},
                "reason": reason,
                **by.proof,
            }
            entry = AuditEntry(
                event_type=SET,
                actor=by.actor,
                resource_type="CUTOVER",
                resource_id=path.name,
                metadata=metadata,
                at=now,
                request_id=by.request_id,
            )
            return Revision(changes=changes, entries=[entry])

        return self._values(path, await self.store.revise(decide))

    def _values(self, path: CanaryFlags, overrides: Overrides) -> dict[Flag, str]:
        return {
            flag: override.value if (override := overrides.get(flag.value)) else self.initial[flag] for flag in path.all
        }


def wanted_values(path: CanaryFlags, change: CutoverChange) -> dict[Flag, str | None] | BadFlagValue:
    """Flag -> its new value; a flag that is not named stays."""
    if change.reset:
        return dict.fromkeys(path.all)
    texts: dict[Flag, str] = {path.switch: "false" if change.off else "true"}
    if change.percent is not None:
        texts[path.percent] = str(change.percent)
    if change.emails is not None:
        texts[path.emails] = ",".join(change.emails)
    if change.user_ids is not None:
        texts[path.user_ids] = ",".join(change.user_ids)
    wanted: dict[Flag, str | None] = {}
    for flag, text in texts.items():
        value = normal_value(flag, text)
        if isinstance(value, BadFlagValue):
            return value
        wanted[flag] = value
    return wanted


def _override(value: str | None, actor: str, reason: str, at: datetime) -> FlagOverride | None:
    return None if value is None else FlagOverride(value=value, actor=actor, reason=reason, at=at)


def _revised(overrides: Overrides, changes: Mapping[str, FlagOverride | None]) -> Overrides:
    kept = {name: override for name, override in overrides.items() if name not in changes}
    return kept | {name: override for name, override in changes.items() if override is not None}
