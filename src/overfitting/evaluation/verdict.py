"""The verdict: two answers and details, in which every number comes from the results."""

from collections.abc import Callable, Iterator
from operator import itemgetter

from overfitting.data.test_rows import is_repeated, rows_per_seed
from overfitting.evaluation.formats import estimate, in_words, listed
from overfitting.evaluation.language import capital, joined, say, translated
from overfitting.evaluation.results import REFERENCE, Fits, Metrics, Phase, Status, Verdict

WEIGHTS = ("l1", "l1_proximal", "l2")  # variants whose hidden weights are compared with those of `large`
NAMED = 3  # remedies that a sentence names before it counts the others
SIMPLEST = "logistic_regression"  # the baseline that a network should beat
COMPARED: dict[Status, str] = {
    "better": "predicts better than",
    "worse": "predicts worse than",
    "equivalent": "predicts as well as",
    "undecided": "is not shown to predict better or worse than",
}


def verdict(metrics: Metrics) -> Verdict:
    """Both answers and details, for results whose ranking and best set are known."""
    answers = {"prevents": _prevents(metrics), "predicts": _predicts(metrics), "details": tuple(_details(metrics))}
    return metrics.verdict.model_copy(update=answers)


def _prevents(metrics: Metrics) -> str:
    """Question 1: does it prevent overfitting?"""
    if REFERENCE not in metrics.variants:
        return say("Without the large network, overfitting and its prevention cannot be measured.")
    large, stopped = metrics.variants[REFERENCE], metrics.early_stopping
    assert stopped
    assert large.training
    ends = say(
        "Trained for all {epochs:.0f} epochs, the large network ends at a test log loss of {end:.3f}; stopped at its "
        "best epoch, it has {start:.3f}.",
        epochs=large.training.epochs.mean, end=large.late.log_loss.mean, start=large.early.log_loss.mean,
    )  # fmt: skip
    if stopped.status == "one seed":
        return joined(ends, say("One seed is not enough to decide anything."))
    if stopped.status != "better":
        text = "{sample}, stopping early changes test log loss by {size}."
        start = say(
            "It is undecided whether the large network overfits here."
            if stopped.status == "undecided"
            else "The large network does not overfit here, so there is nothing to prevent."
        )
        return joined(start, ends, say(text, sample=_sample(metrics), size=estimate(stopped, signed=True)))
    remedies = metrics.with_status("late", "better")
    if not remedies:
        return joined(ends, say("Stopping early prevents overfitting; no other remedy is shown to."))
    all_remedies = len(set(metrics.block("ranked")) - {REFERENCE})
    count = translated("All {count} remedies" if len(remedies) == all_remedies else "{count} of {all} remedies")
    losses = {in_words(name): metrics.variants[name].late.log_loss.mean for name in remedies[:NAMED]}
    lower = say(
        "{which} end lower without stopping early; the lowest: {names}.",
        which=count.format(count=len(remedies), all=all_remedies),
        names=listed([say("{name} ({loss:.3f})", name=name, loss=loss) for name, loss in losses.items()]),
    )
    return joined(say("Yes, overfitting can be prevented."), ends, lower)


def _predicts(metrics: Metrics) -> str:
    """Question 2: does it predict better than stopping early does?"""
    ranked, best = metrics.block("ranked"), metrics.verdict.best
    if not ranked:
        return say("No variant is ranked.")
    first = metrics.variants[ranked[0]].early.log_loss.mean
    if len(metrics.run.seeds) < 2:
        lowest = say("{name} has the lowest early test log loss, {loss:.4f}.", name=in_words(ranked[0]), loss=first)
        return joined(capital(lowest), say("One seed is not enough to rank variants."))
    if REFERENCE not in metrics.variants:
        return say(
            "Of {count} variants, the lowest early test log loss is {loss:.4f}; the best one is among: {names}.",
            count=len(ranked), loss=first, names=listed([in_words(name) for name in best]),
        )  # fmt: skip
    better, large = metrics.with_status("early", "better"), metrics.variants[REFERENCE].early.log_loss.mean
    if not better:
        return say(
            "No remedy is shown to predict better than the large network stopped early ({loss:.4f}).", loss=large
        )
    difference = metrics.variants[better[0]].early.difference
    assert difference
    low, high = difference.interval
    helped = say(
        "Compared with stopping early, {name} helped most: test log loss fell from {large:.4f} to {loss:.4f}, by "
        "{fall:.4f} ({confidence:.0%} interval {low:.4f} to {high:.4f}).",
        name=in_words(better[0]), large=large, loss=metrics.variants[better[0]].early.log_loss.mean,
        fall=-difference.mean, confidence=metrics.run.confidence, low=-high, high=-low,
    )  # fmt: skip
    also = [in_words(name) for name in best if name != better[0]]
    others = [say("{names} may be just as good", names=listed(also))] if also else []
    if len(better) > 1:
        others.append(say("{count} remedies predict better than stopping early", count=len(better)))
    if not others:
        return joined(helped, say("No other remedy is shown to help."))
    return joined(helped, say("{parts}.", parts=capital(translated("; ").join(others))))


def _sample(metrics: Metrics) -> str:
    """Start of a sentence: the test rows and seeds that a statement rests on, if there are several seeds."""
    split, fixed = "On {seeds} repeated splits with {rows:,} test rows each", "On {rows:,} test rows and {seeds} seeds"
    text = split if is_repeated(metrics.data) else fixed
    return say(text, rows=rows_per_seed(metrics.data), seeds=len(metrics.run.seeds))


def _details(metrics: Metrics) -> Iterator[str]:
    for name, reason in metrics.failed.items():
        yield say("{name} failed and is not ranked: {reason}.", name=name, reason=reason)
    if REFERENCE in metrics.variants and len(metrics.run.seeds) > 1:
        yield from _statuses(metrics)
        yield from _undecided(metrics)
        yield from _simplest(metrics)
    yield from _costs(metrics)
    yield from _weights(metrics)
    yield from _baseline(metrics)


def _statuses(metrics: Metrics) -> Iterator[str]:
    """The ranked variants by what each question says of them."""
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
    for phase, start in starts.items():
        named = {
            text: [_named(metrics, phase, name) for name in metrics.with_status(phase, status)]
            for status, text in texts.items()
        }
        parts = [say("{status}: {names}", status=text, names=listed(names)) for text, names in named.items() if names]
        if parts:
            yield start.format(parts=translated("; ").join(parts))


def _named(metrics: Metrics, phase: Phase, name: str) -> str:
    """The variant, and what an undecided difference would take."""
    difference = metrics.variants[name].scores(phase).difference
    if difference is None or difference.status != "undecided":
        return in_words(name)
    if difference.seeds_needed is None:
        return say("{name} (more rows would decide)", name=in_words(name))
    return say("{name} ({count} seeds would decide)", name=in_words(name), count=difference.seeds_needed)


def _undecided(metrics: Metrics) -> Iterator[str]:
    """How wide the intervals of the undecided early differences are, and what would decide the clearest of them.

    More rows narrow an interval with their root.
    """
    names = metrics.with_status("early", "undecided")
    found = [difference for name in names if (difference := metrics.variants[name].early.difference)]
    start = say("{sample}, early differences that stay undecided: {count}.", sample=_sample(metrics), count=len(found))
    if any(difference.ci_low is None for difference in found):
        yield joined(start, say("So few test rows allow no intervals."))
    elif found:
        halves = [(high - low) / 2 for low, high in (difference.interval for difference in found)]
        relative = [half / max(abs(each.mean), 1e-9) for half, each in zip(halves, found, strict=True)]
        width, clearest = min(zip(relative, found, strict=True), key=itemgetter(0))
        reach = say("Their intervals reach {low:.3f} to {high:.3f} to each side.", low=min(halves), high=max(halves))
        text, rows = "{rows:,.0f} rows instead of {now:,}; more seeds would not be enough", metrics.data.rows
        needed = say(text, rows=float(f"{rows * width**2:.2g}"), now=rows)
        if clearest.seeds_needed:
            needed = say("{count:,} seeds", count=clearest.seeds_needed)
        text = "To decide the clearest of them ({size:+.4f}) would take about {needed}."
        yield joined(start, reach, say(text, size=clearest.mean, needed=needed))


def _simplest(metrics: Metrics) -> Iterator[str]:
    """Whether logistic regression predicts as well as `large` early."""
    found = metrics.baselines.get(SIMPLEST)
    if found and found.difference and found.status in COMPARED:
        yield say(
            "Logistic regression {compared} the large network stopped early: {loss:.4f} against {large:.4f}, "
            "a difference of {size}.",
            compared=translated(COMPARED[found.status]), loss=found.log_loss.mean,
            large=metrics.variants[REFERENCE].early.log_loss.mean, size=estimate(found.difference, signed=True),
        )  # fmt: skip


def _costs(metrics: Metrics) -> Iterator[str]:
    """What tuning bought over the strengths that were given, and what ensembles buy at which cost."""
    if metrics.tuning:
        parts = [f"{in_words(name)} {estimate(found, signed=True)}" for name, found in metrics.tuning.items()]
        text = "Compared with the tutorial's strengths, tuning changed early test log loss by: {parts}."
        unseen = say("The strengths were chosen on rows that no run here sees.") if metrics.data.search_rows else ""
        yield joined(say(text, parts=translated("; ").join(parts)), unseen)
    for name in metrics.block("ensemble"):
        variant = metrics.variants[name]
        if variant.early.difference:
            yield say(
                "Averaging {count} networks of {member} trained on the same rows ({name}) costs {count} trainings and "
                "changes early test log loss by {change}.",
                count=variant.networks, member=variant.ensemble_of, name=name,
                change=estimate(variant.early.difference, signed=True),
            )  # fmt: skip


def _weights(metrics: Metrics) -> Iterator[str]:
    """Whether L1 makes weights zero, and L2 only small."""
    names, trained = (REFERENCE, *(f"tuned/{name}" for name in WEIGHTS), *WEIGHTS), metrics.trained
    shown = {name: trained[name].early for name in names if name in trained}
    if not shown.keys() - {REFERENCE}:
        return

    def each(text: Callable[[Fits], str]) -> str:
        return listed([f"{name} {text(fits)}" for name, fits in shown.items()])

    shares = say(
        "Share of hidden weights below 0.001: {small} ({initial:.1%} before training); exactly 0: {zero}.",
        small=each(lambda fits: f"{fits.near_zero_share.mean:.1%}"),
        initial=trained[next(iter(shown))].near_zero_share_initial.mean,
        zero=each(lambda fits: f"{fits.zero_share.mean:.1%}"),
    )
    losses = each(lambda fits: f"{fits.val_log_loss.mean:.4f} / {fits.val_log_loss_pruned.mean:.4f}")
    yield joined(shares, say("Validation log loss with and without those weights: {losses}.", losses=losses))


def _baseline(metrics: Metrics) -> Iterator[str]:
    """The best baseline beside the first variant."""
    if not metrics.baselines or not metrics.block("ranked"):
        return
    (name, found), other = next(iter(metrics.ranked_baselines.items())), metrics.block("ranked")[0]
    first = metrics.variants[other].early
    is_lower = found.log_loss.mean < first.log_loss.mean
    pairs = ((found.log_loss, first.log_loss), (found.metrics["test_auc"], first.metrics["test_auc"]))
    losses, areas = (say("{one:.4f} against {other:.4f}", one=a.mean, other=b.mean) for a, b in pairs)
    yield say(
        "The best non-neural baseline, {name}, has a {which} test log loss than {other}: {losses} (AUC {areas}).",
        name=name, which=translated("lower" if is_lower else "higher"), other=other, losses=losses, areas=areas,
    )  # fmt: skip
