"""The verdict: one sentence that the numbers of results/metrics.json support."""

from collections.abc import Mapping, Sequence
from typing import Any

from overfitting.statistics import PRIMARY, REFERENCE


def verdict(data: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]], confidence: float) -> dict[str, Any]:
    """Ranking, best group and the sentence, from the `data` and `variants` of results/metrics.json."""
    ranking = sorted(variants, key=lambda name: variants[name][PRIMARY]["mean"])
    best = [name for name in ranking if variants[name]["group"] == "best"]
    parts = [_best(best, ranking, data, variants, confidence)]
    for group, text in (
        ("better", "better than large, but not best: {}"),
        ("tied", "not distinguishable from large: {}"),
        ("worse", "worse than large: {}" if REFERENCE in variants else "worse: {}"),
    ):
        members = [name for name in ranking if variants[name]["group"] == group]
        if members:
            parts.append(text.format(_join(members)))
    return {"sentence": "; ".join(parts) + ".", "best": best, "ranking": ranking}


def _best(
    best: Sequence[str],
    ranking: Sequence[str],
    data: Mapping[str, Any],
    variants: Mapping[str, Mapping[str, Any]],
    confidence: float,
) -> str:
    first = variants[ranking[0]]
    seeds = len(first[PRIMARY]["seeds"])
    sample = f"{data['test_rows']:,} unseen rows and {seeds} seed{'s' if seeds > 1 else ''}"
    if seeds < 2:
        return (
            f"On {sample}, {ranking[0]} has the lowest log loss, {first[PRIMARY]['mean']:.4f}; one seed ranks nothing"
        )
    if REFERENCE in best:
        others = [name for name in best if name != REFERENCE]
        tied = f"; tied with it: {_join(others)}" if others else ""
        loss = variants[REFERENCE][PRIMARY]["mean"]
        return f"On {sample}, no remedy does better than large, with a log loss of {loss:.4f}{tied}"
    who = f"{_join(best)} {'are best, tied' if len(best) > 1 else 'is best'}"
    score = f"log loss {first[PRIMARY]['mean']:.4f}"
    if REFERENCE not in variants:
        return f"On {sample}, {who}: {score}"
    found = first["difference_to_large"][PRIMARY]
    return (
        f"On {sample}, {who}: {ranking[0]} has {score} against {variants[REFERENCE][PRIMARY]['mean']:.4f} of large, "
        f"{-found['mean']:.4f} lower ({confidence:.0%} interval {-found['ci_high']:.4f} to {-found['ci_low']:.4f})"
    )


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
