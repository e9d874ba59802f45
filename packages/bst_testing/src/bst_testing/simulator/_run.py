"""One run: two APIs, two workers, a queue and a database, and everything that can happen to them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from attrs import define, evolve, field, frozen

from bst_application.errors import Conflict, InDoubt, Unavailable
from bst_application.use_cases.accept import AcceptDeliveries, Outcome
from bst_application.use_cases.hand_over import HandOver
from bst_application.use_cases.ingest import IngestDoor, Receipt
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.simulator._judge import NONCE_TTL, Judge
from bst_testing.simulator._operator import operator_act
from bst_testing.simulator._ports import Broker, Stepping, SteppingStorage
from bst_testing.simulator._rounds import ROUNDS, Rounds
from bst_testing.simulator._story import Sending, delivery_of, variations, write_story
from bst_testing.simulator._world import START, Call, World

APIS = ("api-1", "api-2")
WORKERS = ("worker-1", "worker-2")
#: Steps with faults; after them everything gets the time it needs.
STORMY_STEPS = 250
CALM_STEPS = 4000
_JUMPS = [timedelta(seconds=1), timedelta(seconds=30), timedelta(minutes=10), timedelta(hours=2), timedelta(days=1)]


@frozen(kw_only=True)
class Story:
    """How a run ended. ``violations`` is empty when every promise was kept."""

    seed: int
    violations: tuple[str, ...]
    trace: tuple[str, ...]
    events: int


def simulate(seed: int) -> Story:
    """Runs the use cases over ports in memory, in an order that the seed decides. The same seed is the same story."""
    before = logging.root.manager.disable
    logging.disable()  # failures are the point here
    try:
        return asyncio.run(_Run(seed).run())
    finally:
        logging.disable(before)


@define(eq=False)
class _Run:
    seed: int
    world: World = field(init=False)
    judge: Judge = field(init=False, factory=Judge)
    storage: MemoryStorage = field(init=False)
    broker: Broker = field(init=False, factory=Broker)
    rounds: Rounds = field(init=False)
    doors: dict[str, IngestDoor] = field(init=False, factory=dict)
    background: dict[str, asyncio.Task[Any]] = field(init=False, factory=dict)
    outbox: list[Sending] = field(init=False)
    in_hand: dict[asyncio.Task[Any], Sending] = field(init=False, factory=dict)
    chores: list[asyncio.Task[Any]] = field(init=False, factory=list)
    calm: bool = field(init=False, default=False)
    latest: datetime = field(init=False, default=START)
    sent: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.world = World(self.seed)
        self.storage = MemoryStorage(observer=self.judge.watch_commit)
        self.rounds = Rounds(world=self.world, storage=self.storage, broker=self.broker)
        self.outbox = write_story(self.world.random)

    async def run(self) -> Story:
        asyncio.get_running_loop().set_task_factory(cast(Any, self.world.adopt))
        for name in APIS:
            self.start_api(name)
        for _ in range(STORMY_STEPS):
            await self.world.settle()
            self.watch_background()
            self.collect_answers()
            if self.judge.violations or not await self.stormy_step():
                break
        await self.calm_down()
        if not self.judge.violations:
            self.judge.watch_end(self.storage, self.world.now)
        told = tuple(self.world.trace)
        for name in (*APIS, *WORKERS):  # what runs for ever must not outlive the story
            await self.world.kill(name)
        return Story(
            seed=self.seed,
            violations=tuple(self.judge.violations),
            trace=told,
            events=len(self.storage.tables.log),
        )

    def watch_background(self) -> None:
        """What runs for as long as its process must not end before it."""
        for name, task in self.background.items():
            if task.done() and not task.cancelled():
                self.judge.require(False, f"{name}: handing over jobs ended with {task.exception()!r}")

    def start_api(self, name: str) -> None:
        ports: Any = SteppingStorage(self.storage, self.world, name)
        queue: Any = Stepping(self.broker, lambda what: self.world.step(name, what))
        hand_over = HandOver(queue=queue, staged_jobs=ports)
        accept = AcceptDeliveries(
            log=ports, now=self.clock(name), new_id=self.world.new_id, nonce_ttl=NONCE_TTL, stages_jobs=lambda: True
        )
        self.doors[name] = IngestDoor(accept=accept, hand_over=hand_over, inline=None)
        pause = partial(self.world.step, name, "pause")
        self.background[name] = self.world.spawn(name, hand_over.run(pause))
        self.background[f"{name}, unstaging"] = self.world.spawn(name, hand_over.unstaging(pause))

    def clock(self, name: str) -> Callable[[], Any]:
        return partial(self.world.clock, name)

    async def stormy_step(self) -> bool:
        """One thing happens. False when there is nothing left to do."""
        random = self.world.random
        acts: list[tuple[float, Callable[[], Awaitable[None] | None]]] = [
            (6 * len(self.world.calls), self.let_one_through)
        ]
        if self.outbox:
            acts.append((6, self.send))
        elif not (self.world.calls or self.in_hand or self.unsettled()):
            return False
        acts += [(3, self.wake_worker), (0.6, self.kill_one), (0.5, self.move_clock), (0.3, self.disturb_queue)]
        if self.storage.tables.log:
            acts.append((0.8, self.operate))
        weights = [weight for weight, _ in acts]
        [act] = random.choices([act for _, act in acts], weights=weights)
        done = act()
        if done is not None:
            await done
        return True

    def let_one_through(self) -> None:
        call = self.world.random.choice(self.world.calls)
        self.world.let_through(call, self.fault(call))

    def fault(self, call: Call) -> Exception | None:
        """Sometimes the database is gone, chooses a loser, loses the connection while committing, or something is broken."""
        dice = self.world.random.random()
        if self.calm or dice > 0.06:
            return None
        if call.what.endswith("committed"):
            return InDoubt("simulated")
        if call.what.startswith("enqueue"):
            return Unavailable("simulated")
        if call.process in WORKERS and dice < 0.01:
            return RuntimeError("simulated: a bug that shows now and then")
        return Conflict("simulated") if dice < 0.03 else Unavailable("simulated")

    def send(self) -> None:
        random = self.world.random
        sending = self.outbox.pop(random.randrange(len(self.outbox)) if not self.calm else 0)
        api = random.choice(APIS)
        self.world.tell(f"producer: sends {sending.name} nonce={sending.nonce} to {api}")
        self.sent += 1
        task = self.world.spawn(api, self.doors[api](delivery_of(sending, self.world, api)))
        self.in_hand[task] = sending

    def collect_answers(self) -> None:
        """A producer that got no answer tries again, with a fresh nonce; one that got one may still repeat itself."""
        for task in [task for task in self.in_hand if task.done()]:
            sending = self.in_hand.pop(task)
            if task.cancelled() or task.exception() is not None:
                self.outbox.append(evolve(sending, nonce=f"{sending.nonce}'"))
                continue
            receipt: Receipt = task.result()
            self.world.tell(f"producer: {sending.name} is answered {_in_words(receipt.outcome)}")
            self.judge.watch_answer(sending, receipt.outcome, self.storage)
            if not self.calm and len(sending.nonce) < 60:
                self.outbox += variations(self.world.random, sending, self.sent)

    def wake_worker(self) -> None:
        random = self.world.random
        idle = [name for name in WORKERS if self.world.busy(name) < 2]
        if not idle:
            return
        name = random.choice(idle)
        what = random.choice(["job", "job", "job", *ROUNDS])
        if what != "job":
            self.chore(name, self.rounds.round(what, name)())
        elif self.broker.waiting:
            job = self.broker.waiting.popleft()
            if random.random() < 0.2:
                self.broker.waiting.append(job)  # the broker thinks that this worker is gone, and delivers again
            self.chore(name, self.rounds.processor(name)(job.event_ids))
        else:
            return
        self.world.tell(f"{name}: {what}")

    def chore(self, name: str, work: Awaitable[Any]) -> None:
        """A round of a worker's loop; what it does dies with the worker."""
        self.chores.append(self.world.spawn(name, _tolerant(work)))

    async def kill_one(self) -> None:
        name = self.world.random.choice((*APIS, *WORKERS))
        await self.world.kill(name)
        if name in APIS:
            self.start_api(name)

    def operate(self) -> None:
        name = self.world.random.choice(APIS)
        act = operator_act(self.world, self.storage, name)
        if act is not None:
            told, work = act
            self.chore(name, work)
            self.world.tell(f"operator: {told} at {name}")

    def move_clock(self) -> None:
        random = self.world.random
        if random.random() < 0.3:
            self.world.skew[random.choice((*APIS, *WORKERS))] = timedelta(seconds=random.randint(-120, 120))
            return
        jump = -random.choice(_JUMPS[:3]) if random.random() < 0.15 else random.choice(_JUMPS)
        self.world.now += jump
        self.latest = max(self.latest, self.world.now)
        self.world.tell(f"the clock moves by {jump}")

    def disturb_queue(self) -> None:
        if self.world.random.random() < 0.5:
            self.broker.down = not self.broker.down
            self.world.tell(f"the queue is {'down' if self.broker.down else 'up'}")
        else:
            self.broker.waiting.clear()
            self.world.tell("the queue loses everything")

    def unsettled(self) -> bool:
        waiting = any(row.status is ProcessStatus.RECEIVED for row in self.storage.tables.log.values())
        replaying = any(row.status is DeadLetterStatus.REPLAYING for row in self.storage.tables.dead_letters.values())
        return waiting or replaying

    def calm_round(self, what: str) -> None:
        self.chore(WORKERS[0], self.rounds.round(what, WORKERS[0])())

    async def calm_down(self) -> None:
        """No more faults; whatever is still to do gets done, however long the clock has to run for it."""
        self.calm = True
        self.broker.down = False
        self.world.skew.clear()
        self.world.now = max(self.latest, self.world.now)
        self.world.tell("the storm is over")
        rounds: list[str] = []
        for _ in range(CALM_STEPS):
            await self.world.settle()
            self.collect_answers()
            if self.judge.violations:
                return
            if self.world.calls:
                self.world.let_through(self.world.calls[0])
            elif self.outbox:
                self.send()
            elif self.in_hand:
                break  # nobody asks for anything and a producer still waits
            elif not rounds and not (self.unsettled() or self.storage.tables.staged):
                rounds = ["recompute"]
                self.calm_round("recompute")
            elif rounds:
                return
            else:
                self.world.now += timedelta(minutes=5)
                for what in ("relay", "sweep", "leases"):
                    self.calm_round(what)
        self.judge.require(False, "the run never came to rest: somebody waits for ever")


def _in_words(outcome: Outcome) -> str:
    """The outcome and the end of the event's id."""
    event = getattr(outcome, "event_id", None) or getattr(outcome, "first", None)
    return type(outcome).__name__ + ("" if event is None else f" …{str(event)[-4:]}")


async def _tolerant(work: Awaitable[Any]) -> None:
    """What a worker's loop does: an outage ends this round, not the worker."""
    try:
        await work
    except (Unavailable, Conflict, RuntimeError):
        return
