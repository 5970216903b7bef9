"""The answers in words, as the page, the READMEs and the terminal show them, and advice: what to do."""

from overfitting.base import files
from overfitting.evaluation import learning_curve
from overfitting.evaluation.formats import in_words, listed
from overfitting.evaluation.language import capital, joined, say, translated
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.evaluation.verdict import verdict


def read() -> tuple[Metrics, LearningCurve | None]:
    """The results of the project in the current folder, and the learning curve if it was computed for their data.

    Raises:
        UserError: a file is missing or damaged.
    """
    metrics = Metrics.read(files.METRICS)
    return metrics, learning_curve.read(metrics)


def in_language(metrics: Metrics) -> Metrics:
    """The metrics with the verdict in the reader's language; the file has it in English."""
    return metrics if translated("variant") == "variant" else metrics.model_copy(update={"verdict": verdict(metrics)})


def answers(metrics: Metrics, curve: LearningCurve | None) -> list[str]:
    """The two answers and, if there is a learning curve, what the best remedy is worth in rows."""
    worth = learning_curve.sentences(curve, metrics.data.train_rows) if curve else []
    return [metrics.verdict.prevents, metrics.verdict.predicts, *([joined(*worth)] if worth else [])]


def conclusion(metrics: Metrics, curve: LearningCurve | None) -> str:
    """The answers and the path of the page."""
    return f"{' '.join(answers(metrics, curve))}\nThe page: {files.RESULTS / 'report.html'}"


def headline(metrics: Metrics) -> str:
    """The answer in a few words, for the title of the page."""
    if len(metrics.run.seeds) < 2 or REFERENCE not in metrics.variants:
        return say("{count} variants compared", count=len(metrics.variants))
    stopped = metrics.early_stopping.status if metrics.early_stopping else "undecided"
    late = [translated("early stopping")] if stopped == "better" else []
    late += [in_words(name) for name in metrics.with_status("late", "better")]
    if not late:
        has_none = stopped in ("equivalent", "worse")
        return say("the large network does not overfit here" if has_none else "nothing shown so far")
    return listed(late if len(late) <= 3 else [*late[:3], say("{count} more", count=len(late) - 3)])


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
            late=large.late.log_loss.mean, early=large.early.log_loss.mean,
        )  # fmt: skip
    if stopped and stopped.status == "undecided":
        return say("Stop early all the same, it costs nothing: whether the large network overfits here is undecided.")
    return say("You need not fight overfitting here: the large network's last epoch is not worse.")


def _remedy(metrics: Metrics) -> str:
    """Which remedy to add, or what would decide whether one helps."""
    differences = {name: found.early.difference for name, found in metrics.variants.items()}
    if better := metrics.with_status("early", "better"):
        difference = differences[better[0]]
        assert difference
        add = say(
            "Add {name}: it lowers test log loss by another {fall:.4f} (at least {least:.4f}).",
            name=in_words(better[0]), fall=-difference.mean, least=-difference.interval[1],
        )  # fmt: skip
        equals = [in_words(name) for name in metrics.verdict.best if name != better[0]]
        if not equals:
            return add
        easier = say("If {names} is easier for you, use that: it may be just as good.", names=listed(equals, " or "))
        return joined(add, easier)
    needed = {
        name: difference.seeds_needed
        for name in metrics.with_status("early", "undecided")
        if (difference := differences[name]) and difference.seeds_needed
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
    large, equals = metrics.variants[REFERENCE], metrics.with_status("early", "equivalent")
    parameters = {name: metrics.variants[name].parameters for name in equals}
    smaller = [name for name in equals if parameters[name] * large.networks < large.parameters]
    if not smaller or metrics.with_status("early", "better"):
        return ""
    return capital(
        say(
            "{name} is enough: it predicts as well as the large one, within {margin:g}.",
            name=in_words(min(smaller, key=parameters.__getitem__)), margin=metrics.run.margin,
        )
    )  # fmt: skip


def _baseline(metrics: Metrics) -> str:
    """A baseline that is as good as the best variant."""
    ranked = metrics.block("ranked")
    if not metrics.baselines or not ranked:
        return ""
    name, found = next(iter(metrics.ranked_baselines.items()))
    loss, best = found.log_loss.mean, metrics.variants[ranked[0]].early.log_loss.mean
    if loss > best + metrics.run.margin:
        return ""
    return say(
        "Try {name} first: its test log loss of {loss:.4f} is below that of every network here."
        if loss <= best
        else "Consider {name}: it is almost as good ({loss:.4f}) without a network.",
        name=name,
        loss=loss,
    )


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
