"""The gates of the batch before, measured when somebody asks for the next one: nobody has to know which they are."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from bst_cli.gates import GATES
from bst_cli.gates.carrying import Gate, conclude, in_the_open
from bst_cli.gates.release import given_by_environment
from bst_cli.migrating.holding import holds
from bst_cli.trouble import Trouble
from bst_domain.gates import GATES_OF, Hold

#: Those of the other batches look at a running API over a while; an operator starts them when it has something to show.
_MEASURED = frozenset(gate for batch in "ABCDE" for gate in GATES_OF[batch])


async def judged(dsn: str, batch: str, data_dir: Path, reports: Path) -> Sequence[Hold]:
    """What holds the batch, once every gate that has not passed for the last run has been measured (again).

    Raises Unavailable, and SchemaBehind before batch A has run.
    """
    asked = [hold.what for hold in await holds(dsn, batch) if hold.what in _MEASURED]
    if not asked:
        return await holds(dsn, batch)
    async with in_the_open(None, data_dir, as_json=True) as around:
        for name in asked:
            gate: Gate = import_module(f"bst_cli.gates.{GATES[name]}").GATE
            around.progress(asked.index(name) / len(asked), f"gate {name}")
            try:
                concluded = await conclude(gate, around, given_by_environment(gate), reports)
            except Trouble as trouble:
                click.echo(f"gate {name}: not measured: {trouble.what}", err=True)
                continue
            click.echo(f"gate {name}: {concluded.judged.verdict}, {concluded.written.md_path}", err=True)
    return await holds(dsn, batch)
