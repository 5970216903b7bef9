"""The learning curve: test log loss by number of training rows, and what a remedy is worth in rows."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.records import Record
from overfitting.evaluation import statistics
from overfitting.evaluation.formats import in_words
from overfitting.evaluation.language import say, translated
from overfitting.evaluation.results import REFERENCE, Estimate, Metrics, Variant
from overfitting.training.loss import Array, log_loss_rows

PATH = files.RESULTS / "learning-curve.json"
GRID = 24  # numbers of rows tried between two sizes


class Worth(Record):
    """How many rows `large` needs for the test log loss that a variant has, both with early weights.

    0: fewer than the smallest size; None: more than the largest.
    """

    rows: float | None
    low: float | None  # end of the interval, as `high`
    high: float | None


class Point(Record):
    """A variant or a baseline at one size."""

    early: Estimate  # test log loss
    late: Estimate | None  # None for a baseline
    worth: Worth | None  # None for `large`, and if it did not run


class LearningCurve(Record):
    """Content of results/learning-curve.json."""

    sha256: str  # of the source of the data
    sizes: tuple[int, ...]  # training rows
    steps: int  # of the optimizer, about the same for all sizes
    seeds: tuple[int, ...]
    confidence: float
    overlap: float  # mean share of rows that the samples of two seeds have in common, at most
    variants: dict[str, tuple[Point, ...]]  # and baselines; by size


def read(metrics: Metrics) -> LearningCurve | None:
    """The learning curve of the data of `metrics`; None if it was not computed for them.

    Raises:
        UserError: the file is not one that this version writes.
    """
    curve = LearningCurve.read(PATH) if PATH.is_file() else None
    return curve if curve and curve.sha256 == metrics.data.sha256 else None


def collect(folders: Mapping[int, Path], steps: int) -> LearningCurve:
    """The curve from the results of `evaluate`, one folder per number of training rows; all trained that many `steps`.

    Raises:
        UserError: a file is missing, or not one that this version writes; or the sizes differ in their test rows.
    """
    found = {rows: Metrics.read(folder / files.METRICS.name) for rows, folder in folders.items()}
    losses = _early_losses(folders, found)
    names = [name for name in losses[0] if all(name in own for own in losses)]  # others failed with some size
    references = [own[REFERENCE] for own in losses] if REFERENCE in names else []
    sizes, first = tuple(found), next(iter(found.values()))
    overlap = max(metrics.run.overlap for metrics in found.values())

    def point(name: str, metrics: Metrics, own: Array) -> Point:
        scores = metrics.variants.get(name) or metrics.baselines[name]
        early, late = (scores.early, scores.late.log_loss) if isinstance(scores, Variant) else (scores, None)
        has_worth = references and name != REFERENCE
        worth = rows_worth(own, references, sizes, first.run.confidence, overlap) if has_worth else None
        return Point(early=early.log_loss, late=late, worth=worth)

    return LearningCurve(
        sha256=first.data.sha256,
        sizes=sizes,
        steps=steps,
        seeds=first.run.seeds,
        confidence=first.run.confidence,
        overlap=overlap,
        variants={
            name: tuple(point(name, metrics, own[name]) for metrics, own in zip(found.values(), losses, strict=True))
            for name in names
        },
    )


def _early_losses(folders: Mapping[int, Path], found: Mapping[int, Metrics]) -> list[dict[str, Array]]:
    """Row losses (n_seeds, n_test_rows) of each variant with early weights and of each baseline, at each size."""
    first, labels, losses = next(iter(folders)), None, []
    for size, folder in folders.items():
        table, metrics = pd.read_parquet(folder / files.PREDICTIONS.name), found[size]
        labels = table["label"] if labels is None else labels
        if not table["label"].equals(labels):
            raise UserError(
                f"expected the same test rows at all sizes, but {size:,} training rows leave others than "
                f"{first:,} do; use smaller numbers in learning-curve/params.yaml, or a smaller split.test"
            )
        logits = {
            name: np.stack([table[f"{name}/{seed}"].to_numpy() for seed in metrics.run.seeds])
            for name in (*metrics.verdict.ranking, *metrics.ranked_baselines)
        }
        losses.append({name: log_loss_rows(labels.to_numpy(np.float64), rows) for name, rows in logits.items()})
    return losses


def rows_worth(
    losses: Array, references: Sequence[Array], sizes: Sequence[int], confidence: float, overlap: float = 0.0
) -> Worth:
    """Number of rows with which the reference would have the mean of `losses`.

    Row losses are (n_seeds, n_test_rows); `references` has those of the reference at each of `sizes`. Between two sizes
    they are interpolated, linearly in the logarithm of the size. The interval holds all numbers of rows at which the
    difference is not significant (Fieller, Journal of the Royal Statistical Society B 16, 1954), so it accounts for
    seeds and test rows as the intervals of the comparison do.
    """
    exponents, found = np.log(np.asarray(sizes, float)), []
    positions = np.unique(np.concatenate([np.linspace(*pair, GRID + 1) for pair in pairwise(exponents)]))
    for x in positions:
        after = int(np.clip(np.searchsorted(exponents, x), 1, len(exponents) - 1))
        weight = (x - exponents[after - 1]) / (exponents[after] - exponents[after - 1])
        reference = (1 - weight) * references[after - 1] + weight * references[after]
        found.append(statistics.interval(losses - reference, confidence, overlap))
    ends = [(each.mean, each.ci_low, each.ci_high) for each in found]
    means, lows, highs = np.array(ends, np.float64).T
    if np.isnan(lows).any():  # one seed: no interval
        lows, highs = np.full_like(means, -1), np.full_like(means, 1)
    return Worth(
        rows=_crossing(positions, means), low=_crossing(positions, highs), high=_crossing(positions, lows, last=True)
    )


def _crossing(positions: Array, values: Array, last: bool = False) -> float | None:
    """Exponential of the first or last position at which `values` rise to 0, as `Worth` has it."""
    if last:
        index = int(np.flatnonzero(values <= 0).max(initial=-1)) + 1
    else:
        index = int(np.flatnonzero(values >= 0).min(initial=len(values)))
    if index in (0, len(values)):
        return None if index else 0.0
    share = values[index - 1] / (values[index - 1] - values[index])
    return float(np.exp(positions[index - 1] + share * (positions[index] - positions[index - 1])))


def sentences(curve: LearningCurve, rows: int | None = None) -> list[str]:
    """What the remedy with the lowest early log loss is worth at `rows` training rows, and what holds with most rows.

    `rows` is by default the second largest size. Empty without `large` or without a remedy.
    """
    rows = rows if rows in curve.sizes else curve.sizes[-2]
    points = {name: of_size[curve.sizes.index(rows)] for name, of_size in curve.variants.items()}
    remedies = {name: point.worth for name, point in points.items() if point.worth and point.late}
    if not remedies:
        return []
    name = min(remedies, key=lambda name: points[name].early.mean)
    worth = remedies[name]
    equal, low, high = (rows_in_words(curve, value) for value in (worth.rows, worth.low, worth.high))
    ends = low if low == high else say("{low} to {high}", low=low, high=high)
    interval = say(" ({confidence:.0%} interval {ends})", confidence=curve.confidence, ends=ends)
    early = say(
        "With {name}, {rows:,} training rows predict as well as {equal} with the large network stopped early"
        "{interval}.",
        name=in_words(name), rows=rows, equal=equal, interval=interval if len(curve.seeds) > 1 else "",
    )  # fmt: skip
    return [early, _most_rows(curve)]


def rows_in_words(curve: LearningCurve, value: float | None, is_short: bool = False) -> str:
    """A number of rows of `Worth` with two digits, or beyond which end of the curve it lies."""
    if value:
        return f"{float(f'{value:.2g}'):,.0f}"
    if value is None:
        return translated(">{rows:,}" if is_short else "more than {rows:,}").format(rows=curve.sizes[-1])
    return translated("<{rows:,}" if is_short else "fewer than {rows:,}").format(rows=curve.sizes[0])


def _most_rows(curve: LearningCurve) -> str:
    """Whether the large network still overfits with the most rows, and whether a remedy still helps there."""
    large = curve.variants[REFERENCE][-1]
    assert large.late
    found = {name: points[-1].early.mean for name, points in curve.variants.items() if points[-1].late}
    best = min(found, key=lambda name: found[name])
    helps = (
        say("no remedy predicts better")
        if best == REFERENCE
        else say("{name} predicts best ({loss:.3f})", name=in_words(best), loss=found[best])
    )
    still = (
        "With {rows:,} rows, {steps:,} steps no longer overfit the large network ({late:.3f}), and {helps}."
        if large.late.interval[0] <= large.early.mean
        else "With {rows:,} rows, {steps:,} steps still overfit the large network ({early:.3f} at its best epoch, "
        "{late:.3f} at the last), and {helps}."
    )
    return translated(still).format(
        rows=curve.sizes[-1], steps=curve.steps, early=large.early.mean, late=large.late.mean, helps=helps
    )
