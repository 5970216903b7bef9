"""Changes of the differences to `large` since another commit, and how large the noise of retraining is.

On the same test rows a permutation test measures the noise. If a pull request only retrains, the values of the seeds
before and now can be exchanged: any exchange is as likely as what was observed. Each exchange counts with its largest
standardised change over all variants and both questions (max T: Westfall and Young, Resampling-Based Multiple Testing,
1993). So a change for the worse is beyond noise in at most 1 - confidence of such pull requests, whatever the
distribution over the seeds, and however variants depend on each other through `large`.

If the test rows differ, the intervals before and now are combined as for independent estimates (MOVER: Zou, Donner,
Statistics in Medicine 27, 2008). The intervals of a question hold together with the confidence, in both directions; one
direction of both questions does, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import comb

import numpy as np

from overfitting.evaluation.results import Difference, Metrics, Phase
from overfitting.training.loss import Array

QUESTIONS: tuple[Phase, ...] = ("late", "early")  # does it prevent overfitting, does it predict better
EARLY_STOPPING = "early stopping"  # name of `large` early among the late differences
EXCHANGES = 5000  # drawn at random
PAIRS = 5  # seeds; fewer pairs have too few exchanges (2 each) for a test at 5 %
# fields of the manifest; equal shares of signal make another order of the rows unlikely
SAME_ROWS = {"sha256", "rows", "duplicates_dropped", "test_rows", "test_signal_share"}


class Basis(Enum):
    """How two commits are compared; the value is the text in the comment."""

    PAIRED = "paired by seed"
    INDEPENDENT = "between independent seeds on the same test rows"
    OTHER_ROWS = "between different test rows"


@dataclass(frozen=True)
class Change:
    """A difference to `large` before and now; `size` is now - before, `noise` what retraining alone explains."""

    variant: str
    phase: Phase
    before: Difference
    now: Difference
    size: float
    noise: float  # infinite if there are too few seeds to tell

    @property
    def same(self) -> bool:
        """Whether every seed has the same result as before."""
        return self.size == self.noise == 0

    @property
    def beyond_noise(self) -> bool:
        """Whether retraining alone does not explain the change."""
        return abs(self.size) > self.noise

    @property
    def lost(self) -> bool:
        """Whether the status got worse."""
        if self.before.status == "better":
            return self.now.status != "better"
        return self.now.status == "worse" and self.before.status in ("equivalent", "undecided")

    @property
    def statuses(self) -> str:
        """The status now, after the one before if that was another."""
        return " → ".join(dict.fromkeys((self.before.status, self.now.status)))


def differences(metrics: Metrics) -> dict[tuple[str, Phase], Difference]:
    """All differences to `large`, question by question, in the order of the ranking."""
    found: dict[tuple[str, Phase], Difference] = {}
    for phase in QUESTIONS:
        if phase == "late" and metrics.early_stopping:
            found[EARLY_STOPPING, phase] = metrics.early_stopping
        for name in metrics.verdict.ranking:
            if difference := metrics.variants[name].scores(phase).difference:
                found[name, phase] = difference
    return found


def basis(before: Metrics, after: Metrics) -> Basis:
    """How the results of two commits are compared."""
    old, new = (side.data.model_dump(include=SAME_ROWS) for side in (before, after))
    if old != new:
        return Basis.OTHER_ROWS
    shared = set(before.run.seeds) & set(after.run.seeds)
    return Basis.PAIRED if len(shared) >= PAIRS else Basis.INDEPENDENT


def changes(before: Metrics, after: Metrics) -> list[Change]:
    """The change of each difference that both commits have, question by question."""
    how, old, new = basis(before, after), differences(before), differences(after)
    keys = [key for key in new if key in old]
    if not keys:
        return []
    shared = set(before.run.seeds) & set(after.run.seeds) if how is Basis.PAIRED else None
    then, now = (_values(side, [of[key] for key in keys], shared) for side, of in ((before, old), (after, new)))
    sizes = now.mean(axis=1) - then.mean(axis=1)
    if how is Basis.OTHER_ROWS:
        noises = np.array([_mover(old[key], new[key]) for key in keys])
    else:
        differ = np.array([not np.array_equal(a, b) for a, b in zip(then, now, strict=True)])
        sizes[~differ], noises = 0, np.zeros(len(keys))
        if differ.any():
            questions = np.array([phase for _, phase in keys])[differ]
            noises[differ] = noise(then[differ], now[differ], questions, how is Basis.PAIRED, after.run.confidence)
    return [
        Change(*key, old[key], new[key], float(size), float(of))
        for key, size, of in zip(keys, sizes, noises, strict=True)
    ]


def noise(before: Array, now: Array, questions: Array, paired: bool, confidence: float) -> Array:
    """Change for the worse (n_differences,) that retraining alone explains, from values (n_differences, n_seeds).

    A change is the product of a row of `data` with the vector `observed`, whose elements are exchanged. It is divided
    by the root of what that leaves of the row's squares plus the mean of the same over all differences of the question:
    few seeds of one difference do not show its variance (Tusher, Tibshirani, Chu, PNAS 98, 2001).
    """
    generator, then, after = np.random.default_rng(0), before.shape[1], now.shape[1]
    if paired:
        data, observed = now - before, np.full(after, 1 / after)
        exchanges = observed * generator.choice([-1, 1], (EXCHANGES, after))
    else:
        data, observed = np.hstack([before, now]), np.repeat([-1 / then, 1 / after], [then, after])
        data = data - data.mean(axis=1, keepdims=True)
        exchanges = generator.permuted(np.tile(observed, (EXCHANGES, 1)), axis=1)
    if (2**after if paired else comb(then + after, after)) * (1 - confidence) < 1:
        return np.full(len(data), np.inf)
    length, squares = np.linalg.norm(observed), np.square(data).sum(axis=1)
    found = np.vstack([observed, exchanges]) @ data.T / length
    left = np.maximum(squares - np.square(found), 1e-9 * squares)  # above rounding
    related = questions[:, None] == questions
    scale = np.maximum(np.sqrt(left + left @ (related / related.sum(axis=0))), 1e-300)
    largest = np.sort((found / scale).max(axis=1))
    limit = largest[-1 - int((1 - confidence) * largest.size)] * (1 + 1e-9)
    explained: Array = limit * scale[0] * length
    return explained


def _values(metrics: Metrics, found: Sequence[Difference], shared: set[int] | None) -> Array:
    """Values (n_differences, n_seeds), in the order of the seeds, of the shared seeds if any."""
    order = sorted((seed, place) for place, seed in enumerate(metrics.run.seeds) if not shared or seed in shared)
    return np.array([[difference.seeds[place] for _, place in order] for difference in found])


def _mover(old: Difference, new: Difference) -> float:
    """Distance from the change to the lower end of its interval."""
    if new.ci_low is None or old.ci_high is None:
        return np.inf
    return float(np.hypot(new.mean - new.ci_low, old.ci_high - old.mean))
