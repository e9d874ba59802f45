"""Reports: JSON for machines, Markdown for people, and lines for whoever parses standard output."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import click
from attrs import frozen

from bst_cli.gates.findings import Finding, Judged
from bst_cli.trouble import Trouble
from bst_domain.migration import Verdict
from bst_domain.values import format_instant


@frozen(kw_only=True)
class Keys:
    """The names under which result and reports are said on standard output."""

    result: str
    json: str
    md: str


GATE_KEYS = Keys(result="GATE_RESULT", json="GATE_REPORT_JSON", md="GATE_REPORT_MD")


@frozen(kw_only=True)
class Written:
    """A report on disk."""

    document: Mapping[str, Any]
    json_path: Path
    md_path: Path


def result_word(passed: bool) -> str:
    """What existing readers know: PASS or FAIL. What holds has not passed."""
    return "PASS" if passed else "FAIL"


class Style(Protocol):
    """Members and lines that readers of a kind of gate know."""

    def document(self, gate: str, judged: Judged, *, started: datetime, ended: datetime) -> dict[str, Any]: ...

    def say_failures(self, findings: Sequence[Finding]) -> None: ...


@frozen(kw_only=True)
class IngestStyle:
    """Gates of ingestion: config, summary, failures; ``FAILURE=``, or ``FAILED_CHECK=`` where readers know that."""

    as_checks: bool = False

    def document(self, gate: str, judged: Judged, *, started: datetime, ended: datetime) -> dict[str, Any]:
        return document(gate, judged, started=started, ended=ended)

    def say_failures(self, findings: Sequence[Finding]) -> None:
        say_failures(findings, as_checks=self.as_checks)


@frozen(kw_only=True)
class BatchStyle:
    """Gates of batches: batchCode, thresholds, metrics, checks; ``FAILED_CHECK=``."""

    batch: str

    def document(self, gate: str, judged: Judged, *, started: datetime, ended: datetime) -> dict[str, Any]:
        """``batchCode`` is what PHASE2_BATCH_CODE says, else the batch that the gate judges."""
        return {
            "gate": gate,
            "batchCode": judged.more.get("batchCode", self.batch),
            "startedAt": format_instant(started),
            "endedAt": format_instant(ended),
            "thresholds": _jsonable(judged.config),
            "metrics": _jsonable(judged.summary),
            "checks": _checks(judged),
            "result": result_word(judged.passed),
            "verdict": judged.verdict.value,
            **_jsonable({name: value for name, value in judged.more.items() if name != "batchCode"}),
        }

    def say_failures(self, findings: Sequence[Finding]) -> None:
        """``FAILED_CHECK=<name> <detail>`` on standard error, each with its cure below."""
        for one in findings:
            if one.verdict is not Verdict.PASS:
                click.echo(f"FAILED_CHECK={one.name} {one.detail}{_held(one)}", err=True)
                click.echo(f"        {one.cure}", err=True)


INGEST_STYLE = IngestStyle()


def document(gate: str, judged: Judged, *, started: datetime, ended: datetime) -> dict[str, Any]:
    """The members that readers know, then what is new: ``verdict`` tells HOLD from FAIL, ``checks`` has everything."""
    return {
        "gate": gate,
        "startedAt": format_instant(started),
        "endedAt": format_instant(ended),
        "config": _jsonable(judged.config),
        "summary": _jsonable(judged.summary),
        "result": result_word(judged.passed),
        "failures": [_failure(one) for one in judged.findings if one.verdict is not Verdict.PASS],
        "verdict": judged.verdict.value,
        "checks": _checks(judged),
        **_jsonable(judged.more),
    }


def _checks(judged: Judged) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "passed": one.verdict is Verdict.PASS,
            "verdict": one.verdict.value,
            "measured": one.measured,
            "threshold": one.threshold,
            "detail": one.detail,
        }
        for one in judged.findings
    ]


def write(
    root: Path, folder: str, said: Mapping[str, Any], markdown: str, *, ended: datetime, suffix: str = ""
) -> Written:
    """Both files under ``root/folder``, named for the instant. Raises Trouble."""
    stamp = format_instant(ended).replace(":", "-").replace(".", "-") + suffix
    place = (root / folder).absolute()
    json_path, md_path = place / f"{stamp}.json", place / f"{stamp}.md"
    try:
        place.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", "utf-8")
        md_path.write_text(markdown, "utf-8")
    except OSError as error:
        raise Trouble(
            f"the report cannot be written to {place}: {error.strerror}", "Give another folder with --reports."
        ) from error
    return Written(document=said, json_path=json_path, md_path=md_path)


def page(title: str, judged: Judged, *, started: datetime, ended: datetime) -> str:
    """The same for people: the verdict first, then each check, then what to do."""
    open_ones = [one for one in judged.findings if one.verdict is not Verdict.PASS]
    lines = [f"# {title}: {judged.verdict}", "", _sentence(judged, len(open_ones)), ""]
    lines += [f"Measured from {format_instant(started)} to {format_instant(ended)}.", ""]
    lines += table(
        ("check", "verdict", "measured", "must be"),
        [(one.name, one.verdict.value, one.measured, one.threshold) for one in judged.findings],
    )
    if open_ones:
        lines += ["", "## What to do", ""]
        lines += [f"- **{one.name}** ({one.verdict}): {one.detail}. {one.cure}" for one in open_ones]
    lines += ["", "## Figures", "", *table(("name", "value"), _rows(judged.summary))]
    lines += ["", "## Settings", "", *table(("name", "value"), _rows(judged.config))]
    return "\n".join(lines) + "\n"


def _sentence(judged: Judged, open_ones: int) -> str:
    match judged.verdict:
        case Verdict.PASS:
            return f"All {len(judged.findings)} checks passed: the gate is open."
        case Verdict.HOLD:
            return "Too little was measured to say. Nothing is known to be wrong, but the gate stays shut."
        case Verdict.FAIL:
            return f"{open_ones} of {len(judged.findings)} checks did not pass: the gate stays shut."


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    made = ["| " + " | ".join(row) + " |" for row in cells]
    return [made[0], "|" + "---|" * len(head), *made[1:]]


def say_lines(lines: Mapping[str, object]) -> None:
    """``KEY=value`` on standard output."""
    for key, value in lines.items():
        click.echo(f"{key}={value}")


def say_failures(findings: Sequence[Finding], *, as_checks: bool = False) -> None:
    """``FAILURE=``, or ``FAILED_CHECK=`` where readers know that, on standard error, each with its cure below."""
    for one in findings:
        if one.verdict is not Verdict.PASS:
            said = f"FAILED_CHECK={one.name} detail={one.detail}" if as_checks else f"FAILURE={_failure(one)}"
            click.echo(said, err=True)
            click.echo(f"        {one.cure}", err=True)


def _failure(one: Finding) -> str:
    return f"{one.name}: {one.detail}{_held(one)}"


def _held(one: Finding) -> str:
    return " (too little measured)" if one.verdict is Verdict.HOLD else ""


def _rows(members: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [(name, json.dumps(_jsonable(value), ensure_ascii=False)) for name, value in members.items()]


def _jsonable(value: Any) -> Any:
    """Decimals become numbers; whole ones stay whole."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Mapping():
            return {str(name): _jsonable(member) for name, member in value.items()}
        case list() | tuple() | frozenset():
            return [_jsonable(member) for member in value]
        case Path():
            return str(value)
        case _:
            return value
