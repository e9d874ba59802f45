"""What a person sees while a batch runs."""

import pytest

from bst_application.use_cases.backfill import Tally
from bst_cli.migrating.progress import shown


def test_a_terminal_sees_rows_and_what_is_done_beside_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with shown("batch D") as bar:
        bar.stage("noting what the sources say")
        bar.stage("")
        bar(Tally(rows=2000, done=500))
        bar.stage("noting what was written")
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "500/2000" in seen.err
    assert "batch D: noting what was written" in seen.err


def test_nobody_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("batch D") as bar:
        bar(Tally(rows=2000, done=500))
        bar.stage("noting what was written")
    assert capsys.readouterr() == ("", "")
