"""One epoch as one compiled function: shuffle, train on batches, validate.

All randomness is a function of (seed, epoch, step), so the same seed gives the same bytes in any process.
"""

from collections.abc import Callable
from dataclasses import dataclass

from overfitting.config.schema import Training, Variant
from overfitting.training.backend import keras, resident, tf
from overfitting.training.network import faster, hidden_kernels
from overfitting.training.optimizer import swap_averages
from overfitting.training.remedies import active
from overfitting.training.remedy import Batch, Stream, seed_of
from overfitting.training.rows import TrainingData

STREAMED_STEPS = 32  # batches that are fetched at once
MEASURED_ROWS = 10_000  # validation rows at once

Step = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
Gather = Callable[[tf.Tensor], Batch]
Epoch = Callable[[tf.Tensor], dict[str, tf.Tensor]]


@dataclass(frozen=True)
class Spec:
    """What to train: a variant, with a budget, from a random seed."""

    variant: Variant
    training: Training
    seed: int


@dataclass(frozen=True)
class Learner:
    """A network and the optimizer that trains it."""

    model: keras.Model
    optimizer: keras.Optimizer


def epoch_function(spec: Spec, learner: Learner, data: TrainingData) -> Epoch:
    """A compiled function of the epoch (counted from 1) that trains for its steps, then measures.

    Each epoch visits rows in a random order determined by (seed, epoch), without replacement, and drops the last
    partial batch. `train_log_loss` and `train_accuracy` are means over the batches as they are trained on, with dropout
    and transformed rows, as Keras reports them. The validation rows are measured after the epoch, without dropout and
    in float32. If the optimizer averages weights, the model has the averages between epochs.
    """
    model, optimizer, streaming = learner.model, learner.optimizer, spec.training.streaming
    features, labels = resident(data.train.features, streaming), resident(data.train.labels, streaming)
    val_features, val_labels = resident(data.validation.features), resident(data.validation.labels)
    n_rows, (steps, batch_size) = len(data.train.labels), data.batches(spec.training.batch_size)
    train_batch = _train_batch(spec, learner, data)
    run_steps = _stream_steps if streaming else _run_steps

    def gather(batch: tf.Tensor) -> Batch:
        return tf.gather(features, batch), tf.gather(labels, batch)

    def run_epoch(epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        order = tf.random.experimental.stateless_shuffle(tf.range(n_rows), seed=[spec.seed, epoch])
        batches = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        if optimizer.use_ema and epoch > 1:
            swap_averages(model, optimizer)
        trained, penalty = run_steps(train_batch, gather, batches)
        if optimizer.use_ema:
            swap_averages(model, optimizer)
        validated = _measure(model, val_features, val_labels)
        return {
            "train_log_loss": trained[0],
            "val_log_loss": validated[0],
            "train_accuracy": trained[1],
            "val_accuracy": validated[1],
            "learning_rate": tf.identity(optimizer.learning_rate),
            "penalty": penalty,
        }

    compiled: Epoch = tf.function(run_epoch)
    return compiled


def _train_batch(spec: Spec, learner: Learner, data: TrainingData) -> Step:
    """A step on a batch, transformed as the remedies say."""
    step_function = _step_function(spec, learner)
    transforms = [
        transform
        for remedy in active(spec.variant)
        if (transform := remedy.transform(data.scaling, _stream(spec, learner, remedy.stream))) is not None
    ]

    def train_batch(features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        for transform in transforms:
            features, labels = transform(features, labels)
        return step_function(features, labels)

    return train_batch


def _stream(spec: Spec, learner: Learner, number: int) -> Stream:
    return Stream(seed_of(spec.seed, number), learner.optimizer.iterations)


def _step_function(spec: Spec, learner: Learner) -> Step:
    """One step of the optimizer on a batch -> mean log loss and accuracy of the batch (2,), and the penalty.

    The log loss is that of the labels, also if a remedy has the network learn other targets.
    """
    model, optimizer = learner.model, learner.optimizer
    trained_model = faster(model, optimizer.iterations, spec.training.precision)
    variables, kernels, remedies = model.trainable_variables, hidden_kernels(model), active(spec.variant)

    def step(features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        targets = labels
        for remedy in remedies:
            targets = remedy.targets(targets)
        with tf.GradientTape() as tape:
            logits = trained_model(features, training=True)
            measured = tf.reduce_mean(_row_values(logits, labels), 1)
            penalty = tf.add_n(model.losses) if model.losses else tf.constant(0.0)
            learned = measured[0] if targets is labels else tf.reduce_mean(_row_values(logits, targets)[0])
            loss = learned + penalty
        rate = tf.identity(optimizer.learning_rate)  # `apply` goes on to that of the next step
        optimizer.apply(tape.gradient(loss, variables), variables)
        for remedy in remedies:
            remedy.after_step(kernels, rate)
        return measured, penalty

    # autograph has nothing to convert in Keras's layers and optimizers, and takes a second to see it
    compiled: Step = tf.function(step, autograph=False, jit_compile=spec.training.jit_compile)
    return compiled


def _run_steps(train_batch: Step, gather: Gather, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Train on each of `batches` (steps, batch_size) of row numbers -> mean measures, and the last penalty."""
    total, penalty = tf.zeros(2), 0.0
    for batch in batches:
        measured, penalty = train_batch(*gather(batch))
        total += measured
    return total / len(batches), penalty


def _stream_steps(train_batch: Step, gather: Gather, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `_run_steps`, while the rows of the next batches are fetched from the host's memory."""
    total, penalty = tf.zeros(2), 0.0
    blocks = tf.data.Dataset.from_tensor_slices(batches).batch(STREAMED_STEPS).map(gather)
    fetched = iter(blocks.prefetch(2))
    for _ in tf.range(-(-len(batches) // STREAMED_STEPS)):
        features, labels = next(fetched)
        for step in tf.range(tf.shape(labels)[0]):
            measured, penalty = train_batch(features[step], labels[step])
            total += measured
    return total / len(batches), penalty


def _measure(model: keras.Model, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean log loss and accuracy (2,) of the model on rows, inside a graph."""
    total = tf.zeros(2)
    for start in tf.range(0, len(labels), MEASURED_ROWS):
        piece = slice(start, start + MEASURED_ROWS)
        total += tf.reduce_sum(_row_values(model(features[piece], training=False), labels[piece]), 1)
    return total / len(labels)


def _row_values(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Log loss and accuracy of each row, (2, n_rows), from logits (n_rows, 1); the accuracy thresholds them at 0."""
    logits = tf.squeeze(logits, axis=1)
    log_loss = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
    return tf.stack([log_loss, tf.cast((logits > 0.0) == (labels > 0.5), tf.float32)])
