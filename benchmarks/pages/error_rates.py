"""Simulate how often intervals and best sets hold, and what they decide -> tables of docs/statistics.md.

    python benchmarks/pages/error_rates.py

Takes five minutes on one core. Each line of a table is a name and a cell for each number of seeds.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import stats

from overfitting.base.markdown import table
from overfitting.evaluation import statistics
from overfitting.evaluation.metrics import auc_rows
from overfitting.evaluation.results import Estimate

PAGE = Path(__file__).parents[2] / "docs/statistics.md"
SEEDS = (2, 3, 5, 6, 8, 10)
CONFIDENCE = 0.95
ROWS = 200  # any size of a normal row effect can be simulated with so many rows
VARIANTS, RANKED = 13, 8  # the reference and twelve others; variants in the best set's contest
EFFECTS = (0.005, 0.010, 0.020)

Array = np.ndarray
Generator = np.random.Generator
Line = tuple[str, list[str]]  # name, cell for each number of seeds


def rate(hits: Array) -> str:
    """Percentage with half the width of its own 95 % interval; `*` if the stated rate is above that interval.

    `hits` are shares, one for each simulation.
    """
    share, count = hits.mean(), hits.size
    half = 1.96 * max(hits.std(), np.sqrt(0.5 / count)) / np.sqrt(count)
    return f"{100 * share:.1f} ± {100 * half:.1f}{'*' if share + half < CONFIDENCE else ''}"


def line(name: str, count: int, hit: Callable[[Generator, int], float]) -> Line:
    """How often `hit(generator, n_seeds)` is true, in `count` simulations for each number of seeds."""
    generator = np.random.default_rng(0)
    return name, [rate(np.array([hit(generator, seeds) for _ in range(count)], float)) for seeds in SEEDS]


def contains(found: Estimate, truth: float) -> bool:
    assert found.ci_low is not None
    assert found.ci_high is not None
    return found.ci_low <= truth <= found.ci_high


def two_way(seeds: Array, rows: Array, generator: Generator, both: float) -> Array:
    """Row values (..., n_seeds, ROWS) of seed effects (..., n_seeds), row effects (..., ROWS) and a residual.

    `both` is the deviation that the residual gives to the mean of a seed.
    """
    residual = np.sqrt(ROWS) * both * generator.standard_normal((*seeds.shape, ROWS))
    return seeds[..., None] + rows[..., None, :] + residual


def one_mean() -> Iterator[Line]:
    def covers(seeds: float, rows: float, both: float, generator: Generator, n_seeds: int) -> bool:
        effects = generator.normal(0, seeds, n_seeds), generator.normal(0, np.sqrt(ROWS) * rows, ROWS)
        return contains(statistics.interval(two_way(*effects, generator, both), CONFIDENCE), 0.0)

    yield line("one mean: only seeds vary", 4000, partial(covers, 0.004, 0.0, 0.0))
    yield line("one mean: rows vary half as much as one seed", 4000, partial(covers, 0.004, 0.002, 0.001))
    yield line("one mean: only rows vary", 4000, partial(covers, 0.0, 0.004, 0.002))


def late_losses(generator: Generator, n_seeds: int, n_rows: int, tails: float | None) -> Array:
    """Log losses of networks that trained too long: mean 2.3, accuracy 70 %; `tails`: degrees of Student's t."""
    draw = generator.standard_normal if tails is None else partial(generator.standard_t, tails)
    margins = 0.52 + np.sqrt(0.9) * draw(size=(1, n_rows)) + np.sqrt(0.1) * draw(size=(n_seeds, n_rows))
    return np.logaddexp(0.0, -12 * margins)


def late(n_rows: int, tails: float | None) -> Line:
    truth = late_losses(np.random.default_rng(1), 2, 2_000_000, tails).mean()

    def covers(generator: Generator, n_seeds: int) -> bool:
        return contains(statistics.interval(late_losses(generator, n_seeds, n_rows, tails), CONFIDENCE), truth)

    kind = "" if tails is None else f" with the tails of Student's t ({tails})"
    return line(f"log loss of overfitted networks{kind}, {n_rows:,} rows", 2000, covers)


def few_rows() -> Iterator[Line]:
    yield from (late(n_rows, None) for n_rows in (statistics.MIN_ROWS, 200, 1000))


def rare_labels() -> Iterator[Line]:
    def covers(labels: Array, area: float, easy: float, generator: Generator, n_seeds: int) -> bool:
        shift = 4 * (generator.random(labels.size) < easy) if easy else np.sqrt(2) * stats.norm.ppf(area)
        logits = np.sqrt(0.9) * generator.standard_normal(labels.size) + labels * shift
        rows = auc_rows(labels, logits + np.sqrt(0.1) * generator.standard_normal((n_seeds, labels.size)))
        return contains(statistics.auc_interval(rows, labels, CONFIDENCE), area)

    for positives in (3, 20, 100):
        labels = np.repeat([1.0, 0.0], [positives, 300])
        for area, mixed in ((0.8, False), (0.99, False), (0.9, True)):
            easy = (area - 0.5) / (stats.norm.cdf(4 / np.sqrt(2)) - 0.5) if mixed else 0.0
            name = f"AUC {area}{' of two kinds of signal' * mixed}, {positives} signal rows"
            yield line(name, 600, partial(covers, labels, area, easy))


def equal(generator: Generator, n_seeds: int) -> Array:
    """Seed effects (VARIANTS, n_seeds), reference first: the same variance for all."""
    return generator.normal(0, 0.003, (VARIANTS, n_seeds))


def unequal(generator: Generator, n_seeds: int) -> Array:
    """As measured: the reference varies most (mean of three networks), and the training sample moves it most."""
    own = np.array([0.005 / np.sqrt(3), *np.linspace(0.0006, 0.0014, VARIANTS - 1)])
    sample = np.array([1.0, *np.linspace(0.2, 0.9, VARIANTS - 1)])
    return own[:, None] * generator.standard_normal((VARIANTS, n_seeds)) + np.outer(
        sample, generator.normal(0, 0.006, n_seeds)
    )


def opposite(generator: Generator, n_seeds: int) -> Array:
    """The reference varies least, so that differences are nearly independent."""
    own = np.array([0.0005, *np.linspace(0.001, 0.005, VARIANTS - 1)])
    return own[:, None] * generator.standard_normal((VARIANTS, n_seeds))


CASES: dict[str, tuple[Callable[[Generator, int], Array], float]] = {
    "equal seed variances, small row effects": (equal, 0.0003),
    "equal seed variances, large row effects": (equal, 0.003),
    "unequal seed variances, small row effects": (unequal, 0.0003),
    "unequal seed variances, large row effects": (unequal, 0.003),
    "independent differences, small row effects": (opposite, 0.0003),
}


def variants(case: str, generator: Generator, n_seeds: int) -> Array:
    """Row values (VARIANTS, n_seeds, ROWS) of variants that are equally good."""
    draw, rows = CASES[case]
    effects = np.sqrt(ROWS) * rows * generator.standard_normal((VARIANTS, ROWS))
    return two_way(draw(generator, n_seeds), effects, generator, rows / 2)


def together(case: str, generator: Generator, n_seeds: int) -> tuple[Array, Array, Array]:
    """Ends (low, high) of twelve simultaneous intervals, and the upper ends of Bonferroni's."""
    reference, *others = variants(case, generator, n_seeds)
    differences = {str(number): rows - reference for number, rows in enumerate(others)}
    found = statistics.simultaneous(differences, CONFIDENCE).values()
    bonferroni = 1 - (1 - CONFIDENCE) / len(differences)
    alone = [statistics.interval(rows, bonferroni).ci_high for rows in differences.values()]
    return np.array([each.ci_low for each in found]), np.array([each.ci_high for each in found]), np.array(alone)


def families(count: int = 600) -> tuple[list[Line], list[Line]]:
    """How often twelve intervals hold together; how often one decides, in brackets with Bonferroni's intervals.

    Intervals move with the data: a true difference of -effect is found better if the upper end is below effect here.
    """
    coverage, power = [], []
    for case in CASES:
        generator = np.random.default_rng(0)
        ends = [np.array([together(case, generator, n) for _ in range(count)]).swapaxes(0, 1) for n in SEEDS]
        held = [rate(((low <= 0) & (high >= 0)).all(axis=1).astype(float)) for low, high, _ in ends]
        coverage.append((f"12 differences together: {case}", held))
        for effect in EFFECTS:
            shares = [
                f"{100 * (high < effect).mean():.0f} ({100 * (alone < effect).mean():.0f})" for _, high, alone in ends
            ]
            power.append((f"better by {effect:.3f}: {case}", shares))
    return coverage, power


def best_sets() -> Iterator[Line]:
    """All variants are equally good, so each is truly best: the share that the set holds is its coverage."""
    for case in list(CASES)[::3]:

        def held(generator: Generator, n_seeds: int, case: str = case) -> float:
            rows = {str(number): found for number, found in enumerate(variants(case, generator, n_seeds)[:RANKED])}
            return len(statistics.best_set(rows, CONFIDENCE)) / RANKED

        yield line(f"best set of {RANKED}: {case}", 200, held)


POOL, TRAIN, VALIDATION = 2, 70, 30  # hands in the pool, rows of each role in a hand


def dealt(generator: Generator, n_seeds: int) -> tuple[Array, float]:
    """Values of seeds whose samples are dealt from one small pool, and the mean share of rows that two have in common.

    A value depends on the training and the validation rows of its hand, not only linearly, and on a random part.
    """
    size = TRAIN + VALIDATION
    pool = generator.standard_normal(POOL * size)
    deals = [generator.permutation(pool).reshape(POOL, size) for _ in range(-(-n_seeds // POOL))]
    hands = np.concatenate(deals)[:n_seeds]
    train, validation = hands[:, :TRAIN].mean(axis=1), hands[:, TRAIN:].mean(axis=1)
    values = train + 3 * train**2 + validation + 3 * train * validation + generator.normal(0, 0.05, n_seeds)
    shares = [0.0 if one // POOL == other // POOL else 1 / POOL for one, other in combinations(range(n_seeds), 2)]
    return values, float(np.mean(shares))


def overlapping(corrected: bool, generator: Generator, n_seeds: int) -> bool:
    values, overlap = dealt(generator, n_seeds)
    return contains(statistics.seed_interval(values, CONFIDENCE, overlap if corrected else 0.0), 3 / TRAIN)


def skewed(generator: Generator, n_seeds: int) -> bool:
    return contains(statistics.seed_interval(generator.exponential(1.0, n_seeds), CONFIDENCE), 1.0)


def markdown(lines: list[Line]) -> str:
    return table(["", *(f"{seeds} seeds" for seeds in SEEDS)], [[name, *cells] for name, cells in lines])


def main() -> None:
    """Simulate, and write the tables into the page."""
    coverage, power = families()
    overlap = line("samples dealt from a pool of two hands", 4000, partial(overlapping, True))
    tables = {
        "error rates": [*one_mean(), *few_rows(), *rare_labels(), *coverage, *best_sets(), overlap],
        "power": power,
        "limits": [
            line("samples dealt from a pool of two hands, overlap not corrected", 4000, partial(overlapping, False)),
            line("one number per seed, exponential (a few bad seeds)", 4000, skewed),
            *(late(n_rows, 3) for n_rows in (100, 200, 1000)),
        ],
    }
    text = PAGE.read_text()
    for name, lines in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        before, rest = text.split(start)
        text = before + start + markdown(lines) + "\n" + end + rest.split(end)[1]
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
