"""E-01 to E-03: the money that batch E moved in stands behind facts, settles what is DONE, and is what the shop took."""

from collections.abc import Sequence

import click

from bst_cli.gates.batch import batch_code, batch_member, limit, percent
from bst_cli.gates.carrying import Gate, Given, as_command, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import (
    THRESHOLDS,
    MoneyFigures,
    PaymentDifference,
    PaymentFault,
    audit_payment,
    default_limit,
    money_checks,
)
from bst_postgres.backfill.accounts import Accounts
from bst_postgres.reconciliation import PostgresReconciliationReader

DONE = "E-02_ops_done_not_paid_ratio_percent"
ACCURACY = "E-03_sample_audit_payment_direct_accuracy_percent"
#: Errors that the report lists.
MOST_ERRORS = 100
CURES = {
    "E-01_orphan_payment_event": "Payment rows that no fact stands behind: whoever wrote them must state a fact instead.",
    DONE: "GET /v1/ops/bookings?status=DONE has them, with DONE_NOT_PAID in statusReasons; the exception list of batch E names"
    " them. Settle each, or go on with --override and say why.",
    ACCURACY: "sampleErrors in the report names each payment and what differs; bst migrate run --batch E follows the shop.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Counts in the database, and looks the newest payments up in the shop's."""
    most, size = limit(given, "max_ops_done_not_paid_ratio_percent"), given["direct_sample_size"]
    async with around.database() as database:
        counts = await PostgresReconciliationReader(database).reconciliation_counts()
        accounts = Accounts(database)
        direct = await accounts.direct_payments()
        sample = await accounts.newest_direct(size)
    errors: list[PaymentDifference] = []
    if sample:  # without DIRECT payments the shop need not even be there
        async with around.legacy() as legacy:
            rows = await legacy.payments_like(sample)
        errors = [error for payment in sample if (error := audit_payment(payment, rows)) is not None]
    figures = MoneyFigures(
        orphans=counts.orphan_payments,
        payments=counts.payments,
        done=counts.done,
        done_not_paid=counts.done_not_paid,
        direct_payments=direct,
        sampled=len(sample),
        matched=len(sample) - len(errors),
    )
    return Judged(
        config={
            "maxOrphanRows": default_limit("E-01_orphan_payment_event"),
            "maxOpsDoneNotPaidRatioPercent": most,
            "minSampleAccuracyPercent": THRESHOLDS[ACCURACY].limit,
            "directSampleSize": size,
        },
        summary={
            "orphanRows": figures.orphans,
            "opsDoneTotal": figures.done,
            "opsDoneNotPaid": figures.done_not_paid,
            "opsDoneNotPaidRatioPercent": figures.done_not_paid_percent,
            "directPaymentTotal": direct,
            "sampleCount": figures.sampled,
            "sampleMatched": figures.matched,
            "sampleMismatched": len(errors),
            "sampleAccuracyPercent": figures.accuracy_percent,
            "sampleErrors": sample_errors(errors),
        },
        findings=judged_checks(money_checks(figures, max_done_not_paid_percent=most), CURES),
        more=batch_member(given),
    )


def sample_errors(errors: Sequence[PaymentDifference]) -> list[dict[str, object]]:
    """For the report: the reason, and where a row was found what of it agrees."""
    return [
        {
            "paymentKey": str(error.key),
            "reason": error.fault.value,
            **(
                {
                    "sourcePaymentId": error.payment_id,
                    "amountMatches": error.amount_matches,
                    "currencyMatches": error.currency_matches,
                    "bookingMatches": error.booking_matches,
                }
                if error.fault is PaymentFault.MISMATCH
                else {}
            ),
        }
        for error in errors[:MOST_ERRORS]
    ]


_KEYS = Keys(
    result="PAYMENT_FINANCE_GATE_RESULT",
    json="PAYMENT_FINANCE_GATE_JSON",
    md="PAYMENT_FINANCE_GATE_MD",
)
GATE = Gate(
    name="payment-finance-bridge",
    id="PAYMENT_FINANCE_BATCH_E",
    title="E-01 to E-03 Payment and finance bridge",
    folder="gates/payment-finance",
    help="E-01 to E-03: facts stand behind payments, what is DONE is paid, the newest payments are those of the shop.",
    settings=[
        batch_code("E"),
        percent(
            "max-ops-done-not-paid-ratio-percent",
            "GATE_PAYMENT_MAX_OPS_DONE_NOT_PAID_RATIO_PERCENT",
            default_limit(DONE),
            "Of DONE bookings.",
        ),
        setting(
            "direct-sample-size",
            "GATE_PAYMENT_DIRECT_SAMPLE_SIZE",
            click.IntRange(1, 500),
            25,
            "DIRECT payments to look up.",
        ),
    ],
    measure=measure,
    keys=(_KEYS,),
    style=BatchStyle(batch="E"),
)
command = as_command(GATE)
