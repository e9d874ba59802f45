"""The life of a catalog publish job, and who may take which step.

Source of the rules: predecessor rules 14. PUBLISHED is final: a new job publishes again.
"""

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

from bst_domain.lifecycles._lifecycle import Lifecycle


class PublishStatus(StrEnum):
    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"


class PublishAction(StrEnum):
    SUBMIT_REVIEW = "submit-review"
    PUBLISH = "publish"
    RETRY = "retry"


_P = PublishStatus
PUBLISH_JOB = Lifecycle(
    title="publish job",
    starts=frozenset({_P.DRAFT}),
    transitions={
        _P.DRAFT: frozenset({_P.IN_REVIEW}),
        _P.IN_REVIEW: frozenset({_P.PUBLISHED, _P.FAILED}),
        _P.FAILED: frozenset({_P.IN_REVIEW}),  # submitted again, or on the way through a retry
        _P.PUBLISHED: frozenset(),
    },
)

#: Total: the statuses that an action may start from.
ACTION_STARTS: Mapping[PublishAction, frozenset[PublishStatus]] = {
    PublishAction.SUBMIT_REVIEW: frozenset({_P.DRAFT, _P.FAILED}),
    PublishAction.PUBLISH: frozenset({_P.IN_REVIEW}),
    PublishAction.RETRY: frozenset({_P.FAILED}),
}


@frozen(kw_only=True)
class FourEyes:
    """Which steps need another person. Off by default, as callers expect; on in the recommended production settings."""

    reviewer_is_not_creator: bool = False
    publisher_is_not_reviewer: bool = False


class PublishRefusal(StrEnum):
    """Why a step is not taken."""

    WRONG_STATUS = "WRONG_STATUS"
    REVIEWER_IS_CREATOR = "REVIEWER_IS_CREATOR"
    PUBLISHER_IS_REVIEWER = "PUBLISHER_IS_REVIEWER"
    RETRY_SKIPS_REVIEW = "RETRY_SKIPS_REVIEW"


def refuse_publish_action(
    action: PublishAction,
    *,
    status: PublishStatus,
    actor: str | None,
    creator: str | None,
    reviewer: str | None,
    rules: FourEyes,
) -> PublishRefusal | None:
    """Why this actor cannot take this step, or None when it can be taken. The status is looked at first.

    A retry reviews and publishes in one step, so it must pass the reviewer's rule, and with four eyes between reviewer and
    publisher it is refused altogether.
    """
    if status not in ACTION_STARTS[action]:
        return PublishRefusal.WRONG_STATUS
    match action:
        case PublishAction.SUBMIT_REVIEW if rules.reviewer_is_not_creator and same_actor(actor, creator):
            return PublishRefusal.REVIEWER_IS_CREATOR
        case PublishAction.PUBLISH if rules.publisher_is_not_reviewer and same_actor(actor, reviewer):
            return PublishRefusal.PUBLISHER_IS_REVIEWER
        case PublishAction.RETRY if rules.publisher_is_not_reviewer:
            return PublishRefusal.RETRY_SKIPS_REVIEW
        case PublishAction.RETRY if rules.reviewer_is_not_creator and same_actor(actor, creator):
            return PublishRefusal.REVIEWER_IS_CREATOR
        case _:
            return None


def same_actor(a: str | None, b: str | None) -> bool:
    """Letter case and white space around a name do not matter; an unknown actor is never the same as anybody."""
    left, right = (a or "").strip().casefold(), (b or "").strip().casefold()
    return bool(left) and left == right
