"""The verdict: two answers and details, in which every number comes from the results."""

from collections.abc import Callable, Sequence

from overfitting.evaluation import power
from overfitting.evaluation.formats import estimate, listed
from overfitting.evaluation.results import REFERENCE, Difference, Metrics, Phase, Status, Training, Verdict

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
WEIGHTS = ("l1", "l1_proximal", "l2")  # variants whose hidden weights are compared with those of `large`
NAMED = 3  # remedies that a sentence names before it counts the others


def in_words(name: str) -> str:
    """A variant's name for people; `tuned/l2` is L2."""
    plain = name.removeprefix("tuned/")
    return WORDS.get(plain, plain)


def verdict(metrics: Metrics) -> Verdict:
    """Both answers and details, for results whose ranking and best set are known."""
    parts = (_failed, _statuses, power.sentences, _given, _ensembles, _weights, _baseline)
    details = tuple(sentence for part in parts for sentence in part(metrics))
    answers = {"prevents": _prevents(metrics), "predicts": _predicts(metrics), "details": details}
    return metrics.verdict.model_copy(update=answers)


def _prevents(metrics: Metrics) -> str:
    """Question 1: does it prevent overfitting?"""
    if REFERENCE not in metrics.variants:
        return "Without large no remedy can be shown to prevent overfitting."
    large, stopped = metrics.variants[REFERENCE], metrics.early_stopping
    training = large.training
    assert stopped
    assert training
    sample = power.sample(metrics)
    end, start = large.late.log_loss.mean, large.early.log_loss.mean
    if stopped.status == "one seed":
        return (
            f"{sample}, large ends at a test log loss of {end:.3f} after {training.epochs.mean:.0f} epochs and had "
            f"{start:.3f} at its best epoch; one seed decides nothing."
        )
    trained = f"trained for all {training.epochs.mean:.0f} epochs, the large network"
    ends = f"{trained} ends at a test log loss of {end:.3f}"
    if stopped.status != "better":
        difference = estimate(stopped, signed=True)
        return f"{_not_shown(stopped)} {sample}, {ends}, and at {start:.3f} if stopped early (difference {difference})."
    remedies = metrics.with_status("late", "better")
    others = [name for name in metrics.block("ranked") if name != REFERENCE]
    if not remedies:
        return f"{sample}, {ends}; stopping early prevents that ({start:.3f}), no other remedy is shown to."
    shown = listed([f"{in_words(name)} ({metrics.variants[name].late.log_loss.mean:.3f})" for name in remedies[:NAMED]])
    count = f"all {len(others)}" if len(remedies) == len(others) else f"{len(remedies)} of {len(others)}"
    return (
        f"Yes, overfitting can be prevented: {trained} ends at a test log loss of {end:.3f} instead of {start:.3f} at "
        f"its best epoch, and {count} remedies end lower without stopping early, lowest {shown}."
    )


def _not_shown(stopped: Difference) -> str:
    """Start of the first answer, if stopping early is not better."""
    if stopped.status == "undecided":
        return "It is undecided whether the large network overfits here."
    return "The large network does not overfit here, so there is nothing to prevent."


def _predicts(metrics: Metrics) -> str:
    """Question 2: does it predict better than stopping early does?"""
    ranked, best = metrics.block("ranked"), metrics.verdict.best
    if not ranked:
        return "No variant is ranked."
    first = metrics.variants[ranked[0]]
    loss = f"{first.early.log_loss.mean:.4f}"
    if len(metrics.run.seeds) < 2:
        return f"{in_words(ranked[0])} has the lowest early test log loss, {loss}, but one seed decides nothing."
    if REFERENCE not in metrics.variants:
        return f"Among {len(ranked)} variants, {_best(best)}: the lowest early test log loss is {loss}."
    better = metrics.with_status("early", "better")
    large = metrics.variants[REFERENCE].early.log_loss.mean
    if not better:
        return f"No remedy is shown to predict better than stopping the large network early does ({large:.4f})."
    top = metrics.variants[better[0]]
    assert top.early.difference
    low, high = top.early.difference.interval
    lowers = (
        f"lowers test log loss from {large:.4f} to {top.early.log_loss.mean:.4f}, by {-top.early.difference.mean:.4f} "
        f"({metrics.run.confidence:.0%} interval {-high:.4f} to {-low:.4f})"
    )
    if best == (better[0],):
        others = f"; {len(better)} remedies predict better than large" if len(better) > 1 else ""
        return f"Beyond stopping early, {in_words(better[0])} helps most: it {lowers}{others}."
    count = "one remedy predicts" if len(better) == 1 else f"{len(better)} remedies predict"
    return f"Beyond stopping early, {count} better; {_best(best)}. {_capital(in_words(better[0]))} {lowers}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _best(best: Sequence[str]) -> str:
    names = listed([in_words(name) for name in best])
    return f"{names} is best" if len(best) == 1 else f"the best is one of {names}"


def _failed(metrics: Metrics) -> list[str]:
    return [f"{name} failed and is not ranked: {reason}." for name, reason in metrics.failed.items()]


def _statuses(metrics: Metrics) -> list[str]:
    """What each question says of the ranked variants that the answers do not name."""
    if REFERENCE not in metrics.variants or len(metrics.run.seeds) < 2:
        return []
    margin = metrics.run.margin
    phases: tuple[tuple[Phase, str], ...] = (
        ("late", "Left to train to the last epoch"),
        ("early", "With the weights of the best epoch"),
    )
    texts: tuple[tuple[Status, str], ...] = (
        ("better", "better than large"),
        ("equivalent", f"within {margin:g} of large"),
        ("undecided", "undecided"),
        ("worse", "worse"),
    )
    sentences = []
    for phase, start in phases:
        parts = [
            f"{text}: {listed([_named(metrics, phase, name) for name in names])}"
            for status, text in texts
            if (names := metrics.with_status(phase, status))
        ]
        if parts:
            sentences.append(f"{start}, {'; '.join(parts)}.")
    return sentences


def _named(metrics: Metrics, phase: Phase, name: str) -> str:
    """The variant, and what an undecided difference would take."""
    difference = metrics.variants[name].scores(phase).difference
    if difference is None or difference.status != "undecided":
        return in_words(name)
    needed = difference.seeds_needed
    return f"{in_words(name)} ({f'{needed} seeds' if needed else 'more rows'} would decide)"


def _given(metrics: Metrics) -> list[str]:
    """What tuning bought over the strengths that were given."""
    if not metrics.tuning:
        return []
    parts = [f"{in_words(name)} {estimate(found, signed=True)}" for name, found in metrics.tuning.items()]
    return [
        "Tuning changed the early test log loss, against the tutorial's strengths, by: "
        f"{'; '.join(parts)}. The strengths were chosen on rows that no run here sees."
        if metrics.data.search_rows
        else f"Tuning changed the early test log loss, against the tutorial's strengths, by: {'; '.join(parts)}."
    ]


def _ensembles(metrics: Metrics) -> list[str]:
    """What an ensemble buys, and at which cost."""
    found = []
    for name in metrics.block("ensemble"):
        variant = metrics.variants[name]
        difference = variant.early.difference
        if difference:
            found.append(
                f"Averaging {variant.networks} networks of {variant.ensemble_of} on the same rows ({name}) costs "
                f"{variant.networks} trainings and changes the early test log loss by "
                f"{estimate(difference, signed=True)}."
            )
    return found


def _weights(metrics: Metrics) -> list[str]:
    """Whether L1 makes weights zero, and L2 only small."""
    trained = metrics.trained
    shown = [name for name in (REFERENCE, *(f"tuned/{name}" for name in WEIGHTS), *WEIGHTS) if name in trained]
    if not set(shown) - {REFERENCE}:
        return []

    def each(text: Callable[[Training], str]) -> str:
        return ", ".join(f"{name} {text(trained[name])}" for name in shown)

    initial = trained[shown[0]].near_zero_share_initial.mean
    return [
        f"Share of hidden weights below 0.001: {each(lambda found: f'{found.early.near_zero_share.mean:.1%}')} "
        f"({initial:.1%} before training); exactly 0: {each(lambda found: f'{found.early.zero_share.mean:.1%}')}. "
        f"Validation log loss, and what is left of it without those weights: {each(_pruned)}."
    ]


def _pruned(training: Training) -> str:
    return f"{training.early.val_log_loss.mean:.4f} and {training.early.val_log_loss_pruned.mean:.4f}"


def _baseline(metrics: Metrics) -> list[str]:
    """The best baseline beside the first variant."""
    if not metrics.baselines or not metrics.block("ranked"):
        return []
    name, found = next(iter(metrics.ranked_baselines.items()))
    first = metrics.variants[metrics.block("ranked")[0]]
    which = "lower" if found.log_loss.mean < first.early.log_loss.mean else "higher"
    return [
        f"The best non-neural baseline, {name}, has a {which} test log loss than {metrics.block('ranked')[0]}: "
        f"{found.log_loss.mean:.4f} against {first.early.log_loss.mean:.4f} "
        f"(AUC {found.metrics['test_auc'].mean:.4f} against {first.early.metrics['test_auc'].mean:.4f})."
    ]
