"""What a worker does without a job: one round of each of its loops, over ports that stop at every call."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from attrs import frozen

from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.recompute import RecomputeTurning
from bst_application.use_cases.relay import RelayStagedJobs, SweepDueEvents
from bst_application.use_cases.repair import TakeBackStuckReplays
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.simulator._judge import NONCE_TTL
from bst_testing.simulator._ports import Broker, Stepping, SteppingStorage
from bst_testing.simulator._world import World

ROUNDS: Final = ("relay", "sweep", "recompute", "forget nonces", "leases")


@frozen(kw_only=True)
class Rounds:
    """Whose rounds they are, and on what."""

    world: World
    storage: MemoryStorage
    broker: Broker

    def processor(self, worker: str) -> ProcessEvents:
        ports: Any = SteppingStorage(self.storage, self.world, worker)
        return ProcessEvents(store=ports, now=partial(self.world.clock, worker), new_id=self.world.new_id)

    def round(self, what: str, worker: str) -> Callable[[], Awaitable[Any]]:
        """One of ROUNDS, by this worker's clock."""
        ports: Any = SteppingStorage(self.storage, self.world, worker)
        queue: Any = Stepping(self.broker, partial(self.world.step, worker))
        now = partial(self.world.clock, worker)
        rounds: dict[str, Callable[[], Awaitable[Any]]] = {
            "relay": RelayStagedJobs(staged_jobs=ports, queue=queue, now=now),
            "sweep": SweepDueEvents(store=ports, process=self.processor(worker), now=now),
            "recompute": RecomputeTurning(store=ports, now=now),
            "forget nonces": lambda: ports.forget_nonces(before=now() - NONCE_TTL),
            "leases": TakeBackStuckReplays(desk=ports, now=now),
        }
        return rounds[what]
