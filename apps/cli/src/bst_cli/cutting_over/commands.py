"""The commands of ``bst cutover``."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bst_cli.database import operational_dsn
from bst_cli.long_commands import long_command
from bst_cli.options import Group, data_dir_option, env_file_option, json_option


@click.group(cls=Group)
def cutover() -> None:
    """Reads and writes move from the old admin to core, and back, by flags."""


path_argument = click.argument("path", type=click.Choice(["read", "write"]))
actor_option = click.option("--actor", required=True, help="Who does it; for the audit trail.")
why_option = click.option("--reason", required=True, help="Why; for the audit trail.")


@cutover.command("set")
@path_argument
@click.option("--percent", type=click.FloatRange(0, 100), help="Of the actors; fractions allowed.")
@click.option(
    "--allow", multiple=True, metavar="ACTOR", help="An e-mail or a user id that is let in anyway; repeatable."
)
@click.option("--allow-nobody", is_flag=True, help="Empties the allow-list.")
@click.option("--off", is_flag=True, help="Everybody goes the old way; percentage and list stay for later.")
@click.option("--reset", is_flag=True, help="What the environment says holds again.")
@actor_option
@why_option
@data_dir_option
@json_option
@env_file_option
def set_path(path: str, actor: str, reason: str, data_dir: Path, as_json: bool, **given: Any) -> None:
    """Turn reads or writes, in one step; every process knows within five seconds, without a restart."""
    from bst_application.flags import BadFlagValue
    from bst_application.use_cases.repair import Author
    from bst_application.use_cases.set_cutover import SetCutover
    from bst_cli.cutting_over.state import PATHS, environment_flags, opened, path_json, path_states
    from bst_postgres.flags import PostgresFlagStore

    change = _change(**given)

    async def turn() -> Any:
        async with opened(operational_dsn(data_dir)) as database:
            store, initial = PostgresFlagStore(database), environment_flags()
            turn = SetCutover(store=store, initial=initial, now=lambda: datetime.now(UTC))
            done = await turn(PATHS[path], change, reason=reason, by=Author(actor=actor))
            if isinstance(done, BadFlagValue):
                raise click.UsageError(done.why)
            return next(s for s in path_states(await store.overrides(), initial) if s.path.name == path)

    if not actor.strip() or not reason.strip():
        raise click.UsageError("--actor and --reason must say something: they go into the audit trail")
    state = asyncio.run(turn())
    click.echo(json.dumps(path_json(state), indent=2) if as_json else _path_line(state))


def _change(percent: float | None, allow: Sequence[str], allow_nobody: bool, off: bool, reset: bool) -> Any:
    from bst_application.use_cases.set_cutover import CutoverChange

    stated = percent is not None or bool(allow) or allow_nobody
    if (off or reset) and (stated or (off and reset)):
        raise click.UsageError("--off and --reset stand alone")
    if allow and allow_nobody:
        raise click.UsageError("--allow names somebody, --allow-nobody nobody: which one?")
    if not (stated or off or reset):
        raise click.UsageError("say --percent, --allow, --off or --reset")
    if not allow and not allow_nobody:
        return CutoverChange(percent=percent, off=off, reset=reset)
    if any("," in actor or not actor.strip() for actor in allow):
        raise click.UsageError("--allow takes one e-mail or user id; repeat it for more")
    emails, ids = [a for a in allow if "@" in a], [a for a in allow if "@" not in a]
    return CutoverChange(percent=percent, emails=emails, user_ids=ids)


@cutover.command()
@click.option("--hours", type=click.IntRange(1, 24 * 30), default=24, show_default=True, help="Of shadow reads.")
@data_dir_option
@json_option
@env_file_option
def status(hours: int, data_dir: Path, as_json: bool) -> None:
    """The flags, the processes that live by them, what shadow reads found, and what waits for a decision."""
    from bst_cli.cutting_over import state

    async def ask() -> state.CutoverStatus:
        async with state.opened(operational_dsn(data_dir)) as database:
            return await state.look(database, window=timedelta(hours=hours))

    found = asyncio.run(ask())
    if as_json:
        click.echo(json.dumps(state.status_json(found), indent=2, ensure_ascii=False))
        return
    for path in found.paths:
        click.echo(_path_line(path))
    click.echo(f"strict     {'on: what core refuses is refused' if found.strict else 'off'}")
    for sight in found.sights:
        said = state.sight_json(sight)
        other = "   lives by other flags than this shell says" if state.differs(sight, found.paths) else ""
        click.echo(
            f"process    {said['component']} {said['host']}/{said['pid']}: read {said['read']}, write {said['write']}{other}"
        )
    if not found.sights:
        click.echo("process    none: no API and no worker has given a sign of life for twenty seconds")
    click.echo(f"shadow     {found.shadow_percent}% of reads; in the last {hours} hours:")
    for tally in found.tallies:
        share = tally.mismatched / tally.compared if tally.compared else 0
        click.echo(
            f"           {tally.about.value:<13} {tally.mismatched:>7,} of {tally.compared:,} differ ({share:.2%})"
        )
    for one in map(state.example_json, found.examples):
        click.echo(f"           {one['booking']} {one['field']}: core {one['core']!r}, legacy {one['legacy']!r}")
    counts = found.conflicts
    click.echo(f"conflicts  {counts.open} open, {counts.overdue} overdue, {counts.blocking} for more than 24 hours")
    click.echo(f"rows       {found.unreached} legacy rows without a booking in core")
    for system, mark in found.marks.items():
        click.echo(
            f"watched    {system.value}: {'never' if mark is None else f'up to {mark.at:%Y-%m-%d %H:%M:%S} UTC'}"
        )


@cutover.command()
@click.option("--email", help="The actor's.")
@click.option("--user-id", help="The actor's; counts where there is no e-mail.")
@data_dir_option
@json_option
@env_file_option
def decide(email: str | None, user_id: str | None, data_dir: Path, as_json: bool) -> None:
    """Which way one actor goes, and why."""
    from bst_cli.cutting_over import state
    from bst_domain.migration import canary_bucket, fold_actor
    from bst_postgres.flags import PostgresFlagStore

    async def ask() -> list[state.PathState]:
        async with state.opened(operational_dsn(data_dir)) as database:
            return state.path_states(await PostgresFlagStore(database).overrides(), state.environment_flags())

    seed = fold_actor(email) or fold_actor(user_id)
    bucket = canary_bucket(seed) if seed else None
    decided = [(path, path.decide(email, user_id)) for path in asyncio.run(ask())]
    if as_json:
        answer = {path.path.name: {"on": d.on, "reason": d.reason.value} for path, d in decided}
        click.echo(json.dumps({"actor": seed or None, "bucket": bucket, **answer}, indent=2))
        return
    click.echo(f"actor  {seed or 'nobody'}" + ("" if bucket is None else f" (bucket {bucket})"))
    for path, decision in decided:
        way = "core" if decision.on else "the old way"
        click.echo(f"{path.path.name:<6} {way:<12} {decision.reason.value}, by the {path.said_by}")


@cutover.command()
@click.option(
    "--sample", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Newest tour days first."
)
@data_dir_option
@json_option
@env_file_option
@long_command("cutover shadow")
def shadow(sample: int, data_dir: Path, as_json: bool) -> None:
    """Compare what core has with the old admin's rows, and add to the counters that reads fill."""
    from bst_cli.cutting_over import state
    from bst_cli.cutting_over.sampling import sampled

    async def compare() -> Any:
        async with state.opened(operational_dsn(data_dir)) as database:
            return await sampled(database, state.admin_live(), sample)

    found = asyncio.run(compare())
    differing = {about.value: count for about, count in found.by_field.items() if count}
    if as_json:
        document = {
            "compared": found.compared,
            "missing": found.unmatched,
            "byField": differing,
            "examples": [state.example_json(one) for one in found.examples[:50]],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    click.echo(f"{found.compared:>7,} compared, {found.unmatched:,} rows that core does not have")
    for name, count in differing.items():
        click.echo(f"{count:>7,} differ in {name}")
    for told in map(state.example_json, found.examples[:10]):
        click.echo(f"        {told['booking']} {told['field']}: core {told['core']!r}, legacy {told['legacy']!r}")


@cutover.command()
@click.option("--once", is_flag=True, help="One round.")
@click.option("--interval", type=click.IntRange(1, 3600), help="Rounds, with so many seconds between them.")
@click.option("--since", metavar="INSTANT", help="Where the first round ever begins.  [default: when batch D began]")
@data_dir_option
@json_option
@env_file_option
@long_command("cutover watch")
def watch(once: bool, interval: int | None, since: str | None, data_dir: Path, as_json: bool) -> None:
    """Compare legacy rows that change with their bookings, and play the conflict playbook."""
    from bst_cli.cutting_over.watching import keep_watching
    from bst_domain.values import parse_instant

    if once == (interval is not None):
        raise click.UsageError("say --once, or --interval SECONDS")
    begin = None if since is None else parse_instant(since)
    if since is not None and begin is None:
        raise click.BadParameter("an instant with a zone is expected, for example 2026-03-01T00:00:00+08:00")

    def tell(tally: Any) -> None:
        if as_json:
            played = {module.value: count for module, count in tally.played.items()}
            counts = {
                name: getattr(tally, name) for name in ("rows", "seen", "missing", "rejected", "reviews", "tickets")
            }
            click.echo(json.dumps({**counts, "played": played}))
            return
        acts = ", ".join(f"{module.value} {count}" for module, count in tally.played.items()) or "nothing to do"
        click.echo(
            f"{tally.rows:,} rows changed, {tally.seen:,} known, {tally.missing:,} without a booking, "
            f"{tally.reviews} to review, {tally.tickets} tickets; {acts}"
        )

    asyncio.run(keep_watching(operational_dsn(data_dir), interval=interval, since=begin, tell=tell))


@cutover.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most.")
@data_dir_option
@json_option
@env_file_option
def conflicts(limit: int, data_dir: Path, as_json: bool) -> None:
    """The review queue: what waits for a decision, the soonest due first."""
    from bst_cli.cutting_over.queue import queue_json
    from bst_cli.cutting_over.state import opened
    from bst_postgres.cutover import PostgresWatchLedger

    async def ask() -> list[dict[str, Any]]:
        async with opened(operational_dsn(data_dir)) as database:
            waiting = await PostgresWatchLedger(database).conflicts(limit=limit)
        return [queue_json(one, datetime.now(UTC)) for one in waiting]

    waiting = asyncio.run(ask())
    if as_json:
        click.echo(json.dumps(waiting, indent=2, ensure_ascii=False))
        return
    if not waiting:
        click.echo("nothing waits for a decision")
    for one in waiting:
        late = "OVER 24 H" if one["over24h"] else ("overdue" if one["overdue"] else "")
        click.echo(f"{one['severity']:<7} due {one['dueAt']}  {one['booking']:<28} {one['module']}  {late}")
        for name in one["fields"]:
            click.echo(
                f"        {name}: core {one['core'][name]}, legacy {one['legacy'][name]}, shown {one['shown'][name]}"
            )
        click.echo(f"        settle: POST /v1/ops/bookings/{one['booking']}/conflicts/{one['conflictId']}/resolve")


def _path_line(state: Any) -> str:
    canary = state.canary
    listed = len(canary.emails) + len(canary.user_ids)
    way = f"{canary.percentage:g}% and {listed} on the list" if canary.enabled else "off"
    by = (
        f"by {state.actor} at {state.at:%Y-%m-%d %H:%M:%S} UTC: {state.reason}"
        if state.actor
        else "as the environment says"
    )
    return f"{state.path.name:<10} {way:<26} {by}"
