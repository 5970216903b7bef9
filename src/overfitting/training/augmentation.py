"""What happens to a batch before a step: symmetries of collisions, and mixup. All of it follows from (seed, step)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from overfitting.base.errors import UserError
from overfitting.config.schema import Variant
from overfitting.data.scaling import PHI_LIMIT, Scaling
from overfitting.training.backend import tf
from overfitting.training.layers import seed_of

Batch = tuple[tf.Tensor, tf.Tensor]
Transform = Callable[[tf.Tensor, tf.Tensor], Batch]

_STREAM = 1  # apart from the seeds of the layers


def augmentation(variant: Variant, scaling: Scaling | None, seed: int, step: Any) -> Transform:
    """Function of scaled features (n_rows, n_features) and labels (n_rows,) that gives what is trained on instead.

    `step` is a variable that counts the steps.

    Raises:
        UserError: `symmetry` is asked for, and the columns are not those of collisions.
    """
    first, second = np.random.SeedSequence(seed, spawn_key=(_STREAM,)).generate_state(2).tolist()
    transforms: list[Transform] = []
    if variant.symmetry:
        transforms.append(_symmetry(scaling, first, step))
    if variant.mixup:
        transforms.append(_mixup(variant.mixup, second, step))

    def transformed(features: tf.Tensor, labels: tf.Tensor) -> Batch:
        for transform in transforms:
            features, labels = transform(features, labels)
        return features, labels

    return transformed


def _symmetry(scaling: Scaling | None, seed: int, step: Any) -> Transform:
    """Turns each event by an angle of its own about the beam (phi), and reflects half of them in phi, half in eta."""
    roles = np.array(scaling.feature_roles if scaling else [])
    if scaling is None or not {"phi", "eta"} <= set(scaling.roles):
        raise UserError("variant.symmetry: expected columns of collisions (phi, eta), as HIGGS has them; found none")
    if scaling.edges:
        raise UserError(
            "variant.symmetry: expected preprocessing=standard, symmetry or none; piecewise hides the angles"
        )
    if scaling.symmetry:
        return lambda features, labels: (features, labels)  # these columns are the same for all images of an event
    phi, eta = (tf.constant(roles == role) for role in ("phi", "eta"))
    mean, deviation = (tf.constant(values, tf.float32) for values in (scaling.mean, scaling.deviation))

    def transform(features: tf.Tensor, labels: tf.Tensor) -> Batch:
        draws = tf.random.stateless_uniform([tf.shape(features)[0], 3], seed_of(seed, step), -1.0, 1.0)
        raw = features * deviation + mean
        raw = tf.where(phi, raw * tf.sign(draws[:, :1]), tf.where(eta, raw * tf.sign(draws[:, 1:2]), raw))
        turned = tf.math.floormod(raw + PHI_LIMIT * (1.0 + draws[:, 2:]), 2 * PHI_LIMIT) - PHI_LIMIT
        return tf.where(phi | eta, (tf.where(phi, turned, raw) - mean) / deviation, features), labels

    return transform


def _mixup(alpha: float, seed: int, step: Any) -> Transform:
    """Mixes each row and its label with another's, by shares from Beta(alpha, alpha) (Zhang et al. 2018)."""

    def transform(features: tf.Tensor, labels: tf.Tensor) -> Batch:
        gammas = tf.random.stateless_gamma([tf.shape(labels)[0], 2], seed_of(seed, step), alpha)
        share = tf.math.divide_no_nan(gammas[:, 0], tf.reduce_sum(gammas, 1))
        # rows come in random order, so that the next one is as good as any
        other_features, other_labels = tf.roll(features, 1, 0), tf.roll(labels, 1, 0)
        mixed = share[:, None] * features + (1.0 - share[:, None]) * other_features
        return mixed, share * labels + (1.0 - share) * other_labels

    return transform
