"""Faults of the machine: one sentence with the cause and the setting to lower."""

import errno

import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

from overfitting.cli.ending import explained


def caused(error: Exception, by: Exception) -> Exception:
    try:
        raise error from by
    except Exception as found:
        return found


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.npy"), ("No space left on device (a.npy)", "split")),
        (OSError("[Errno 28] Error writing bytes. Detail: [errno 28] No space left on device"), ("free some space",)),
        (RuntimeError("HDF5: unable to write, error message = 'No space left on device'"), ("free some space",)),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), ("Permission denied (runs)", "permissions")),
        (OSError(errno.EROFS, "Read-only file system", "runs"), ("Read-only file system (runs)", "permissions")),
        (OSError(errno.EMFILE, "Too many open files"), ("Too many open files", "ulimit -n", "n_jobs")),
        (OSError(errno.EIO, "Input/output error"), ("Input/output error", "dmesg")),
        (MemoryError("Unable to allocate 12 GiB"), ("out of memory", "n_jobs", "data.rows", "split")),
        (TerminatedWorkerError("A worker process ..."), ("a worker process was killed", "memory", "n_jobs")),
        (caused(ValueError("cannot save"), by=OSError(errno.ENOSPC, "No space left")), ("free some space",)),
        (ZeroDivisionError("division by zero"), None),
        (ValueError("no number"), None),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a"), None),
    ],
)
def test_a_fault_is_explained_and_a_mistake_of_the_program_is_not(error, parts):
    found = explained(error)
    if parts is None:
        assert found is None
    else:
        assert all(part in found for part in parts), found
        assert "\n" not in found
        assert found.endswith("everything finished is kept, and the same command goes on from there")
