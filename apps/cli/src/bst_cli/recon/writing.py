"""The reports on disk: JSON, Markdown, a page, and the lists as CSV."""

import json
from datetime import datetime
from pathlib import Path

from attrs import frozen

from bst_application.comparison_report import ComparisonReport
from bst_cli.recon.document import differences_csv, document, exceptions_csv
from bst_cli.recon.markdown import markdown
from bst_cli.recon.page import page
from bst_cli.trouble import Trouble
from bst_domain.values import format_instant


@frozen(kw_only=True)
class Written:
    """Where they are."""

    json: Path
    markdown: Path
    html: Path


def write(root: Path, report: ComparisonReport, *, at: datetime) -> Written:
    """Under ``root/recon/{batch}/{timestamp}``. Raises Trouble."""
    stamp = format_instant(at).replace(":", "-").replace(".", "-")
    place = (root / "recon" / report.batch / stamp).absolute()
    files = {
        "report.json": json.dumps(document(report), ensure_ascii=False, indent=2) + "\n",
        "report.md": markdown(report),
        "index.html": page(report),
        "differences.csv": differences_csv([*report.faults, *report.explained]),
        "exceptions.csv": exceptions_csv(report),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (place / name).write_text(text, "utf-8")
    except OSError as error:
        raise Trouble(
            f"the report cannot be written to {place}: {error.strerror}", "Give another folder with --out."
        ) from error
    return Written(json=place / "report.json", markdown=place / "report.md", html=place / "index.html")
