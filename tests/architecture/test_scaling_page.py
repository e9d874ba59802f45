"""The page about scaling names tests, files, settings and metrics that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scaling.md").read_text("utf-8")


def texts(*folders: str) -> str:
    return "".join(path.read_text("utf-8") for folder in folders for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", PAGE))))
def test_a_named_test_exists(name: str) -> None:
    assert f"def {name}(" in texts("tests", "packages/bst_testing")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/]+\.py)`|\]\((\.\./[\w/]+\.md)\)", PAGE))))
def test_a_named_file_exists(path: tuple[str, str]) -> None:
    ours, linked = path
    assert (ROOT / ours).exists() if ours else (ROOT / "docs" / linked).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:BST|INGEST|OPS)_[A-Z_]+)[`=]", PAGE))))
def test_a_named_setting_is_read(name: str) -> None:
    assert f'"{name}"' in texts("packages/bst_application/src")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(bst_[a-z_]+_seconds)`", PAGE))))
def test_a_named_metric_is_listed(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/operations/metrics.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:ingest|booking|channel|replay|audit)_[a-z_]+)`", PAGE))))
def test_a_named_table_exists_or_is_said_to_be_new(name: str) -> None:
    new = {"ingest_key", "ingest_content", "booking_shard"}
    assert name in new or f"`{name}`" in (ROOT / "docs/schema.md").read_text("utf-8")
