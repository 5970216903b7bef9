"""How results are written as text: in the report, in MLflow and in pull requests."""

from collections.abc import Sequence

from overfitting.evaluation.results import Difference, Estimate

NONE = "–"  # in place of a number that does not apply


def estimate(found: Estimate, signed: bool = False, digits: int = 4) -> str:
    """Mean and confidence interval, such as `0.5290 (0.5222 to 0.5359)`; one seed has no interval."""
    sign = "+" if signed else ""
    mean = f"{found.mean:{sign}.{digits}f}"
    if found.ci_low is None:
        return mean
    low, high = found.interval
    return f"{mean} ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"


def status(found: Difference | None) -> str:
    """What a difference says, such as `better` or `undecided (12 seeds would decide)`; None is that of `large`."""
    if found is None:
        return "reference"
    if found.status != "undecided":
        return found.status
    if found.seeds_needed is None:
        return "undecided (more rows needed)"
    return f"undecided ({found.seeds_needed} seeds would decide)"


def listed(names: Sequence[str]) -> str:
    """Names in words, such as `l1, l2 and dropout`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
