"""docs/operations/ says only what is true: metrics and labels that exist, runbooks for every alert, commands that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bst_cli.main import main

SOURCES = Path(__file__).parents[2]
FOLDER = SOURCES / "docs" / "operations"
PAGES = sorted(FOLDER.glob("*.md"))
RUNBOOKS = (FOLDER / "runbooks.md").read_text("utf-8")

LISTED = {
    name: (kind, set() if labels == "–" else set(labels.split(", ")))
    for name, kind, labels in re.findall(
        r"^\| `(bst_\w+)` \| (\w+) \| [^|]+ \| ([^|]+) \|", (FOLDER / "metrics.md").read_text("utf-8"), re.MULTILINE
    )
}
#: Labels that Prometheus adds to everything that it scrapes.
SCRAPED = {"job", "instance"}
BORROWED = {
    "up": SCRAPED,
    "ALERTS": {"alertname", "alertstate"},
    "process_resident_memory_bytes": SCRAPED,
    "process_cpu_seconds_total": SCRAPED,
}
PARTS = {"histogram": ("_bucket", "_sum", "_count")}
WORDS = {"and", "or", "unless", "by", "without", "offset", "on", "ignoring", "group_left", "group_right", "bool"}


def loaded(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


RULES = [rule for name in ("rules.yml", "alerts.yml") for group in loaded(name)["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = {
    **{rule.get("alert") or rule["record"]: rule["expr"] for rule in RULES},
    **{f"{p['title']} {t['refId']}": t["expr"] for p in PANELS for t in p["targets"]},
    "annotations": DASHBOARD["annotations"]["list"][0]["expr"],
}


def labels_of(name: str) -> set[str] | None:
    """The labels that a series may have; None when nobody has such a series."""
    if name in RECORDED:
        return set()
    if name in BORROWED:
        return BORROWED[name]
    for family, (kind, labels) in LISTED.items():
        if name in {family + part for part in PARTS.get(kind, ("",))}:
            return labels | SCRAPED | ({"le"} if name.endswith("_bucket") else set())
    return None


def series(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Names of series in an expression, with the labels that it asks them for."""
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", expression)
    bare = re.sub(r"\[[^\]]*\]", " ", bare)
    for name, _, matchers in re.findall(r"([a-zA-Z_:][\w:]*)(\{([^}]*)\})?(?!\s*\(|[\w:{])", bare):
        if name not in WORDS and not re.fullmatch(r"\d*[smhdwy]", name):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', "", matchers)))


def grouped_by(expression: str) -> set[str]:
    return {label.strip() for part in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in part.split(",")}


def faults(expression: str) -> list[str]:
    """What an expression asks for that nobody has."""
    wrong = []
    known: set[str] = set()
    quoted = re.sub(r'"[^"]*"', '""', expression)
    for name, labels in series(quoted):
        has = labels_of(name)
        if has is None:
            wrong.append(f"nobody has {name}")
            continue
        known |= has
        wrong += [f"{name} has no label {label}" for label in labels - has]
    return wrong + [f"nothing in it has a label {label}" for label in grouped_by(expression) - known]


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_an_expression_asks_for_what_there_is(what: str) -> None:
    assert list(series(EXPRESSIONS[what])), "the reader of expressions must find something to check"
    assert faults(EXPRESSIONS[what]) == []


def test_an_expression_that_asks_for_something_else_is_found() -> None:
    assert faults("sum(rate(bst_nothing_total[5m]))") == ["nobody has bst_nothing_total"]
    assert faults('bst_events_due{state="x"}') == ["bst_events_due has no label state"]
    assert faults("max by (flag) (bst_events_due)") == ["nothing in it has a label flag"]
    assert faults("bst_ingest_answer_seconds > 1") == ["nobody has bst_ingest_answer_seconds"]


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert [variable["query"] for variable in DASHBOARD["templating"]["list"]] == ["prometheus"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, f"{panel['title']} lies on another panel"
        assert at["x"] + at["w"] <= 24
        taken |= cells
    for panel in PANELS:
        assert panel["type"] in {"stat", "timeseries", "table"}
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(refs) == len(set(refs))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_severity_a_summary_a_runbook_and_tests_both_ways(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook_url"] == f"runbooks.md#{alert.lower()}"
    section = RUNBOOKS.partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
    for part in ("**For guests.**", "**Look.**", "**Cure.**", "**Cured.**"):
        assert part in section, f"the runbook of {alert} has no {part}"
    asked = [
        bool(expected["exp_samples"])
        for test in loaded("alerts_test.yml")["tests"]
        for expected in test["promql_expr_test"]
        if f'"{alert}"' in expected["expr"]
    ]
    assert {True, False} <= set(asked), f"{alert} needs a test that it fires, and one that it does not"


def test_no_runbook_is_about_an_alert_that_is_gone() -> None:
    assert set(re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE)) == ALERTS.keys()


def test_a_panel_that_a_runbook_names_is_there() -> None:
    titles = {panel["title"] for panel in PANELS}
    legends = {target["legendFormat"] for panel in PANELS for target in panel["targets"]}
    sections = re.sub(r"\*\*[^*]+\*\*", "", RUNBOOKS).split("\n", 10)[-1]
    named = {" ".join(name.split()) for name in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", sections)}
    assert len(named) > 10
    unknown = {name for name in named if name not in titles | legends and not any(t.startswith(name) for t in titles)}
    assert unknown == {"accepted"} - legends


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    code = re.findall(r"`bst ([^`]+)`", page.read_text("utf-8")) + re.findall(
        r"^\$ bst (.+)$", page.read_text("utf-8"), re.MULTILINE
    )
    for line in code:
        words = line.split()
        command: click.Command = main
        while words and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))  # some are found when they are asked for
            assert found is not None, f"{page.name} names `bst {line}`"
            command = found
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        for word in words:
            assert not word.startswith("--") or word in options, f"`bst {line}`: there is no {word}"


def test_there_are_commands_to_check() -> None:
    assert len(re.findall(r"`bst [a-z]", RUNBOOKS)) > 20


def test_a_refusal_that_the_runbook_names_exists() -> None:
    table = RUNBOOKS.partition("| refusal | cause | cure |")[2].partition("\n\n")[0]
    named = {word for row in table.splitlines() for word in re.findall(r"[A-Z]+(?:_[A-Z]+)+", row.partition(" | ")[0])}
    assert len(named) >= 6
    sources = [*SOURCES.glob("packages/*/src/**/*.py"), *SOURCES.glob("adapters/*/src/**/*.py")]
    code = "\n".join(path.read_text("utf-8") for path in sources)
    # Some go on after a colon with the sender's own word.
    assert {word for word in named if f'"{word}"' not in code and f'"{word}:' not in code} == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH; .ci/run brings it")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "rules.yml", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    """The unit tests of the alerts take it half a minute; .ci/run runs those."""
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the PATH; .ci/run brings it")
def test_promtool_understands_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(EXPRESSIONS.values())
    ]
    written = tmp_path / "dashboard.yml"
    written.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(written)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
