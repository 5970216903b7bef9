"""Small networks, rows and budgets to train in tests, and finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from overfitting.config.schema import CosineSchedule, Training, Variant
from overfitting.data.columns import NAMES, roles
from overfitting.data.scaling import PHI_LIMIT
from overfitting.training.backend import tf
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.epoch import Learner, Spec, epoch_function
from overfitting.training.loop import Trained, train
from overfitting.training.network import build
from overfitting.training.optimizer import adam
from overfitting.training.rows import Rows, TrainingData
from tests.builders.runs import summary

TINY = Variant(hidden_units=(8, 8))
COSINE = CosineSchedule(name="cosine", learning_rate=0.01, reference_width=None, warmup_epochs=1)
ROLES = np.array(roles(NAMES))


def counter(value: int = 0) -> keras.Variable:
    """A variable that counts steps."""
    return keras.Variable(value, dtype="int64", trainable=False)


def rows(n_rows: int = 400, seed: int = 0) -> Rows:
    """Five columns of normal numbers, and labels that depend on the first."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_rows, 5)).astype(np.float32)
    labels = (features[:, 0] + generator.normal(0, 0.5, n_rows) > 0).astype(np.float32)
    return Rows(features, labels)


def budget(**changes: Any) -> Training:
    settings = {"epochs": 4, "batch_size": 50, "patience": None, "schedule": COSINE, **changes}
    return Training(**settings)


def trained(
    variant: Variant = TINY,
    training: Training | None = None,
    learned: Rows | None = None,
    validation: Rows | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Checkpoint | None = None,
    **more: Any,
) -> Trained:
    """Train a run on `learned` rows, by default on 400, validated on 100; `more` are fields of `TrainingData`."""
    data = TrainingData(learned or rows(), validation or rows(100, seed=1), **more)
    return train(Spec(variant, training or budget(), seed), data, callbacks, checkpoint)


def weights_after(variant: Variant, steps: int, rate: Any = 0.01, **settings: Any) -> list[list[np.ndarray]]:
    """Weights of `variant` after 0, 1, ... steps of one batch each; `rate` may be a schedule of Keras."""
    data = rows(50)
    model = build(variant, 5, seed=0)
    learner = Learner(model, adam(variant, model, rate))
    run_epoch = epoch_function(Spec(variant, budget(**settings), 0), learner, TrainingData(data, data))
    found = [model.get_weights()]
    for epoch in range(1, steps + 1):
        run_epoch(tf.constant(epoch))
        found.append(model.get_weights())
    return found


def collisions(n_rows: int = 2000, seed: int = 0) -> np.ndarray:
    """Invented events: positive momenta and masses, angles, b-tags."""
    generator = np.random.default_rng(seed)
    draw = {
        "pt": lambda: generator.lognormal(0, 0.5, n_rows),
        "mass": lambda: generator.lognormal(0, 0.5, n_rows),
        "eta": lambda: generator.normal(0.3, 1, n_rows),
        "phi": lambda: generator.uniform(-PHI_LIMIT, PHI_LIMIT, n_rows) * 0.999,
        "btag": lambda: generator.choice([0.0, 1.1, 2.2], n_rows),
    }
    return np.column_stack([draw[role]() for role in ROLES]).astype(np.float32)


def write_summary(folder: Path, fingerprint: str, **values: Any) -> None:
    """The summary of a finished run."""
    seed, _, repeat = folder.name.partition(".")
    found = summary(int(seed), fingerprint, repeat=int(repeat or 0), **values)
    found.model_copy(update={"variant": folder.parent.name}).write(folder / "summary.json")
