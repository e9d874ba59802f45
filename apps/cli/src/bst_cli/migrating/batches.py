"""The batches, in order: what each writes, and what it needs."""

from attrs import frozen


@frozen(kw_only=True)
class Batch:
    """One step of moving in. ``reads``: whether it needs the two legacy databases."""

    code: str
    title: str
    writes: str
    reads: bool = True


BATCHES = {
    batch.code: batch
    for batch in (
        Batch(code="A", title="schema", writes="tables, indexes and constraints of the target schema", reads=False),
        Batch(code="B", title="reference data", writes="channels and vocabularies", reads=False),
        Batch(
            code="C",
            title="catalog bridge",
            writes="products, variants, rates, their references, and what nobody can map to the unmapped queue",
        ),
        Batch(
            code="D",
            title="booking bridge",
            writes="bookings with contact, party, items, assignment, references and facts; exceptions by name",
        ),
        Batch(
            code="E",
            title="payment and finance bridge",
            writes="payments, finance and the statuses that follow; orphan payments to the unmapped queue",
        ),
        Batch(
            code="F",
            title="ingest activation",
            writes="the flags that let live events in, when API, worker, queue and producers are ready",
            reads=False,
        ),
        Batch(
            code="G", title="read cutover", writes="the flags that let reads through core, step by step", reads=False
        ),
        Batch(
            code="H", title="write cutover", writes="the flags that let writes through core, step by step", reads=False
        ),
    )
}
