"""The same training in this project and in plain Keras, and the parts that dominate its time (peers.py has the rest).

An engine is created for a number of threads and gets a network with `prepare`. `run(epochs)` then returns the seconds
for that many epochs, without compilation and without the first epoch.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 500
LEARNING_RATE = 0.001


class Ours:
    """`overfitting.training.epoch.epoch_function`, called as in the training loop."""

    def __init__(self, threads: int) -> None:
        from overfitting.training import backend

        backend.start(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        from overfitting.config.schema import CosineSchedule, Training, Variant
        from overfitting.training.backend import keras
        from overfitting.training.epoch import Learner, Spec, epoch_function
        from overfitting.training.network import build
        from overfitting.training.optimizer import learning_rate
        from overfitting.training.rows import Rows, TrainingData

        schedule = CosineSchedule(name="cosine", learning_rate=LEARNING_RATE, reference_width=None, warmup_epochs=0)
        budget = Training(epochs=1000, batch_size=BATCH, patience=None, schedule=schedule, **settings)
        train, validation = (Rows(*load_rows(rows, name)) for name in ("train", "validation"))
        spec, data = Spec(Variant(**variant), budget, seed=0), TrainingData(train, validation)
        network = build(spec.variant, train.features.shape[1], spec.seed)
        rate = learning_rate(schedule, max(variant["hidden_units"]), budget.epochs, data.steps(BATCH))
        optimizer = keras.optimizers.Adam(rate)
        optimizer.build(network.trainable_variables)
        self._epoch = epoch_function(spec, Learner(network, optimizer), data)
        self._done = 0
        self.run(1)

    def run(self, epochs: int) -> float:
        from overfitting.training.backend import tf

        def epoch() -> None:
            self._done += 1
            for value in self._epoch(tf.constant(self._done)).values():
                float(value)

        return seconds(epoch, epochs)

    def run_with_journal(self, epochs: int, path: Path) -> None:
        """Train and write one row of history per epoch, as the stage does."""
        from overfitting.training.backend import tf
        from overfitting.training.history import Journal

        path.parent.mkdir(parents=True, exist_ok=True)
        with Journal(path) as journal:
            for epoch in range(epochs):
                began = time.perf_counter()
                measured = {name: float(value) for name, value in self._epoch(tf.constant(epoch + 1)).items()}
                journal.write(epoch, {**measured, "epoch": epoch + 1, "seconds": time.perf_counter() - began})


class KerasFit:
    """`model.fit` fed by `tf.data`, as in TensorFlow's tutorial."""

    def __init__(self, threads: int | None) -> None:
        from overfitting.training.backend import tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        from overfitting.config.schema import Variant
        from overfitting.training.backend import keras
        from overfitting.training.network import build

        train, validation = load_rows(rows, "train"), load_rows(rows, "validation")
        self._data = tutorial_datasets(train, validation)
        self._model = build(Variant(**variant), train[0].shape[1], seed=0)
        compile_as_tutorial(self._model, keras.optimizers.Adam(LEARNING_RATE))
        self.run(1)

    def run(self, epochs: int) -> float:
        from overfitting.training.backend import keras

        ends: list[float] = []
        watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
        train, validation, steps = self._data
        # one more epoch, because the first one fills the shuffle buffer and creates the iterators
        self._model.fit(
            train, steps_per_epoch=steps, epochs=epochs + 1, validation_data=validation, callbacks=[watch], verbose=0
        )
        return ends[-1] - ends[0]


def tutorial_datasets(train: tuple[np.ndarray, ...], validation: tuple[np.ndarray, ...]) -> tuple[Any, Any, int]:
    """Training and validation rows as the tutorial feeds them, and the number of steps per epoch."""
    from overfitting.training.backend import tf

    def slices(rows: tuple[np.ndarray, ...]) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((rows[0], rows[1][:, None]))

    fed = slices(train).cache().shuffle(10_000).repeat().batch(BATCH)
    return fed, slices(validation).cache().batch(BATCH), len(train[1]) // BATCH


def compile_as_tutorial(model: Any, optimizer: Any) -> None:
    """Compile with the tutorial's loss and metrics (its accuracy thresholds logits at 0.5, at the same cost)."""
    from overfitting.training.backend import keras

    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    metrics = [keras.metrics.BinaryCrossentropy(from_logits=True, name="log_loss"), keras.metrics.BinaryAccuracy()]
    model.compile(optimizer, loss, metrics=metrics)


class Products:
    """The float32 matrix products of the hidden layers of `large` alone: the machine's speed limit at these shapes."""

    def __init__(self, threads: int) -> None:
        from overfitting.training import backend

        backend.start(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        from overfitting.training.backend import tf

        units = variant["hidden_units"][0]
        generator = np.random.default_rng(0)
        inputs, gradient = (tf.constant(generator.normal(size=(BATCH, units)), tf.float32) for _ in range(2))
        kernel = tf.constant(generator.normal(size=(units, units)), tf.float32)
        self.operations = 3 * 2 * BATCH * units * units

        @tf.function
        def products(times: Any) -> Any:
            total = tf.zeros(())
            for _ in tf.range(times):
                total += tf.matmul(inputs, kernel)[0, 0]
                total += tf.matmul(gradient, kernel, transpose_b=True)[0, 0]
                total += tf.matmul(inputs, gradient, transpose_a=True)[0, 0]
                total *= 0.5  # makes every iteration different
            return total

        self._products = products
        self.run(1)

    def run(self, epochs: int) -> float:
        from overfitting.training.backend import tf

        return seconds(lambda: float(self._products(tf.constant(60))), epochs)


class DropoutLayers:
    """Forward and backward pass through four dropout layers of 512 units, 20 steps: this project's or Keras's."""

    def __init__(self, threads: int) -> None:
        from overfitting.training import backend

        backend.start(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        from overfitting.training import layers
        from overfitting.training.backend import keras, tf

        step = tf.Variable(0, dtype=tf.int64)
        counter = keras.Variable(0, dtype="int64")
        rate = variant["dropout"]
        if settings["ours"]:
            stack = [layers.Dropout(rate, seed, counter) for seed in range(4)]
        else:
            stack = [keras.layers.Dropout(rate, seed=seed) for seed in range(4)]
        inputs = tf.ones((BATCH, 512))

        @tf.function
        def passes() -> Any:
            total = tf.zeros(())
            for _ in tf.range(20):
                counter.assign_add(1)
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    values = inputs
                    for layer in stack:
                        values = layer(values, training=True)
                total += tape.gradient(values, inputs)[0, 0]
            step.assign_add(20)
            return total

        self._passes = passes
        self.run(1)

    def run(self, epochs: int) -> float:
        return seconds(lambda: float(self._passes()), epochs)


def seconds(function: Callable[[], None], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        function()
    return time.perf_counter() - started


def load_rows(rows: dict[str, str], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (n_rows, n_features) and labels (n_rows,) of a set, memory-mapped."""
    features, labels = (np.load(f"{rows[name]}_{part}.npy", mmap_mode="c") for part in ("features", "labels"))
    return features, labels
