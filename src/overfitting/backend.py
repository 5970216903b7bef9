"""Keras and TensorFlow, imported and started without their start-up notes. Real warnings and errors are passed on.

TensorFlow writes these notes from C++ to the file descriptor of stderr, some before any setting of its own is heard.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# notes (I0000 ...), what absl says of them, and that a machine without a GPU has none
_NOTES = re.compile(
    r"^(I\d{4} |WARNING: All log messages before absl|To enable the following instructions"
    r"|E\d{4} .*(cuInit|cuda_dnn|cuda_blas|cuda_fft|Unable to register))"
)


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold back what is written to stderr inside, then pass on all lines but TensorFlow's notes."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile("w+", errors="replace") as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            sys.stderr.writelines(line for line in held if not _NOTES.match(line))


with without_notes():
    import keras
    import tensorflow as tf

__all__ = ["keras", "start", "tf", "without_notes"]


def start(threads: int) -> None:
    """Let this process compute on `threads` cores, deterministically. Calling it again changes nothing."""
    with without_notes():
        if tf.config.threading.get_intra_op_parallelism_threads() == threads:
            return
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.experimental.enable_op_determinism()
        tf.config.list_logical_devices()
