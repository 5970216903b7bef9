"""How a command ends after a user's mistake, or a fault of the machine."""

import errno
import os
import sys
from typing import NoReturn

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
        code = getattr(error, "errno", None)
        codes = [known for known in _CAUSES if known == code or os.strerror(known) in text]
        if codes:
            place = f" ({name})" if (name := getattr(error, "filename", None)) else ""
            return f"{os.strerror(codes[0])}{place}: {_CAUSES[codes[0]]}; {_KEPT}"
    return explained(error.__cause__ or error.__context__)
