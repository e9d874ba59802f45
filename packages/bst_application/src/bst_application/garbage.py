"""How a process that lives long looks for garbage: seldom, and never among what it was made of."""

import gc
from typing import Final

#: A body and its facts are some hundred objects without a cycle: Python's 700 would look for cycles at every other event.
YOUNG_OBJECTS: Final = 20_000


#: A chunk of back-fill is some hundred thousand objects, all of them gone with it and none in a cycle.
CHUNK_OBJECTS: Final = 2_000_000


def collect_seldom(young_objects: int = YOUNG_OBJECTS) -> None:
    """To be called when all is wired and before the work begins; holds for the whole process."""
    gc.freeze()  # what is there now stays for ever; no collection needs to look at it again
    gc.set_threshold(young_objects)
