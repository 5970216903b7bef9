"""Simulate how often intervals of repeated splits hold -> a table of docs/statistics.md.

    python -m benchmarks.pages.repeated_splits

Compares two linear classifiers of 20 columns, of which 5 matter: least squares with and without a penalty. The true
difference of log loss is that of many training samples on many new rows. Steep logits make wrong predictions confident,
as those of overfitted networks are, so that log losses have a heavy tail.
"""

from pathlib import Path

import numpy as np

from benchmarks.pages.error_rates import Array, Generator, rate
from overfitting.base.markdown import table
from overfitting.evaluation.statistics import interval
from overfitting.training.loss import log_loss_rows

PAGE = Path(__file__).parents[2] / "docs/statistics.md"
SEEDS, SIMULATIONS, CONFIDENCE = (2, 5, 10), 500, 0.95
TABLES = ((60, 3.0), (100, 3.0), (100, 12.0), (400, 3.0), (400, 12.0), (1200, 3.0))  # rows, scale of the logits
WEIGHTS = np.repeat([0.0, 0.5, 0.0], [1, 5, 15])  # of a constant and 20 columns
NEW_ROWS, SAMPLES, PENALTIES = 20_000, 150, (1e-6, 60.0)


def draw(rows: int, generator: Generator) -> tuple[Array, Array]:
    features = np.column_stack([np.ones(rows), generator.standard_normal((rows, WEIGHTS.size - 1))])
    return features, (generator.random(rows) < 1 / (1 + np.exp(-features @ WEIGHTS))).astype(float)


def difference(train: tuple[Array, Array], test: tuple[Array, Array], scale: float) -> float:
    """Mean test log loss with the penalty minus that without it."""
    (x, y), (features, labels) = train, test
    weights = [np.linalg.solve(x.T @ x + penalty * np.eye(WEIGHTS.size), x.T @ (2 * y - 1)) for penalty in PENALTIES]
    without, penalised = (log_loss_rows(labels, scale * features @ each).mean() for each in weights)
    return float(penalised - without)


def cell(rows: int, scale: float, seeds: int, is_corrected: bool) -> str:
    generator = np.random.default_rng(1)
    test = rows // 5
    train = rows - 2 * test
    new = draw(NEW_ROWS, generator)
    truth = np.mean([difference(draw(train, generator), new, scale) for _ in range(SAMPLES)])

    def covers() -> bool:
        x, y = draw(rows, generator)
        values = []
        for _ in range(seeds):
            order = generator.permutation(rows)
            used, left = order[:train], order[-test:]
            values.append([difference((x[used], y[used]), (x[left], y[left]), scale)])
        found = interval(np.array(values), CONFIDENCE, is_corrected * test / (test + train))
        return bool(found.ci_low <= truth <= found.ci_high)

    return rate(np.array([covers() for _ in range(SIMULATIONS)], float))


def main() -> None:
    """Write the table into the page."""
    lines = [
        [f"{rows:,} rows, {'steep' if scale > 3 else 'usual'} logits{'' if corrected else ', not corrected'}"]
        + [cell(rows, scale, seeds, corrected) for seeds in SEEDS]
        for corrected in (True, False)
        for rows, scale in (TABLES if corrected else TABLES[3:4])
    ]
    start, end = "<!-- repeated splits -->\n", "<!-- /repeated splits -->"
    before, _, rest = PAGE.read_text().partition(start)
    written = table(["", *(f"{seeds} seeds" for seeds in SEEDS)], lines)
    PAGE.write_text(f"{before}{start}{written}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
