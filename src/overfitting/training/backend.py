"""Imports and configures TensorFlow and Keras without their start-up notes; warnings and errors still appear.

TensorFlow writes these notes from C++ to the file descriptor of stderr, some of them before it reads its log level.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

ALIGNMENT = 64  # bytes, of tensors that share the memory of an array

# notes (I0000 ...), what absl says about them, and notes that this machine has no GPU
_NOTES = re.compile(
    r"^(I\d{4} |WARNING: All log messages before absl|To enable the following instructions"
    r"|E\d{4} .*(cuInit|cuda_dnn|cuda_blas|cuda_fft|Unable to register))"
)


@contextmanager
def without_notes() -> Iterator[None]:
    """Hold back stderr inside, then print all its lines but TensorFlow's notes."""
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
    """Configure TensorFlow: `threads` threads, deterministic kernels, GPU memory growth. Idempotent."""
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
    """`array` as a tensor that shares its memory on the processor, or is copied to the GPU once.

    `array` may be memory-mapped (see `files.read_rows`); `on_host` keeps the tensor in the host's memory.
    """
    if not array.flags.writeable or array.ctypes.data % ALIGNMENT:
        with tf.device("CPU" if on_host else None):
            return tf.constant(array)
    tensor = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tensor if on_host else tf.identity(tensor)
