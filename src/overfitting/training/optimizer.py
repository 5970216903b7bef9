"""Adam, with the arguments that remedies give it, and its learning rate by step."""

import math
from typing import Any

from overfitting.config.schema import CosineSchedule, InverseTimeSchedule, Schedule, Variant
from overfitting.training.backend import keras, tf
from overfitting.training.network import hidden_kernels
from overfitting.training.remedies import active


def learning_rate(
    schedule: Schedule, width: int, epochs: int, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Keras's schedule for `schedule` and a network whose widest hidden layer has `width` units, counted in steps.

    Raises:
        TypeError: an unknown kind of schedule.
    """
    match schedule:
        case InverseTimeSchedule():
            return keras.optimizers.schedules.InverseTimeDecay(
                schedule.learning_rate, decay_steps=schedule.decay_epochs * steps_per_epoch, decay_rate=1.0
            )
        case CosineSchedule():
            peak = schedule.learning_rate * math.sqrt((schedule.reference_width or width) / width)
            warmup = min(schedule.warmup_epochs, epochs - 1) * steps_per_epoch
            return keras.optimizers.schedules.CosineDecay(
                0.0 if warmup else peak,
                decay_steps=epochs * steps_per_epoch - warmup,
                warmup_target=peak if warmup else None,
                warmup_steps=warmup,
            )
    raise TypeError(schedule)


def adam(variant: Variant, model: keras.Model, schedule: Any) -> keras.Optimizer:
    """Keras's Adam for `model`; a decay of weights acts on hidden kernels alone."""
    arguments: dict[str, Any] = {}
    for remedy in active(variant):
        arguments |= remedy.adam()
    optimizer = keras.optimizers.Adam(schedule, **arguments)
    if optimizer.weight_decay:
        decaying = {id(kernel) for kernel in hidden_kernels(model)}
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if id(v) not in decaying])
    optimizer.build(model.trainable_variables)
    return optimizer


def swap_averages(model: keras.Model, optimizer: keras.Optimizer) -> None:
    """Exchange the weights with their moving averages, as `keras.callbacks.SwapEMAWeights` does."""
    for variable, average in zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True):
        weights = tf.identity(variable.value)
        variable.assign(average.value)
        average.assign(weights)
