"""Base class of the remedies: every place at which a remedy can act is one method here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from pydantic import TypeAdapter

from overfitting.config.strengths import STRENGTHS, Strength
from overfitting.data.manifest import Manifest
from overfitting.data.scaling import Scaling

if TYPE_CHECKING:  # TensorFlow takes seconds to import, and who checks a configuration needs none
    from overfitting.training.backend import keras, tf

Value = TypeVar("Value")
Batch = tuple["tf.Tensor", "tf.Tensor"]  # features (n_rows, n_features), labels (n_rows,)
Transform = Callable[["tf.Tensor", "tf.Tensor"], Batch]


@dataclass(frozen=True)
class Stream:
    """Random numbers of one run: `seed` of a remedy's own, `step` a variable that counts the optimizer's steps."""

    seed: int
    step: Any


class Remedy(Generic[Value]):
    """What a variant adds to `large`, at a `strength`. A remedy overrides the methods at whose places it acts.

    A subclass is a file of `training/remedies/`, and the file's name is the key in conf/variant/. It declares where it
    acts, the type of its strength (see `overfitting.config.types`) and the value at which it is off; its docstring
    explains the strength to people.
    """

    name: ClassVar[str]
    acts_on: ClassVar[str]
    stream: ClassVar[int] = 0  # number of its random stream, if it transforms batches; they act in this order

    def __init__(self, strength: Value) -> None:
        self.strength = strength

    def __init_subclass__(cls, *, acts_on: str, kind: Any, off: Any) -> None:
        cls.name = cls.__module__.rpartition(".")[2]
        cls.acts_on = acts_on
        about = " ".join((cls.__doc__ or "").partition("\n\n")[0].split())
        STRENGTHS[cls.name] = Strength(TypeAdapter(kind), off, about)

    # rows

    def lacks(self, manifest: Manifest) -> str:
        """What the prepared data lacks for this remedy, and how to provide it; empty if nothing."""
        return ""

    def transform(self, scaling: Scaling | None, stream: Stream) -> Transform | None:
        """Function that replaces each batch before its step; None: batches stay as they are."""
        return None

    # network

    def input_layers(self, seed: int) -> list["keras.Layer"]:
        """Layers between the input and the first hidden layer."""
        return []

    def dense(self) -> dict[str, Any]:
        """Arguments of each hidden `keras.layers.Dense`."""
        return {}

    def before_activation(self) -> list["keras.Layer"]:
        """Layers between a hidden layer's products and its activation."""
        return []

    def after_hidden(self, seed: int) -> list["keras.Layer"]:
        """Layers after each hidden layer; `seed` differs between layers."""
        return []

    # loss

    def penalty(self) -> dict[str, float]:
        """Factors `l1` and `l2` of the penalty on hidden weights (`keras.regularizers.L1L2`)."""
        return {}

    def targets(self, labels: "tf.Tensor") -> "tf.Tensor":
        """What is learned in place of the labels (n_rows,)."""
        return labels

    # optimizer

    def adam(self) -> dict[str, Any]:
        """Arguments of `keras.optimizers.Adam`; `weight_decay` acts on hidden kernels alone."""
        return {}

    def after_step(self, kernels: "list[keras.Variable]", learning_rate: "tf.Tensor") -> None:
        """Change the hidden `kernels` after a step that was taken with `learning_rate`."""


def seed_of(seed: int, stream: int) -> int:
    """Seed of the random stream of that number for a run's `seed`, apart from the seeds of the layers."""
    return int(np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(stream + 1)[stream])
