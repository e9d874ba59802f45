"""What must be listed by name of legacy rows, held against what is listed."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from bst_domain.migration import Difference, DifferenceKind, ExceptionKind, MigrationException, SourceRow

LISTED = "what a person should look at is listed by name with its reason, and nothing else is (semantics 9)"
#: By the row that each names.
Lists = Mapping[SourceRow, Sequence[MigrationException]]


def by_row(listed: Iterable[MigrationException]) -> Lists:
    """A batch's list."""
    lists: dict[SourceRow, list[MigrationException]] = {}
    for each in listed:
        lists.setdefault(each.row, []).append(each)
    return lists


def list_differences(
    must: Iterable[MigrationException],
    lists: Lists,
    rows: Iterable[SourceRow],
    *,
    undecided: Container[tuple[ExceptionKind, SourceRow]],
) -> Iterator[Difference]:
    """Of these rows alone. ``undecided``: what may be listed or not, because somebody has spoken since."""
    wanted = {(each.kind, each.row): each for each in must}
    there = {(each.kind, each.row): each for row in rows for each in lists.get(row, ())}
    for name in sorted(wanted.keys() | there.keys(), key=str):
        want, have = wanted.get(name), there.get(name)
        either = want or have
        expected, found = (None if one is None else one.detail for one in (want, have))
        if expected == found or either is None or name in undecided:
            continue
        kind = DifferenceKind.MISSING_HERE if have is None else DifferenceKind.UNEXPECTED_HERE
        yield Difference(
            kind=DifferenceKind.FIELD_DIFFERS if want is not None and have is not None else kind,
            entity="EXCEPTION",
            key=str(either.row),
            name=f"{either.channel} {either.ref}".strip(),
            field=either.kind.value,
            expected=expected,
            found=found,
            rule=LISTED,
        )
