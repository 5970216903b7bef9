"""The verdict: two answers and details, in which every number comes from the results."""

from collections.abc import Callable, Sequence

from overfitting.evaluation import power
from overfitting.evaluation.formats import estimate, listed
from overfitting.evaluation.language import capital, joined, say, translated
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
    return translated(WORDS.get(plain, plain))


def verdict(metrics: Metrics) -> Verdict:
    """Both answers and details, for results whose ranking and best set are known."""
    parts = (_failed, _statuses, power.sentences, _given, _ensembles, _weights, _baseline)
    details = tuple(sentence for part in parts for sentence in part(metrics))
    answers = {"prevents": _prevents(metrics), "predicts": _predicts(metrics), "details": details}
    return metrics.verdict.model_copy(update=answers)


def _prevents(metrics: Metrics) -> str:
    """Question 1: does it prevent overfitting?"""
    if REFERENCE not in metrics.variants:
        return say("Without the large network, overfitting and its prevention cannot be measured.")
    large, stopped = metrics.variants[REFERENCE], metrics.early_stopping
    training = large.training
    assert stopped
    assert training
    remedies = metrics.with_status("late", "better")
    others = [name for name in metrics.block("ranked") if name != REFERENCE]
    ends = say(
        "Trained for all {epochs:.0f} epochs, the large network ends at a test log loss of {end:.3f}; stopped at its "
        "best epoch, it has {start:.3f}.",
        epochs=training.epochs.mean,
        end=large.late.log_loss.mean,
        start=large.early.log_loss.mean,
    )
    if stopped.status == "one seed":
        return joined(ends, say("One seed is not enough to decide anything."))
    if stopped.status != "better":
        sample = power.sample(metrics)
        difference = say(
            "{sample}, stopping early changes test log loss by {size}.", sample=sample, size=_change(stopped)
        )
        return joined(_not_shown(stopped), ends, difference)
    if not remedies:
        return joined(ends, say("Stopping early prevents overfitting; no other remedy is shown to."))
    named = [
        say("{name} ({loss:.3f})", name=in_words(name), loss=metrics.variants[name].late.log_loss.mean)
        for name in remedies[:NAMED]
    ]
    count = translated("All {count} remedies" if len(remedies) == len(others) else "{count} of {all} remedies")
    lower = say(
        "{which} end lower without stopping early; the lowest: {names}.",
        which=count.format(count=len(remedies), all=len(others)),
        names=listed(named),
    )
    return joined(say("Yes, overfitting can be prevented."), ends, lower)


def _not_shown(stopped: Difference) -> str:
    """Start of the first answer, if stopping early is not better."""
    if stopped.status == "undecided":
        return say("It is undecided whether the large network overfits here.")
    return say("The large network does not overfit here, so there is nothing to prevent.")


def _predicts(metrics: Metrics) -> str:
    """Question 2: does it predict better than stopping early does?"""
    ranked, best = metrics.block("ranked"), metrics.verdict.best
    if not ranked:
        return say("No variant is ranked.")
    loss = metrics.variants[ranked[0]].early.log_loss.mean
    if len(metrics.run.seeds) < 2:
        lowest = say("{name} has the lowest early test log loss, {loss:.4f}.", name=in_words(ranked[0]), loss=loss)
        return joined(capital(lowest), say("One seed is not enough to rank variants."))
    if REFERENCE not in metrics.variants:
        return say(
            "Of {count} variants, the lowest early test log loss is {loss:.4f}; the best one is among: {names}.",
            count=len(ranked), loss=loss, names=listed([in_words(name) for name in best]),
        )  # fmt: skip
    better, large = metrics.with_status("early", "better"), metrics.variants[REFERENCE].early.log_loss.mean
    if not better:
        return say(
            "No remedy is shown to predict better than the large network stopped early ({loss:.4f}).", loss=large
        )
    return joined(_helped_most(metrics, better[0], large), _others(better, best))


def _helped_most(metrics: Metrics, name: str, large: float) -> str:
    difference = metrics.variants[name].early.difference
    assert difference
    low, high = difference.interval
    return say(
        "Compared with stopping early, {name} helped most: test log loss fell from {large:.4f} to {loss:.4f}, by "
        "{fall:.4f} ({confidence:.0%} interval {low:.4f} to {high:.4f}).",
        name=in_words(name), large=large, loss=metrics.variants[name].early.log_loss.mean, fall=-difference.mean,
        confidence=metrics.run.confidence, low=-high, high=-low,
    )  # fmt: skip


def _others(better: Sequence[str], best: Sequence[str]) -> str:
    """What else predicts better than `large`, and what may be as good as the first of `better`."""
    also = [name for name in best if name != better[0]]
    if len(better) == 1 and not also:
        return say("No other remedy is shown to help.")
    equals = say("{names} may be just as good", names=listed([in_words(name) for name in also])) if also else ""
    count = say("{count} remedies predict better than stopping early", count=len(better)) if len(better) > 1 else ""
    return say("{parts}.", parts=capital(translated("; ").join(filter(None, [equals, count]))))


def _failed(metrics: Metrics) -> list[str]:
    text = "{name} failed and is not ranked: {reason}."
    return [say(text, name=name, reason=reason) for name, reason in metrics.failed.items()]


def _statuses(metrics: Metrics) -> list[str]:
    """What each question says of the ranked variants that the answers do not name."""
    if REFERENCE not in metrics.variants or len(metrics.run.seeds) < 2:
        return []
    texts: dict[Status, str] = {
        "better": say("better than large"),
        "equivalent": say("within {margin:g} of large", margin=metrics.run.margin),
        "undecided": say("undecided"),
        "worse": say("worse"),
    }
    starts: dict[Phase, str] = {
        "late": translated("Trained to the last epoch: {parts}."),
        "early": translated("Stopped at the best epoch: {parts}."),
    }
    sentences = []
    for phase, start in starts.items():
        parts = [
            say("{status}: {names}", status=text, names=listed([_named(metrics, phase, name) for name in names]))
            for status, text in texts.items()
            if (names := metrics.with_status(phase, status))
        ]
        if parts:
            sentences.append(start.format(parts=translated("; ").join(parts)))
    return sentences


def _named(metrics: Metrics, phase: Phase, name: str) -> str:
    """The variant, and what an undecided difference would take."""
    difference = metrics.variants[name].scores(phase).difference
    if difference is None or difference.status != "undecided":
        return in_words(name)
    if difference.seeds_needed is None:
        return say("{name} (more rows would decide)", name=in_words(name))
    return say("{name} ({count} seeds would decide)", name=in_words(name), count=difference.seeds_needed)


def _given(metrics: Metrics) -> list[str]:
    """What tuning bought over the strengths that were given."""
    if not metrics.tuning:
        return []
    parts = [f"{in_words(name)} {_change(found)}" for name, found in metrics.tuning.items()]
    start = say(
        "Compared with the tutorial's strengths, tuning changed early test log loss by: {parts}.",
        parts=translated("; ").join(parts),
    )
    unseen = say("The strengths were chosen on rows that no run here sees.") if metrics.data.search_rows else ""
    return [joined(start, unseen)]


def _ensembles(metrics: Metrics) -> list[str]:
    """What an ensemble buys, and at which cost."""
    return [
        say(
            "Averaging {count} networks of {member} trained on the same rows ({name}) costs {count} trainings and "
            "changes early test log loss by {change}.",
            count=variant.networks, member=variant.ensemble_of, name=name, change=_change(variant.early.difference),
        )
        for name in metrics.block("ensemble")
        if (variant := metrics.variants[name]).early.difference
    ]  # fmt: skip


def _change(found: Difference | None) -> str:
    return estimate(found, signed=True) if found else ""


def _weights(metrics: Metrics) -> list[str]:
    """Whether L1 makes weights zero, and L2 only small."""
    trained = metrics.trained
    shown = [name for name in (REFERENCE, *(f"tuned/{name}" for name in WEIGHTS), *WEIGHTS) if name in trained]
    if not set(shown) - {REFERENCE}:
        return []

    def each(text: Callable[[Training], str]) -> str:
        return listed([f"{name} {text(trained[name])}" for name in shown])

    return [
        joined(
            say(
                "Share of hidden weights below 0.001: {small} ({initial:.1%} before training); exactly 0: {zero}.",
                small=each(lambda found: f"{found.early.near_zero_share.mean:.1%}"),
                initial=trained[shown[0]].near_zero_share_initial.mean,
                zero=each(lambda found: f"{found.early.zero_share.mean:.1%}"),
            ),
            say("Validation log loss with and without those weights: {losses}.", losses=each(_pruned)))
    ]  # fmt: skip


def _pruned(training: Training) -> str:
    return f"{training.early.val_log_loss.mean:.4f} / {training.early.val_log_loss_pruned.mean:.4f}"


def _baseline(metrics: Metrics) -> list[str]:
    """The best baseline beside the first variant."""
    if not metrics.baselines or not metrics.block("ranked"):
        return []
    (name, found), other = next(iter(metrics.ranked_baselines.items())), metrics.block("ranked")[0]
    first = metrics.variants[other].early
    return [
        say(
            "The best non-neural baseline, {name}, has a {which} test log loss than {other}: {losses} (AUC {areas}).",
            name=name,
            which=translated("lower" if found.log_loss.mean < first.log_loss.mean else "higher"),
            other=other,
            losses=_both(found.log_loss.mean, first.log_loss.mean),
            areas=_both(found.metrics["test_auc"].mean, first.metrics["test_auc"].mean),
        )
    ]


def _both(one: float, other: float) -> str:
    return say("{one:.4f} against {other:.4f}", one=one, other=other)
