"""Advice: what to do, computed from the results."""

from overfitting.evaluation.formats import in_words, listed
from overfitting.evaluation.language import capital, joined, say
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import REFERENCE, Metrics


def advice(metrics: Metrics, curve: LearningCurve | None = None) -> list[str]:
    """Recommendations, most important first; each follows from statuses and losses of this comparison."""
    if len(metrics.run.seeds) < 2:
        return [say("Train with several seeds before choosing anything: one seed cannot tell a remedy from luck.")]
    if REFERENCE not in metrics.variants:
        return [say("Add large to the variants: without it, no remedy can be judged.")]
    found = (_stop(metrics), _remedy(metrics), _smaller(metrics), _baseline(metrics), _more_rows(metrics, curve))
    return [sentence for sentence in found if sentence]


def _stop(metrics: Metrics) -> str:
    large, stopped = metrics.variants[REFERENCE], metrics.early_stopping
    if stopped and stopped.status == "better":
        return say(
            "Stop early: keep the weights of the epoch with the best validation loss. This alone lowers the large "
            "network's test log loss from {late:.3f} to {early:.3f}, at no cost.",
            late=large.late.log_loss.mean,
            early=large.early.log_loss.mean,
        )
    if stopped and stopped.status == "undecided":
        return say("Stop early all the same, it costs nothing: whether the large network overfits here is undecided.")
    return say("You need not fight overfitting here: the large network's last epoch is not worse.")


def _remedy(metrics: Metrics) -> str:
    """Which remedy to add, or what would decide whether one helps."""
    if better := metrics.with_status("early", "better"):
        difference = metrics.variants[better[0]].early.difference
        assert difference
        add = say(
            "Add {name}: it lowers test log loss by another {fall:.4f} (at least {least:.4f}).",
            name=in_words(better[0]), fall=-difference.mean, least=-difference.interval[1],
        )  # fmt: skip
        equals = [in_words(name) for name in metrics.verdict.best if name != better[0]]
        if not equals:
            return add
        easiest = say("If {names} is easier for you, use that: it may be just as good.", names=listed(equals, " or "))
        return joined(add, easiest)
    needed = {
        name: difference.seeds_needed
        for name in metrics.with_status("early", "undecided")
        if (difference := metrics.variants[name].early.difference) and difference.seeds_needed
    }
    if not needed:
        return say("Add no remedy for the sake of better predictions: none is shown to bring any.")
    name = min(needed, key=needed.__getitem__)
    return say(
        "Add no remedy yet: none is shown to predict better. With {count} seeds, {name} would be decided.",
        name=in_words(name), count=needed[name],
    )  # fmt: skip


def _smaller(metrics: Metrics) -> str:
    """A smaller network that is as good as `large`."""
    large = metrics.variants[REFERENCE]
    found = [
        name
        for name in metrics.with_status("early", "equivalent")
        if metrics.variants[name].parameters * large.networks < large.parameters
    ]
    if not found or metrics.with_status("early", "better"):
        return ""
    name = min(found, key=lambda name: metrics.variants[name].parameters)
    return capital(
        say("{name} is enough: it predicts as well as the large one, within {margin:g}.", name=in_words(name),
            margin=metrics.run.margin)
    )  # fmt: skip


def _baseline(metrics: Metrics) -> str:
    """A baseline that is as good as the best variant."""
    ranked = metrics.block("ranked")
    if not metrics.baselines or not ranked:
        return ""
    name, found = next(iter(metrics.ranked_baselines.items()))
    loss, best = found.log_loss.mean, metrics.variants[ranked[0]].early.log_loss.mean
    if loss <= best:
        return say(
            "Try {name} first: its test log loss of {loss:.4f} is below that of every network here.",
            name=name,
            loss=loss,
        )
    if loss > best + metrics.run.margin:
        return ""
    return say("Consider {name}: it is almost as good ({loss:.4f}) without a network.", name=name, loss=loss)


def _more_rows(metrics: Metrics, curve: LearningCurve | None) -> str:
    """Whether more rows do more for `large` than any remedy does."""
    if not curve or REFERENCE not in curve.variants:
        return ""
    rows, loss = curve.sizes[-1], curve.variants[REFERENCE][-1].early.mean
    lowest = min(metrics.variants[name].early.log_loss.mean for name in metrics.block("ranked"))
    if rows <= metrics.data.train_rows or loss >= lowest:
        return ""
    return say(
        "Get more rows if you can: with {rows:,} of them the large network alone reaches {loss:.3f}, below every "
        "remedy with {fewer:,}.",
        rows=rows, loss=loss, fewer=metrics.data.train_rows,
    )  # fmt: skip
