import numpy as np

from overfitting.base.errors import UserError
from overfitting.config.types import Flag
from overfitting.data.manifest import Manifest
from overfitting.data.scaling import PHI_LIMIT, Scaling
from overfitting.training.remedy import Batch, Remedy, Stream, Transform


class Symmetry(Remedy[bool], acts_on="rows", kind=Flag, off=False):
    """Each collision is rotated about the beam by a random angle, and reflected in phi and in eta at random."""

    stream = 0

    def lacks(self, manifest: Manifest) -> str:
        from overfitting.data.columns import roles

        if not {"phi", "eta"} <= set(roles(manifest.columns)):
            return "variant.symmetry needs columns of collisions (phi, eta), as HIGGS has them"
        if manifest.scaling == "piecewise":
            return "variant.symmetry needs preprocessing=standard, symmetry or none; piecewise hides the angles"
        return ""

    def transform(self, scaling: Scaling | None, stream: Stream) -> Transform | None:
        if scaling is None or scaling.edges or not {"phi", "eta"} <= set(scaling.roles):
            raise UserError("variant.symmetry: expected columns of collisions (phi, eta), not in pieces; found none")
        if scaling.symmetry:
            return None  # these columns are the same for all images of an event
        from overfitting.training.backend import tf
        from overfitting.training.layers import step_seed

        found = np.array(scaling.feature_roles)
        phi, eta = (tf.constant(found == role) for role in ("phi", "eta"))
        mean, deviation = (tf.constant(values, tf.float32) for values in (scaling.mean, scaling.deviation))

        def rotate(features: tf.Tensor, labels: tf.Tensor) -> Batch:
            seed = step_seed(stream.seed, stream.step)
            draws = tf.random.stateless_uniform([tf.shape(features)[0], 3], seed, -1.0, 1.0)
            raw = features * deviation + mean
            raw = tf.where(phi, raw * tf.sign(draws[:, :1]), tf.where(eta, raw * tf.sign(draws[:, 1:2]), raw))
            turned = tf.math.floormod(raw + PHI_LIMIT * (1.0 + draws[:, 2:]), 2 * PHI_LIMIT) - PHI_LIMIT
            return tf.where(phi | eta, (tf.where(phi, turned, raw) - mean) / deviation, features), labels

        return rotate
