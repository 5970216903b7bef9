"""How results are written as text: in the report, in MLflow and in pull requests."""

from collections.abc import Sequence

from overfitting.evaluation.language import say, translated
from overfitting.evaluation.results import Difference, Estimate

WORDS = {  # for people; other variants go by their names
    "large": "the large network",
    "tiny": "a tiny network",
    "small": "a small network",
    "medium": "a medium network",
    "l1": "L1",
    "l1_proximal": "L1 by soft thresholds",
    "l2": "L2",
    "dropout": "dropout",
    "l2_dropout": "L2 with dropout",
}
NONE = "–"  # in place of a number that does not apply


def estimate(found: Estimate, signed: bool = False, digits: int = 4) -> str:
    """Mean and confidence interval, such as `0.5290 (0.5222 to 0.5359)`; one seed has no interval."""
    sign = "+" if signed else ""
    mean = f"{found.mean:{sign}.{digits}f}"
    if found.ci_low is None:
        return mean
    low, high = (f"{end:{sign}.{digits}f}" for end in found.interval)
    return say("{mean} ({low} to {high})", mean=mean, low=low, high=high)


def status(found: Difference | None) -> str:
    """What a difference says, such as `better` or `undecided (12 seeds would decide)`; None is that of `large`."""
    if found is None:
        return translated("reference")
    if found.status != "undecided":
        return translated(found.status)
    if found.seeds_needed is None:
        return say("undecided (more rows needed)")
    return say("undecided ({count} seeds would decide)", count=found.seeds_needed)


def in_words(name: str) -> str:
    """A variant's name for people; `tuned/l2` is L2."""
    plain = name.removeprefix("tuned/")
    return translated(WORDS.get(plain, plain))


def listed(names: Sequence[str], last: str = " and ") -> str:
    """Names in words, such as `l1, l2 and dropout`."""
    if len(names) == 1:
        return names[0]
    return translated(", ").join(names[:-1]) + translated(last) + names[-1]
