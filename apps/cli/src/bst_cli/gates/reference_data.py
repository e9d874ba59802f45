"""B-01 to B-03: everything that other rows refer to by a word is there, and no row uses another word.

B-01: the six channels, switched on (seed script 010). B-02: the codes of the ref_* tables, neither fewer nor more than the domain
knows (011 and 012). B-03: statuses and types that no constraint checks hold only words of the domain.
"""

from bst_cli.gates.batch import batch_code, batch_member, first
from bst_cli.gates.carrying import Gate, Given, as_command
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import THRESHOLDS, reference_checks
from bst_postgres.batch_figures import PostgresBatchFigures

_NAMES = "B-01_channel_registry", "B-02_vocabularies", "B-03_unknown_words"
CURES = {
    "B-01_channel_registry": "Run bst migrate run --batch B for what is missing; a channel that nobody knows has no place here,"
    " one that is switched off takes no bookings.",
    "B-02_vocabularies": "Run bst migrate run --batch B for what is missing; remove what is unknown by hand.",
    "B-03_unknown_words": "Whoever wrote these rows went past the door: the report names table, column and word.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Compares in the database."""
    async with around.database() as database:
        figures = await PostgresBatchFigures(database).reference()
    return Judged(
        config={name: THRESHOLDS[name].limit for name in _NAMES},
        summary={
            "channels": figures.channels,
            "channelsWrong": first(figures.channels_wrong),
            "vocabularyCodes": figures.codes,
            "vocabularyCodesWrong": first(figures.codes_wrong),
            "wordedRows": figures.worded_rows,
            "unknownWordRows": figures.unknown_word_rows,
            "unknownWords": first(figures.unknown_words),
        },
        findings=judged_checks(reference_checks(figures), CURES),
        more=batch_member(given),
    )


GATE = Gate(
    name="reference-data",
    id="REFERENCE_DATA_BATCH_B",
    title="B-01 to B-03 Reference data",
    folder="gates/reference-data",
    help="B-01 to B-03: channels and vocabularies are complete, and no row speaks other words.",
    settings=[batch_code("B")],
    measure=measure,
    keys=(Keys(result="REFERENCE_DATA_GATE_RESULT", json="REFERENCE_DATA_GATE_JSON", md="REFERENCE_DATA_GATE_MD"),),
    style=BatchStyle(batch="B"),
)
command = as_command(GATE)
