"""G-06: what the shop took and what is here are the same money, day by day. All days, or the last few of a daily look."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bst_cli.gates.batch import SHOWN, batch_code, batch_member, limit, percent
from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.payment_finance_bridge import sample_errors
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_cli.migrating.accounting import compare_payments
from bst_domain.migration import PaymentDayFigures, default_limit, payment_day_checks
from bst_domain.values import bali_day
from bst_postgres.backfill.accounts import Accounts

NAME = "G-06_daily_payment_mismatch_percent"
BALI = ZoneInfo("Asia/Makassar")
CURES = {
    NAME: "days, lostRows and differences in the report name them: bst migrate run --batch E follows the shop; what is here only"
    " came by live events that the shop does not know.",
    f"{NAME}:HOLD": "There is no payment to compare: bst migrate run --batch E, or look at more days.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Streams the shop's payments past the database."""
    most, days = limit(given, "max_payment_mismatch_percent"), given["days"]
    since = None if days is None else _midnight(around.now(), days)
    async with around.database() as database, around.legacy() as legacy:
        accounts = Accounts(database)
        compared = await compare_payments(legacy, accounts, since)
        here = await accounts.direct_payments(since)
    account = compared.account
    figures = PaymentDayFigures(
        shop_rows=account.rows,
        queued=account.listed,
        matched=account.moved - compared.differing,
        differing=compared.differing,
        missing=account.lost_rows,
        only_here=max(0, here - len(compared.matched)),
    )
    worst = sorted(compared.days.items(), key=lambda day: (-day[1], day[0]))
    return Judged(
        config={"maxPaymentMismatchPercent": most, "days": days},
        summary={
            "shopPayments": figures.shop_rows,
            "queuedRows": figures.queued,
            "matchedRows": figures.matched,
            "differingRows": figures.differing,
            "missingRows": figures.missing,
            "onlyHereRows": figures.only_here,
            "mismatchRows": figures.mismatches,
            "mismatchDenominator": figures.compared,
            "mismatchPercent": figures.mismatch_percent,
            "days": [{"day": day, "mismatchRows": rows} for day, rows in worst[:SHOWN]],
            "lostRows": account.lost,
            "differences": sample_errors(compared.differences),
        },
        findings=judged_checks(payment_day_checks(figures, max_percent=most), CURES),
        more=batch_member(given),
    )


def _midnight(now: datetime, days: int) -> datetime:
    """The beginning of so many days ago, in Bali; 1 is today."""
    return datetime.combine(bali_day(now) - timedelta(days=days - 1), time(), BALI)


GATE = Gate(
    name="payment-mismatch-daily",
    id="G-06_DAILY_PAYMENT_MISMATCH",
    title="G-06 Daily payment mismatch",
    folder="gates/payment-mismatch-daily",
    help="G-06: the shop's payments and those here are the same money.",
    settings=[
        batch_code("E"),
        percent(
            "max-payment-mismatch-percent",
            "GATE_PAYMENT_MAX_DAILY_MISMATCH_PERCENT",
            default_limit(NAME),
            "Of the payments that were compared.",
        ),
        setting(
            "days", "GATE_PAYMENT_MISMATCH_DAYS", at_least(1), None, "Days in Bali, today included; all when not given."
        ),
    ],
    measure=measure,
    keys=(
        Keys(result="PAYMENT_MISMATCH_GATE_RESULT", json="PAYMENT_MISMATCH_GATE_JSON", md="PAYMENT_MISMATCH_GATE_MD"),
    ),
    style=BatchStyle(batch="E"),
)
command = as_command(GATE)
