"""``bst status``: what an operator asks at night. Is it up, is anything waiting, how old is the oldest, what failed and why?

All of it is on the API's own page for Prometheus, so that no token is needed and both say the same.
"""

from collections import Counter
from collections.abc import Iterator

import httpx
from attrs import frozen

from bst_application.flags import Flag
from bst_cli.trouble import Trouble
from bst_cli.wording import counted
from bst_telemetry.page import Page, read_page

TIMEOUT_S = 10.0
#: Seconds; as the alert BstEventsOverdue.
OVERDUE_S = 120.0
UNSETTLED = ("OPEN", "READY", "REPLAYING", "FAILED")


@frozen(kw_only=True)
class Answer:
    """One question and its answer. ``cure`` says where to go on when it is not well."""

    question: str
    well: bool
    says: str
    cure: str | None = None


def ask(url: str) -> list[Answer]:
    """Looks once. Raises Trouble when there is nothing that answers."""
    try:
        page = read_page(httpx.get(f"{url}/metrics", timeout=TIMEOUT_S, trust_env=False).raise_for_status().text)
    except httpx.HTTPError as error:
        raise Trouble(
            f"{url} does not answer: {error}", "Start it with `bst up` or `bst api`, or give --url."
        ) from error
    except ValueError:
        raise Trouble(f"{url}/metrics is no metrics page", "Is that BST's API? Check --url.") from None
    return list(answers(url, page))


def answers(url: str, page: Page) -> Iterator[Answer]:
    """What the page of an API says to each question."""
    build = next(page.of("bst_build_info"), None)
    yield Answer(question="api", well=True, says=f"{url} runs {build.labels['version'] if build else 'an older BST'}")
    database, queue = page.value("bst_database_up") == 1, page.value("bst_queue_up") == 1
    yield _up("database", database, "Deliveries are refused until it does. See `bst doctor`.")
    yield _up("queue", queue, "Nothing is lost: the sweep processes from the log, more slowly.")
    for flag, off in (
        (Flag.WEBHOOK, "Deliveries are refused with 503."),
        (Flag.QUEUE, "Accepted events wait in the log."),
        (Flag.REPLAY, "Nothing can be replayed."),
    ):
        on = page.value("bst_flag_on", flag=flag.value) == 1
        cure = None if on else f'{off} `bst flags set {flag.value} true --reason "…"` turns it on.'
        yield Answer(question="flag", well=on, says=f"{flag.value} is {'on' if on else 'off'}", cure=cure)
    if database:
        yield from _waiting(page)
        yield _letters(page)


def _up(what: str, up: bool, otherwise: str) -> Answer:
    return Answer(question=what, well=up, says="answers" if up else "does not answer", cure=None if up else otherwise)


def _waiting(page: Page) -> Iterator[Answer]:
    def of(name: str) -> float:
        return page.value(name) or 0.0

    overdue, due = of("bst_oldest_due_event_seconds"), int(of("bst_events_due"))
    late = overdue > OVERDUE_S
    yield Answer(
        question="due",
        well=not late,
        says=f"{counted(due, 'event')}, the oldest for {_spell(overdue)}" if due else "nothing",
        cure="No worker, or one that is too slow: docs/operations/runbooks.md, BstEventsOverdue." if late else None,
    )
    delayed = int(of("bst_events_waiting_for_retry"))
    oldest = _spell(of("bst_oldest_waiting_event_seconds"))
    yield Answer(
        question="retries",
        well=True,
        says=f"{counted(delayed, 'event')} between two tries; the oldest that waits is {oldest} old"
        if delayed
        else "none",
    )


def _letters(page: Page) -> Answer:
    reasons: Counter[str] = Counter()
    for sample in page.of("bst_dead_letters"):
        if sample.labels["status"] in UNSETTLED:
            reasons[sample.labels["reason"]] += int(sample.value)
    total = reasons.total()
    return Answer(
        question="dead letters",
        well=not total,
        says=", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "none",
        cure="Mend the cause, then `bst events replay --dry-run --reason …`." if total else None,
    )


def _spell(seconds: float) -> str:
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"
