"""What the rows and seeds of a comparison can tell and what they cannot, and how many would tell more."""

from overfitting.data.test_rows import is_repeated, rows_per_seed
from overfitting.evaluation.formats import estimate
from overfitting.evaluation.results import REFERENCE, Difference, Metrics, Status

SIMPLEST = "logistic_regression"  # the baseline that a network should beat
COMPARED: dict[Status, str] = {
    "better": "predicts better than",
    "worse": "predicts worse than",
    "equivalent": "predicts as well as",
    "undecided": "is not shown to predict better or worse than",
}


def sample(metrics: Metrics) -> str:
    """Start of a sentence: the test rows and seeds that a statement rests on."""
    rows, seeds = f"{rows_per_seed(metrics.data):,} test rows", len(metrics.run.seeds)
    if is_repeated(metrics.data):
        return f"On {seeds} repeated split{'s' * (seeds > 1)} with {rows} each"
    return f"On {rows} and {seeds} seed{'s' * (seeds > 1)}"


def sentences(metrics: Metrics) -> list[str]:
    """The differences that stay undecided, and whether logistic regression is as good; none with one seed."""
    if REFERENCE not in metrics.variants or len(metrics.run.seeds) < 2:
        return []
    return [*_resolution(metrics), *_simplest(metrics)]


def _resolution(metrics: Metrics) -> list[str]:
    names = metrics.with_status("early", "undecided")
    undecided = [found for name in names if (found := metrics.variants[name].early.difference)]
    if not undecided:
        return []
    start = f"{sample(metrics)}, early differences that stay undecided: {len(undecided)}"
    if any(found.ci_low is None for found in undecided):
        return [f"{start}; so few test rows allow no intervals."]
    clearest = min(undecided, key=_factor)
    halves = sorted(map(_half, undecided))
    return [
        f"{start}. Their intervals reach {halves[0]:.3f} to {halves[-1]:.3f} to each side. To decide the clearest of "
        f"them ({clearest.mean:+.4f}) would take about {_needed(metrics, clearest)}."
    ]


def _half(found: Difference) -> float:
    low, high = found.interval
    return (high - low) / 2


def _factor(found: Difference) -> float:
    """How many times as wide as its distance from 0 half an interval is."""
    return _half(found) / max(abs(found.mean), 1e-9)


def _needed(metrics: Metrics, found: Difference) -> str:
    """Seeds that would decide a difference or, if no number would, rows: half an interval shrinks with their root."""
    if found.seeds_needed:
        return f"{found.seeds_needed:,} seeds"
    rows = metrics.data.rows * _factor(found) ** 2
    return f"{float(f'{rows:.2g}'):,.0f} rows instead of {metrics.data.rows:,}; more seeds would not be enough"


def _simplest(metrics: Metrics) -> list[str]:
    found = metrics.baselines.get(SIMPLEST)
    if found is None or found.difference is None or found.status not in COMPARED:
        return []
    return [
        f"Logistic regression {COMPARED[found.status]} the large network stopped early: {found.log_loss.mean:.4f} "
        f"against {metrics.variants[REFERENCE].early.log_loss.mean:.4f} (difference "
        f"{estimate(found.difference, signed=True)})."
    ]
