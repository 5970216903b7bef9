"""How a process ends: after a user's mistake, after a fault of the machine, or because its parent was killed."""

import errno
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from typing import NoReturn

import psutil

INTERVAL = 1.0  # seconds between two looks at a parent
_WORKERS = "lower hydra.launcher.n_jobs"
_KEPT = "everything finished is kept, and the same command goes on from there"
_SPACE = "free some space, or lower data.rows or split"
_PERMITTED = "change its permissions, or mount the disk for writing"
_CAUSES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "raise the limit (`ulimit -f unlimited`), or lower data.rows or split",
    errno.EROFS: _PERMITTED,
    errno.EACCES: _PERMITTED,
    errno.EPERM: _PERMITTED,
    errno.EMFILE: f"raise the limit (`ulimit -n 4096`), or {_WORKERS}",
    errno.ENFILE: _WORKERS,
    errno.EIO: "the disk or its connection may be broken: see the log of the system (`dmesg`)",
}


def fail(command: str, message: object) -> NoReturn:
    """Print the message on standard error, after the name of the command, and exit with status 2."""
    print(f"overfitting {command}: {message}", file=sys.stderr)
    sys.exit(2)


def explained(error: BaseException | None) -> str | None:
    """A sentence about a fault of the machine, with the setting to lower; None if the program is at fault."""
    if error is None:
        return None
    if type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool"):
        return f"a worker process was killed, most likely because memory ran out: {_WORKERS}; {_KEPT}"
    text = str(error)
    if isinstance(error, MemoryError) or "OOM when allocating" in text:  # TensorFlow
        return f"out of memory: {_WORKERS}, data.rows or split; {_KEPT}"
    if isinstance(error, OSError | RuntimeError | ValueError):
        code, place = getattr(error, "errno", None), getattr(error, "filename", None)
        for known, advice in _CAUSES.items():
            if known == code or os.strerror(known) in text:
                return f"{os.strerror(known)}{f' ({place})' if place else ''}: {advice}; {_KEPT}"
    return explained(error.__cause__ or error.__context__)


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
