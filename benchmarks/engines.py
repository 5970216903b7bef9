"""The same training in four engines, each in a process of its own: this project's, plain Keras, PyTorch, JAX.

An engine is made for `threads` cores, is given a network with `prepare`, and then measures: `run(epochs)` gives the
seconds of that many epochs, compilation and first epoch not included.
"""

import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 500
LEARNING_RATE = 0.001


class Ours:
    """`overfitting.training.loop.epoch_function`, called as the epoch loop does."""

    def __init__(self, threads: int) -> None:
        from overfitting.training import backend

        backend.start(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        from overfitting.config.schema import CosineSchedule, Training, Variant
        from overfitting.training import loop
        from overfitting.training.backend import keras
        from overfitting.training.network import build

        schedule = CosineSchedule(name="cosine", learning_rate=LEARNING_RATE, reference_width=None, warmup_epochs=0)
        budget = Training(epochs=1000, batch_size=BATCH, patience=None, schedule=schedule, **settings)
        train, validation = (loop.Rows(*load_rows(rows, name)) for name in ("train", "validation"))
        network = build(Variant(**variant), train.features.shape[1], seed=0)
        rate = loop.learning_rate(schedule, max(variant["hidden_units"]), budget.epochs, len(train.labels) // BATCH)
        optimizer = keras.optimizers.Adam(rate)
        optimizer.build(network.trainable_variables)
        self._epoch = loop.epoch_function(network, optimizer, train, validation, budget, seed=0)
        self._done = 0
        self.run(1)

    def run(self, epochs: int) -> float:
        from overfitting.training.backend import tf

        def epoch() -> None:
            self._done += 1
            for value in self._epoch(tf.constant(self._done)).values():
                float(value)

        return _seconds(epoch, epochs)

    def run_with_journal(self, epochs: int, path: Path) -> None:
        """Train as a stage does it, an epoch a row of the history."""
        from overfitting.training.backend import tf
        from overfitting.training.history import Journal
        from overfitting.training.loop import COLUMNS

        path.parent.mkdir(parents=True, exist_ok=True)
        with Journal(path, COLUMNS) as journal:
            for epoch in range(epochs):
                began = time.perf_counter()
                measured = {name: float(value) for name, value in self._epoch(tf.constant(epoch + 1)).items()}
                journal.write(epoch, {**measured, "epoch": epoch + 1, "seconds": time.perf_counter() - began})


class KerasFit:
    """`model.fit` fed by tf.data, as TensorFlow's tutorial has it."""

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
        # one epoch more: the first one fills the shuffle buffer and makes the iterators
        self._model.fit(
            train, steps_per_epoch=steps, epochs=epochs + 1, validation_data=validation, callbacks=[watch], verbose=0
        )
        return ends[-1] - ends[0]


def tutorial_datasets(train: tuple[np.ndarray, ...], validation: tuple[np.ndarray, ...]) -> tuple[Any, Any, int]:
    """Training and validation rows as the tutorial feeds them, and the steps of an epoch."""
    from overfitting.training.backend import tf

    def slices(rows: tuple[np.ndarray, ...]) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((rows[0], rows[1][:, None]))

    fed = slices(train).cache().shuffle(10_000).repeat().batch(BATCH)
    return fed, slices(validation).cache().batch(BATCH), len(train[1]) // BATCH


def compile_as_tutorial(model: Any, optimizer: Any) -> None:
    """Loss and metrics of the tutorial; its accuracy thresholded logits at 0.5, which costs the same."""
    from overfitting.training.backend import keras

    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    metrics = [keras.metrics.BinaryCrossentropy(from_logits=True, name="log_loss"), keras.metrics.BinaryAccuracy()]
    model.compile(optimizer, loss, metrics=metrics)


class Products:
    """The bare float32 products of one epoch of `large`'s hidden layers: the machine's own rate at their shapes."""

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
                total *= 0.5  # so that no turn is the same as the one before
            return total

        self._products = products
        self.run(1)

    def run(self, epochs: int) -> float:
        from overfitting.training.backend import tf

        return _seconds(lambda: float(self._products(tf.constant(60))), epochs)


class DropoutLayers:
    """Forward and backward pass of dropout on four layers of 512 units, 20 steps: ours, or Keras's."""

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
        return _seconds(lambda: float(self._passes()), epochs)


class Torch:
    """PyTorch, eager, with its fused Adam."""

    def __init__(self, threads: int | None) -> None:
        import torch

        if threads:
            torch.set_num_threads(threads)

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        import torch

        train, validation = (
            [torch.from_numpy(np.array(part)) for part in load_rows(rows, n)] for n in ("train", "validation")
        )
        stack: list[Any] = []
        width = train[0].shape[1]
        for units in variant["hidden_units"]:
            stack += [torch.nn.Linear(width, units), torch.nn.ELU()]
            if variant.get("dropout"):
                stack.append(torch.nn.Dropout(variant["dropout"]))
            width = units
        network = torch.nn.Sequential(*stack, torch.nn.Linear(width, 1))
        optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, eps=1e-7, fused=True)

        def measure(logits: Any, labels: Any) -> tuple[Any, Any]:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
            return loss, ((logits > 0) == (labels > 0.5)).float().mean()

        def epoch() -> None:
            network.train()
            order = torch.randperm(len(train[1]))
            total = torch.zeros(2)
            for start in range(0, len(order) - BATCH + 1, BATCH):
                batch = order[start : start + BATCH]
                loss, accuracy = measure(network(train[0][batch])[:, 0], train[1][batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += torch.stack([loss.detach(), accuracy])
            network.eval()
            with torch.no_grad():
                [float(value) for value in (*total, *measure(network(validation[0])[:, 0], validation[1]))]

        self._epoch = epoch
        self.run(1)

    def run(self, epochs: int) -> float:
        return _seconds(self._epoch, epochs)


class Jax:
    """JAX with optax: one jitted function an epoch, its steps a scan; masks from its fastest generator."""

    def __init__(self, threads: int | None) -> None:
        import os

        if threads:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        os.environ["JAX_PLATFORMS"] = "cpu"

    def prepare(self, variant: dict[str, Any], rows: dict[str, str], settings: dict[str, Any]) -> None:
        import jax
        import jax.numpy as jnp
        import optax

        (features, labels), (val_features, val_labels) = (
            [jnp.asarray(np.array(part)) for part in load_rows(rows, name)] for name in ("train", "validation")
        )
        widths = [features.shape[1], *variant["hidden_units"], 1]
        rate = variant.get("dropout", 0.0)
        glorot = jax.nn.initializers.glorot_uniform()
        keys = jax.random.split(jax.random.key(0), len(widths))
        weights = [
            (glorot(key, (n_in, n_out)), jnp.zeros(n_out))
            for key, n_in, n_out in zip(keys, widths, widths[1:], strict=False)
        ]
        adam = optax.adam(LEARNING_RATE, eps=1e-7)

        def forward(weights: Any, values: Any, key: Any) -> Any:
            for kernel, bias in weights[:-1]:
                values = jax.nn.elu(values @ kernel + bias)
                if rate and key is not None:
                    key, mask = jax.random.split(key)
                    values = jnp.where(jax.random.bernoulli(mask, 1 - rate, values.shape), values / (1 - rate), 0)
            return (values @ weights[-1][0] + weights[-1][1])[:, 0]

        def measure(logits: Any, labels: Any) -> tuple[Any, Any]:
            return optax.sigmoid_binary_cross_entropy(logits, labels).mean(), ((logits > 0) == (labels > 0.5)).mean()

        def loss(weights: Any, batch: Any, key: Any) -> tuple[Any, Any]:
            return measure(forward(weights, features[batch], key), labels[batch])

        @jax.jit
        def epoch(weights: Any, state: Any, number: Any) -> Any:
            shuffle, masks = jax.random.split(jax.random.key(number, impl="unsafe_rbg"))
            order = jax.random.permutation(shuffle, len(labels))
            batches = order[: len(labels) // BATCH * BATCH].reshape(-1, BATCH)

            def step(carry: Any, inputs: Any) -> Any:
                weights, state = carry
                (value, accuracy), gradient = jax.value_and_grad(loss, has_aux=True)(weights, *inputs)
                updates, state = adam.update(gradient, state, weights)
                return (optax.apply_updates(weights, updates), state), (value, accuracy)

            carry, found = jax.lax.scan(step, (weights, state), (batches, jax.random.split(masks, len(batches))))
            return *carry, jax.tree.map(jnp.mean, found), measure(forward(carry[0], val_features, None), val_labels)

        self._epoch, self._state, self._done = epoch, (weights, adam.init(weights)), 0
        self.run(1)

    def run(self, epochs: int) -> float:
        import jax

        def epoch() -> None:
            self._done += 1
            *state, _, measured = self._epoch(*self._state, self._done)
            self._state = state
            [float(value) for value in jax.tree.leaves(measured)]

        return _seconds(epoch, epochs)


ENGINES: dict[str, Callable[[int], Any]] = {
    "ours": Ours,
    "keras": KerasFit,
    "products": Products,
    "dropout": DropoutLayers,
    "torch": Torch,
    "jax": Jax,
}


def serve(connection: Connection, engine: str, threads: int, core: int | None) -> None:
    """Be the process of one engine: answer (method, arguments) until None comes. `core`: stay on that one."""
    import os
    import warnings

    warnings.simplefilter("ignore")
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    made = ENGINES[engine](threads)
    while (message := connection.recv()) is not None:
        method, arguments = message
        connection.send(getattr(made, method)(*arguments))


def _seconds(function: Callable[[], None], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        function()
    return time.perf_counter() - started


def load_rows(rows: dict[str, str], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of a part, memory-mapped."""
    return tuple(np.load(f"{rows[name]}_{part}.npy", mmap_mode="c") for part in ("features", "labels"))  # type: ignore
