"""What the gates of batches share: their batch code, their percentages, and how names become findings."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import click

from bst_cli.gates.carrying import Given, setting
from bst_cli.gates.findings import plain

#: Names that a report lists; all are counted.
SHOWN = 20
PERCENT = click.FloatRange(0, 100)


def batch_code(batch: str) -> click.Option:
    """What the report calls the batch; PHASE2_BATCH_CODE is what other scripts of a release set."""
    return setting("batch-code", "PHASE2_BATCH_CODE", str, batch, "What the report calls the batch.")


def batch_member(given: Given) -> dict[str, Any]:
    """For the report."""
    return {"batchCode": given["batch_code"]}


def percent(name: str, env: str, default: Decimal, text: str) -> click.Option:
    """A threshold in per cent."""
    return setting(name, env, PERCENT, float(default), text)


def limit(given: Given, name: str) -> Decimal:
    """A threshold as it was given."""
    return Decimal(plain(Decimal(str(given[name]))))


def first(names: Iterable[str]) -> list[str]:
    """Those that a report lists."""
    return list(names)[:SHOWN]
