"""Every port has a conformance suite, and every suite is run by the fake in memory and by each real adapter."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

import bst_application.ports
from bst_testing import conformance

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text("utf-8")

#: Port -> its suite. What a suite of another port needs and tests on the way stands with that suite.
SUITES = {
    "JobQueue": "JobQueueConformance",
    "EventLog": "EventLogConformance",
    "StagedJobs": "EventLogConformance",
    "BookingStore": "BookingStoreConformance",
    "CatalogEditor": "CatalogEditorConformance",
    "RepairDesk": "RepairDeskConformance",
    "OpsDesk": "OpsDeskConformance",
    "CrewRegister": "CrewRegisterConformance",
    "BookingTimeline": "BookingTimelineConformance",
    "ReplayJobs": "ReplayJobsConformance",
    "MappingDesk": "MappingDeskConformance",
    "RetentionStore": "RetentionConformance",
    "FlagStore": "FlagStoreConformance",
    "AuditTrail": "AuditTrailConformance",
    "AuditReader": "AuditTrailConformance",
    "BookingReader": "BookingReaderConformance",
    "IngestReader": "IngestReaderConformance",
    "DatabaseProbe": "DatabaseProbeConformance",
    "AccessStore": "AccessStoreConformance",
    "ReconciliationReader": "ReconciliationConformance",
    "PublishingDesk": "PublishingConformance",
    "Tracing": "TracingConformance",
    "Span": "TracingConformance",
    "ProcessingWatch": "ProcessingWatchConformance",
    "LegacyDatabases": "LegacyConformance",
    "LegacySnapshot": "LegacyConformance",
    "BackfillStore": "BackfillConformance",
    "GateRecords": "GateRecordsConformance",
    "LegacyLive": "LegacyLiveConformance",
    "DualWriteDesk": "DualWriteConformance",
    "ConflictCounter": "WatchLedgerConformance",
    "WatchLedger": "WatchLedgerConformance",
    "ShadowLedger": "ShadowLedgerConformance",
    "WriteLedger": "WriteLedgerConformance",
    "DigestSide": "DigestSideConformance",
    "MarkStore": "ComparisonConformance",
    "ComparisonStore": "ComparisonConformance",
}
#: Who must run a suite, when it is not the fake in memory and PostgreSQL. Classes are named after the adapter or its product.
USUAL = {"Memory", "Postgres"}
RUNNERS = {
    "JobQueueConformance": USUAL | {"Redis", "Sqlite"},
    "TracingConformance": {"No", "Otel"},
    "ProcessingWatchConformance": {"Nobody", "Prometheus"},
}


def ports() -> set[str]:
    """The Protocols of the ports. A transaction is reached through the port that opens it, and tested with it."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(bst_application.ports.__path__):
        loaded = importlib.import_module(f"{bst_application.ports.__name__}.{module.name}")
        found |= {
            name
            for name, value in vars(loaded).items()
            if isinstance(value, type)
            and value.__module__ == loaded.__name__
            and getattr(value, "_is_protocol", False)
            and not name.endswith("Transaction")
        }
    return found


def suites() -> set[str]:
    """The suites that there are."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(conformance.__path__):
        loaded = importlib.import_module(f"{conformance.__name__}.{module.name}")
        found |= {
            name
            for name in vars(loaded)
            if name.endswith("Conformance") and vars(loaded)[name].__module__ == loaded.__name__
        }
    return found


@cache
def classes_of_the_tests() -> Mapping[str, set[str]]:
    """Class -> its bases, of every class in the tests. They are read once."""
    bases: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return bases


def runs(name: str, suite: str, bases: Mapping[str, set[str]]) -> bool:
    return any(base == suite or runs(base, suite, bases) for base in bases.get(name, ()))


def test_every_port_has_a_suite() -> None:
    assert ports() == SUITES.keys()
    assert suites() == set(SUITES.values())


@pytest.mark.parametrize("suite", sorted(set(SUITES.values())))
def test_every_suite_is_run_by_the_fake_and_by_each_real_adapter(suite: str) -> None:
    bases = classes_of_the_tests()
    running = {name for name in bases if name.startswith("Test") and runs(name, suite, bases)}
    for product in RUNNERS.get(suite, USUAL):
        assert [name for name in running if name.startswith(f"Test{product}")], f"{product} does not run {suite}"


@pytest.mark.parametrize(("port", "suite"), SUITES.items())
def test_the_page_names_every_port_with_its_suite(port: str, suite: str) -> None:
    assert re.search(rf"^\|[^|]*`{port}`[^|]*\|[^|]*\| `{suite}` \|", PAGE, re.MULTILINE)
