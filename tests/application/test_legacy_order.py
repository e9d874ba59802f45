"""In which order legacy rows are worked on: each once, those of one booking together, and on from wherever it stopped."""

from collections.abc import AsyncIterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bst_application.legacy_order import LegacyOrder
from bst_application.ports.legacy import LegacyName
from bst_domain.migration import BackfilledRefs, LegacySystem, backfilled_refs

SYSTEMS = list(LegacySystem)
refs = st.sampled_from(["A", " a ", "B", "C", "", None, "x" * 200, "DIRECT-3", "BS-3", "direct-7", "BS-7", "OPS-3"])


@st.composite
def tables(draw: st.DrawFn) -> list[LegacyName]:
    """Both tables, by id."""
    names = []
    for system in SYSTEMS:
        for row_id in sorted(draw(st.sets(st.integers(1, 9), max_size=9))):
            channel = "DIRECT" if system is LegacySystem.SHOP else draw(st.sampled_from(["DIRECT", "GYG"]))
            names.append(LegacyName(system, row_id, channel, draw(refs)))
    return names


async def order_of(names: Sequence[LegacyName]) -> LegacyOrder:
    async def groups() -> AsyncIterator[Sequence[LegacyName]]:
        for start in range(0, len(names), 3):
            yield names[start : start + 3]

    return await LegacyOrder.of(groups())


@given(tables(), st.integers(1, 7))
async def test_each_row_comes_once_and_rows_of_one_booking_together(names: list[LegacyName], size: int) -> None:
    order = await order_of(names)
    chunks = list(order.chunks(size, None))
    came = [(system, row_id) for chunk in chunks for system in SYSTEMS for row_id in chunk.ids[system]]
    assert sorted(came) == sorted((name.system, name.row_id) for name in names)
    place = {
        (system, row_id): number
        for number, chunk in enumerate(chunks)
        for system in SYSTEMS
        for row_id in chunk.ids[system]
    }
    where: dict[tuple[str, str], set[int]] = {}
    for name in names:
        refs = backfilled_refs(name.system, name.row_id, name.ref)
        if isinstance(refs, BackfilledRefs):
            for ref in (refs.ref, *refs.aliases):
                where.setdefault((name.channel, ref), set()).add(place[name.system, name.row_id])
    assert all(len(places) == 1 for places in where.values())
    assert [chunk.end.done for chunk in chunks][-1:] == ([len(names)] if names else [])
    assert order.rows == len(names)


@given(tables(), st.integers(1, 7), st.integers(0, 20))
async def test_going_on_from_the_end_of_a_chunk_leaves_out_what_is_done(
    names: list[LegacyName], size: int, stopped: int
) -> None:
    order = await order_of(names)
    chunks = list(order.chunks(size, None))
    if stopped < len(chunks):
        assert list(order.chunks(size, chunks[stopped].end)) == chunks[stopped + 1 :]
