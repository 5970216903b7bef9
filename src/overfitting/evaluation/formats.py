"""How results are written as text: in the report, in MLflow and in pull requests."""

from collections.abc import Sequence

from overfitting.evaluation.results import Estimate

NONE = "–"  # in place of a number that does not apply


def p_value(value: float | None) -> str:
    """A p-value with four decimals, such as `0.0123` or `< 0.0001`."""
    if value is None:
        return NONE
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def estimate(found: Estimate, signed: bool = False, digits: int = 4) -> str:
    """Mean and confidence interval, such as `0.5290 (0.5222 to 0.5359)`; one seed has no interval."""
    sign = "+" if signed else ""
    mean = f"{found.mean:{sign}.{digits}f}"
    if found.ci_low is None:
        return mean
    low, high = found.interval
    return f"{mean} ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"


def listed(names: Sequence[str]) -> str:
    """Names in words, such as `l1, l2 and dropout`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
