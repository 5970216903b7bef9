"""The verdict: one sentence that the numbers of results/metrics.json support."""

from collections.abc import Mapping, Sequence
from typing import Any

from overfitting.evaluation.statistics import PRIMARY, REFERENCE


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


def details(
    variants: Mapping[str, Mapping[str, Any]],
    references: Mapping[str, Mapping[str, Any]],
    ranking: Sequence[str],
    gap: float,
) -> list[str]:
    """More sentences: how far large overfits, where all end, what penalties do to weights, what else there is."""
    trained = [name for name in ranking if "epochs" in variants[name]]
    return [
        *_overfitting(variants, trained, gap),
        *_weights(variants),
        *_references(variants[ranking[0]], ranking[0], references),
    ]


def _overfitting(variants: Mapping[str, Mapping[str, Any]], trained: Sequence[str], gap: float) -> list[str]:
    """What happens to large after its best epoch, and where all end that are not stopped early."""
    if REFERENCE not in trained:
        return []
    large = variants[REFERENCE]
    passed = large["gap_epoch"]["median"]
    when = f"passes {gap:g} in epoch {passed:.0f} (median)" if passed else f"never passes {gap:g}"
    as_long = [name for name in trained if variants[name]["epochs"]["mean"] >= large["epochs"]["mean"]]
    final = {name: variants[name]["val_log_loss_last"]["mean"] for name in as_long}
    listed = ", ".join(f"{name} {final[name]:.3f}" for name in sorted(final, key=final.__getitem__))
    return [
        f"Trained past its best epoch ({large['best_epoch']['mean']:.0f} of {large['epochs']['mean']:.0f}), large "
        f"overfits: validation log loss goes from {large['val_log_loss_best']['mean']:.3f} to "
        f"{large['val_log_loss_last']['mean']:.3f}, while training log loss goes to "
        f"{large['train_log_loss_last']['mean']:.3f}; the gap between them {when}.",
        f"Validation log loss of the last epoch, which nothing but the remedy held back: {listed}.",
    ]


def _weights(variants: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Whether L1 makes weights zero, and L2 only small."""
    shown = [name for name in (REFERENCE, "l1", "l2") if name in variants]
    if not {"l1", "l2"} & set(shown):
        return []
    small = ", ".join(f"{name} {variants[name]['near_zero_share']['mean']:.1%}" for name in shown)
    zero = ", ".join(f"{name} {variants[name]['zero_share']['mean']:.1%}" for name in shown)
    initial = variants[shown[-1]]["near_zero_share_initial"]["mean"]
    norms = ", ".join(f"{name} {variants[name]['weight_norm']['mean']:.1f}" for name in shown)
    return [
        f"Share of hidden weights below 0.001 in size: {small} ({initial:.1%} before training); exactly 0: {zero}; "
        f"L2 norm of all hidden weights: {norms}."
    ]


def _references(first: Mapping[str, Any], name: str, references: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not references:
        return []
    best = min(references, key=lambda other: references[other][PRIMARY]["mean"])
    found = references[best]
    which = "lower" if found[PRIMARY]["mean"] < first[PRIMARY]["mean"] else "higher"
    return [
        f"The best classifier that is no network, {best}, has a {which} log loss than {name}: "
        f"{found[PRIMARY]['mean']:.4f} against {first[PRIMARY]['mean']:.4f} "
        f"(AUC {found['test_auc']['mean']:.4f} against {first['test_auc']['mean']:.4f})."
    ]


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
    which = "it" if len(best) == 1 else ranking[0]
    return (
        f"On {sample}, {who}: {which} has {score} against {variants[REFERENCE][PRIMARY]['mean']:.4f} of large, "
        f"{-found['mean']:.4f} lower ({confidence:.0%} interval {-found['ci_high']:.4f} to {-found['ci_low']:.4f})"
    )


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
