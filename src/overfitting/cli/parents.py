"""Ends processes whose parent was killed, so that none stays behind."""

import os
import signal
import threading
import time
from contextlib import suppress
from functools import cache

import psutil

INTERVAL = 1.0  # seconds between two looks


def end_with_dvc() -> None:
    """If DVC started this process as a stage, kill it soon after DVC has ended."""
    stage, dvc = os.environ.get("DVC_STAGE"), os.getppid()
    if not stage:
        return
    with suppress(psutil.Error):  # some systems hide the environment of other processes
        # a shell may stand between DVC and the stage; it has the stage's environment
        starters = (found.pid for found in psutil.Process().parents() if found.environ().get("DVC_STAGE") != stage)
        dvc = next(starters, dvc)
    end_with(dvc)


@cache
def end_with(ancestor: int) -> None:
    """Kill this process soon after the process `ancestor` has ended; repeated calls change nothing."""

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            watched = psutil.Process(ancestor)
            while watched.is_running() and watched.status() != psutil.STATUS_ZOMBIE:
                time.sleep(INTERVAL)
        os.kill(os.getpid(), signal.SIGKILL)  # as its ancestor; nobody is left to read a message

    threading.Thread(target=watch, daemon=True).start()
