"""Charts as SVG that stands in the page: bars and a grid, in the page's own colours, with every figure as text, too."""

from collections.abc import Mapping, Sequence
from html import escape

from attrs import frozen

_WIDTH, _ROW, _BAR, _LABEL = 760, 30, 16, 230


@frozen
class Piece:
    """A part of a bar. ``tone``: good, quiet, warn or bad."""

    label: str
    value: int
    tone: str


def stacked(rows: Sequence[tuple[str, Sequence[Piece]]]) -> str:
    """One bar a row, whole as the greatest row; the pieces are named below by their numbers."""
    greatest = max((sum(piece.value for piece in pieces) for _, pieces in rows), default=0)
    if not greatest:
        return ""
    height = len(rows) * (_ROW + 18)
    made = []
    for at, (label, pieces) in enumerate(rows):
        top = at * (_ROW + 18)
        total = sum(piece.value for piece in pieces)
        made.append(f'<text x="0" y="{top + _BAR}" class="label">{escape(label)}</text>')
        left = float(_LABEL)
        for piece in pieces:
            width = piece.value / greatest * (_WIDTH - _LABEL)
            if piece.value:
                width = max(width, 2.0)
                said = escape(f"{label}: {piece.label} {piece.value:,}")
                made.append(
                    f'<rect x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="{_BAR}" class="{piece.tone}">'
                    f"<title>{said}</title></rect>"
                )
            left += width
        words = " · ".join(f"{piece.label} {piece.value:,}" for piece in pieces)
        made.append(f'<text x="{_LABEL}" y="{top + _BAR + 18}" class="small">{escape(f"{total:,}: {words}")}</text>')
    return _svg(height, made, ", ".join(label for label, _ in rows))


def bars(rows: Sequence[tuple[str, int, int]]) -> str:
    """Per row a label, how many are faults and how many are explained; the greatest sum fills the width."""
    pieces = [
        (label, [Piece("differ", wrong, "bad"), Piece("said here later", said, "quiet")]) for label, wrong, said in rows
    ]
    return stacked(pieces)


def grid(cells: Mapping[tuple[str, str], int], rows: Sequence[str], columns: Sequence[str]) -> str:
    """A table of counts, darker where there are more. Cells where both words are the same are quiet: nothing moved."""
    greatest = max((many for (row, column), many in cells.items() if row != column), default=0)
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = []
    for row in rows:
        made = []
        for column in columns:
            many = cells.get((row, column), 0)
            strength = 0 if row == column or not greatest else many / greatest
            tone = "same" if row == column else "moved"
            shade = f' style="--strength:{strength:.2f}"' if tone == "moved" and many else ""
            made.append(f'<td class="{tone}"{shade}>{f"{many:,}" if many else "·"}</td>')
        lines.append(f'<tr><th scope="row">{escape(row)}</th>{"".join(made)}</tr>')
    return f'<table class="grid"><thead><tr><td></td>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def _svg(height: int, made: Sequence[str], title: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{"".join(made)}</svg>'
