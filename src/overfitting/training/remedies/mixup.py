from overfitting.config.types import Factor
from overfitting.data.scaling import Scaling
from overfitting.training.remedy import Batch, Remedy, Stream, Transform


class Mixup(Remedy[float], acts_on="rows", kind=Factor, off=0.0):
    """Each row and its label are mixed with another's, by shares from Beta(mixup, mixup).

    Zhang, Cisse, Dauphin and Lopez-Paz, ICLR 2018.
    """

    stream = 1

    def transform(self, scaling: Scaling | None, stream: Stream) -> Transform:
        from overfitting.training.backend import tf
        from overfitting.training.layers import step_seed

        def mix(features: tf.Tensor, labels: tf.Tensor) -> Batch:
            seed = step_seed(stream.seed, stream.step)
            gammas = tf.random.stateless_gamma([tf.shape(labels)[0], 2], seed, self.strength)
            share = tf.math.divide_no_nan(gammas[:, 0], tf.reduce_sum(gammas, 1))
            # rows come in random order, so the next row is as good a partner as any
            other_features, other_labels = tf.roll(features, 1, 0), tf.roll(labels, 1, 0)
            mixed = share[:, None] * features + (1.0 - share[:, None]) * other_features
            return mixed, share * labels + (1.0 - share) * other_labels

        return mix
