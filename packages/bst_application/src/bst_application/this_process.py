"""Who this process is, for whoever has to know which processes there are."""

import os
import socket
from collections.abc import Callable
from datetime import datetime

from bst_application.flags import Process
from bst_application.ids import uuid7


def this_process(component: str, now: Callable[[], datetime]) -> Process:
    """``component``: api or worker."""
    return Process(key=uuid7(), component=component, host=socket.gethostname(), pid=os.getpid(), now=now)
