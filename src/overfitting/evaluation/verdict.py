"""The verdict: sentences in which every number comes from the results."""

from collections.abc import Mapping, Sequence

from overfitting.config.schema import Evaluation
from overfitting.evaluation.formats import listed
from overfitting.evaluation.results import REFERENCE, Baseline, Training, Variant, Verdict

WEIGHTS = (REFERENCE, "l1", "l2")  # variants whose hidden weights are compared


def verdict(
    test_rows: int, variants: Mapping[str, Variant], baselines: Mapping[str, Baseline], evaluation: Evaluation
) -> Verdict:
    """Ranking, best group, the answer in one sentence and details."""
    ranking = sorted(variants, key=lambda name: variants[name].log_loss.mean)
    best = [name for name in ranking if variants[name].group == "best"]
    seeds = len(variants[ranking[0]].log_loss.seeds)
    sample = f"On {test_rows:,} test rows and {seeds} seed{'s' if seeds > 1 else ''}"
    parts = [f"{sample}, {_answer(best, ranking, variants, evaluation.confidence)}"]
    for group, text in (
        ("better", "better than large, but not best"),
        ("tied", "no significant difference from large"),
        ("worse", "worse than large" if REFERENCE in variants else "worse"),
    ):
        members = [name for name in ranking if variants[name].group == group]
        if members:
            parts.append(f"{text}: {listed(members)}")
    trained = {name: found for name in ranking if (found := variants[name].training)}
    details = (
        *_overfitting(trained, evaluation.gap),
        *_weights(trained),
        *_best_baseline(variants[ranking[0]], ranking[0], baselines),
    )
    return Verdict(sentence="; ".join(parts) + ".", best=tuple(best), ranking=tuple(ranking), details=details)


def _answer(best: Sequence[str], ranking: Sequence[str], variants: Mapping[str, Variant], confidence: float) -> str:
    first = variants[ranking[0]]
    loss = f"{first.log_loss.mean:.4f}"
    if len(first.log_loss.seeds) < 2:
        return f"{ranking[0]} has the lowest log loss, {loss}, but one seed is not enough to rank variants"
    if REFERENCE in best:
        others = [name for name in best if name != REFERENCE]
        tied = f"; tied with large: {listed(others)}" if others else ""
        return f"no remedy is better than large, whose log loss is {variants[REFERENCE].log_loss.mean:.4f}{tied}"
    tied = ", tied" if len(best) > 1 else ""
    if not first.difference:
        return f"{listed(best)} {'are' if tied else 'is'} best{tied}: the lowest log loss is {loss}"
    low, high = first.difference.interval
    return (
        f"{listed(best)} helped most{tied}: {ranking[0] if tied else 'it'} lowered log loss from "
        f"{variants[REFERENCE].log_loss.mean:.4f} (large) to {loss}, by {-first.difference.mean:.4f} "
        f"({confidence:.0%} interval {-high:.4f} to {-low:.4f})"
    )


def _overfitting(trained: Mapping[str, Training], gap: float) -> list[str]:
    """What happens to `large` after its best epoch, and the last losses of variants that train as long."""
    if REFERENCE not in trained:
        return []
    large = trained[REFERENCE]
    passed = large.gap_epoch.median
    when = f"first exceeds {gap:g} in epoch {passed:.0f} (median)" if passed else f"never exceeds {gap:g}"
    as_long = {name: found for name, found in trained.items() if found.epochs.mean >= large.epochs.mean}
    same = all(found.epochs.mean == large.epochs.mean for found in as_long.values())
    end = f"after all {large.epochs.mean:.0f} epochs, without early stopping" if same else "at the last epoch"
    final = {name: found.val_log_loss_last.mean for name, found in as_long.items()}
    listed = ", ".join(f"{name} {final[name]:.3f}" for name in sorted(final, key=final.__getitem__))
    return [
        f"After its best epoch ({large.best_epoch.mean:.0f} of {large.epochs.mean:.0f}), large overfits: validation "
        f"log loss goes from {large.val_log_loss_best.mean:.3f} to {large.val_log_loss_last.mean:.3f}, while training "
        f"log loss goes to {large.train_log_loss_last.mean:.3f}; the gap between them {when}.",
        f"Validation log loss {end}: {listed}.",
    ]


def _weights(trained: Mapping[str, Training]) -> list[str]:
    """Whether L1 makes weights zero, and L2 only small."""
    shown = {name: trained[name] for name in WEIGHTS if name in trained}
    if not {"l1", "l2"} & set(shown):
        return []
    small = ", ".join(f"{name} {training.near_zero_share.mean:.1%}" for name, training in shown.items())
    zero = ", ".join(f"{name} {training.zero_share.mean:.1%}" for name, training in shown.items())
    norms = ", ".join(f"{name} {training.weight_norm.mean:.1f}" for name, training in shown.items())
    initial = list(shown.values())[-1].near_zero_share_initial.mean
    return [
        f"Share of hidden weights below 0.001 in absolute value: {small} ({initial:.1%} before training); "
        f"exactly 0: {zero}; L2 norm of all hidden weights: {norms}."
    ]


def _best_baseline(first: Variant, name: str, baselines: Mapping[str, Baseline]) -> list[str]:
    if not baselines:
        return []
    best = min(baselines, key=lambda other: baselines[other].log_loss.mean)
    found = baselines[best]
    which = "lower" if found.log_loss.mean < first.log_loss.mean else "higher"
    return [
        f"The best non-neural baseline, {best}, has a {which} log loss than {name}: "
        f"{found.log_loss.mean:.4f} against {first.log_loss.mean:.4f} "
        f"(AUC {found.metrics['test_auc'].mean:.4f} against {first.metrics['test_auc'].mean:.4f})."
    ]
