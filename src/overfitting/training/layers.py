"""Layers that train faster than Keras's, on the same weights. A saved model does not contain them.

`network.faster` puts them in place of `keras.layers.Dropout`, `GaussianNoise` and `Dense` while a model trains.
"""

from typing import Any

from overfitting.training.backend import keras, tf


class Dropout(keras.layers.Layer):
    """Inverted dropout whose masks are raw random bits, determined by (seed, step) alone.

    A rate that is a multiple of 1/256 takes one random byte per element. Any other rate takes two and is rounded to the
    nearest multiple of 1/65536, below 1; `self.rate` is the rounded rate. Kept elements are divided by exactly the
    share that is kept, so the expected output is the input despite the rounding.
    """

    def __init__(self, rate: float, seed: int, step: Any) -> None:
        super().__init__()
        self._word, levels = (tf.uint8, 2**8) if (rate * 2**8).is_integer() else (tf.uint16, 2**16)
        self._dropped = min(round(rate * levels), levels - 1)
        self.rate = self._dropped / levels
        self._seed = seed
        self._step = step  # a variable that counts the steps of the training

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The inputs; if `training`, with a share `rate` of them set to 0."""
        if not training:
            return inputs
        kept = tf.cast(self._words(tf.shape(inputs)) >= tf.cast(self._dropped, self._word), inputs.dtype)
        return inputs * (kept / (1.0 - self.rate))

    def _words(self, shape: tf.Tensor) -> tf.Tensor:
        """Random words, uniform over their range."""
        count = tf.reduce_prod(shape)
        in_each = 4 // self._word.size
        seed = step_seed(self._seed, self._step)
        bits = tf.random.stateless_uniform([-(-count // in_each)], seed, minval=None, maxval=None, dtype=tf.uint32)
        return tf.reshape(tf.reshape(tf.bitcast(bits, self._word), [-1])[:count], shape)


class GaussianNoise(keras.layers.Layer):
    """Gaussian noise of standard deviation `stddev` while training, determined by (seed, step) alone."""

    def __init__(self, stddev: float, seed: int, step: Any) -> None:
        super().__init__()
        self._stddev, self._seed, self._step = stddev, seed, step

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The inputs; if `training`, with noise added."""
        if not training:
            return inputs
        return inputs + tf.random.stateless_normal(
            tf.shape(inputs), step_seed(self._seed, self._step), 0.0, self._stddev
        )


def step_seed(seed: int, step: Any) -> tf.Tensor:
    """Seed (2,) int64 of a step for TensorFlow's stateless generators."""
    return tf.stack([tf.cast(seed, tf.int64), tf.cast(step.value, tf.int64)])


class BfloatDense(keras.layers.Layer):
    """A Dense layer that multiplies in bfloat16; its weights, bias and activation stay float32."""

    def __init__(self, dense: keras.layers.Dense) -> None:
        super().__init__()
        self._dense = dense

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """The output of the Dense layer, with products in bfloat16."""
        product = tf.matmul(tf.cast(inputs, tf.bfloat16), tf.cast(self._dense.kernel.value, tf.bfloat16))
        return self._dense.activation(tf.cast(product, tf.float32) + self._dense.bias)
