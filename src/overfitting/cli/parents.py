"""Ends processes whose parent was killed, so that none stays behind."""

import os
import signal
import threading
import time
from functools import cache

INTERVAL = 1.0  # seconds between two looks


@cache
def end_with(parent: int) -> None:
    """Kill this process soon after the process `parent`, which started it, has ended; repeated calls change nothing."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL)
        os.kill(os.getpid(), signal.SIGKILL)  # as its parent; nobody is left to read a message

    threading.Thread(target=watch, daemon=True).start()
