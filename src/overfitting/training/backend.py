"""Keras and TensorFlow, imported and started without their start-up notes. Real warnings and errors are passed on.

TensorFlow writes these notes from C++ to the file descriptor of stderr, some before any setting of its own is heard.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

ALIGNMENT = 64  # bytes, of tensors that share the memory of an array

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

__all__ = ["keras", "resident", "start", "tf", "without_notes"]


def start(threads: int) -> None:
    """Let this process compute on `threads` cores, deterministically, and share a GPU. Again, it changes nothing."""
    with without_notes():
        if tf.config.threading.get_intra_op_parallelism_threads() == threads:
            return
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.experimental.enable_op_determinism()
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.list_logical_devices()


def resident(array: np.ndarray, on_host: bool = False) -> tf.Tensor:
    """`array` as a tensor that shares its memory where the device is the processor, else copied once to the GPU.

    `array` may be memory-mapped, as `files.read_rows` does it; `on_host` keeps the tensor in the host's memory.
    """
    if not array.flags.writeable or array.ctypes.data % ALIGNMENT:
        with tf.device("CPU" if on_host else None):
            return tf.constant(array)
    tensor = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tensor if on_host else tf.identity(tensor)
