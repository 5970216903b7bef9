"""What the rows and seeds of a comparison can tell and what they cannot, and how many would tell more."""

from overfitting.data.test_rows import is_repeated, rows_per_seed
from overfitting.evaluation.formats import estimate
from overfitting.evaluation.language import joined, say, translated
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
    seeds, is_split = len(metrics.run.seeds), is_repeated(metrics.data)
    if seeds == 1:
        text = "On one repeated split with {rows:,} test rows" if is_split else "On {rows:,} test rows and one seed"
    else:
        text = (
            "On {seeds} repeated splits with {rows:,} test rows each"
            if is_split
            else ("On {rows:,} test rows and {seeds} seeds")
        )
    return say(text, rows=rows_per_seed(metrics.data), seeds=seeds)


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
    start = say(
        "{sample}, early differences that stay undecided: {count}.", sample=sample(metrics), count=len(undecided)
    )
    if any(found.ci_low is None for found in undecided):
        return [joined(start, say("So few test rows allow no intervals."))]
    clearest = min(undecided, key=_factor)
    halves = sorted(map(_half, undecided))
    reach = say("Their intervals reach {low:.3f} to {high:.3f} to each side.", low=halves[0], high=halves[-1])
    needed = say(
        "To decide the clearest of them ({size:+.4f}) would take about {needed}.",
        size=clearest.mean, needed=_needed(metrics, clearest),
    )  # fmt: skip
    return [joined(start, reach, needed)]


def _half(found: Difference) -> float:
    low, high = found.interval
    return (high - low) / 2


def _factor(found: Difference) -> float:
    """How many times as wide as its distance from 0 half an interval is."""
    return _half(found) / max(abs(found.mean), 1e-9)


def _needed(metrics: Metrics, found: Difference) -> str:
    """Seeds that would decide a difference or, if no number would, rows: half an interval shrinks with their root."""
    if found.seeds_needed:
        return say("{count:,} seeds", count=found.seeds_needed)
    rows = float(f"{metrics.data.rows * _factor(found) ** 2:.2g}")
    text = "{rows:,.0f} rows instead of {now:,}; more seeds would not be enough"
    return say(text, rows=rows, now=metrics.data.rows)


def _simplest(metrics: Metrics) -> list[str]:
    found = metrics.baselines.get(SIMPLEST)
    if found is None or found.difference is None or found.status not in COMPARED:
        return []
    return [
        say(
            "Logistic regression {compared} the large network stopped early: {loss:.4f} against {large:.4f}, "
            "a difference of {size}.",
            compared=translated(COMPARED[found.status]), loss=found.log_loss.mean,
            large=metrics.variants[REFERENCE].early.log_loss.mean, size=estimate(found.difference, signed=True),
        )
    ]  # fmt: skip
