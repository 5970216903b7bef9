"""The comment on a pull request: what the branch changes against its base, and why its check fails."""

from collections.abc import Sequence

from overfitting.base import markdown
from overfitting.base.errors import UserError
from overfitting.base.repository import dvc
from overfitting.config.composition import compose_variants
from overfitting.config.schema import Evaluation
from overfitting.evaluation import formats
from overfitting.evaluation.results import PRIMARY, REFERENCE, Metrics
from overfitting.review import commits
from overfitting.review.changes import OF_TRAINING, Basis, Change, basis, changes
from overfitting.review.sections import Section, assemble

DIGITS = {"best_epoch": 1}  # decimals of a metric; 4 by default
HIGHER_IS_BETTER = ("test_auc", "test_accuracy")
CHANGES = "Changes beyond noise"


def describe(base: str) -> tuple[str, list[str]]:
    """The comment on the changes of the working tree against `base`, and the reasons why the check fails, if any.

    The check fails if the configuration is wrong, a stage failed or did not run, or a verdict is lost.

    Raises:
        UserError: git does not know `base`.
    """
    commit = commits.common_ancestor(base)
    parameters = _parameters(commit, base)
    try:
        configs = compose_variants()
        problems = [f"`{stage}` failed or did not run; `dvc repro` runs it" for stage in commits.outdated_stages()]
    except UserError as error:
        problems = [str(error)]
    if problems:
        return assemble("Not reproduced: the check fails", [_reasons(problems), parameters]), problems
    return _reproduced(commit, parameters, next(iter(configs.values())).evaluation)


def _reproduced(commit: str, parameters: Section, evaluation: Evaluation) -> tuple[str, list[str]]:
    """The comment if all stages ran."""
    after = commits.current_results()
    try:
        before = commits.results(commit)
    except UserError as error:
        lost: list[str] = []
        compared = [
            _ranking(None, after.metrics, []),
            Section(CHANGES, [f"The results of the base cannot be compared: {error}."]),
        ]
    else:
        lost = lost_verdicts(before.metrics, after.metrics, evaluation.confidence)
        found = changes(before, after, evaluation)
        compared = [_ranking(before.metrics, after.metrics, found), *judged(found, basis(before, after))]
    sections = [
        *([_reasons(lost)] if lost else []),
        parameters,
        _stages(commit),
        *compared,
        Section("Figures that moved", [", ".join(commits.moved_figures(commit)) or "None."]),
    ]
    return assemble(after.metrics.verdict.sentence, sections), lost


def lost_verdicts(before: Metrics, after: Metrics, confidence: float) -> list[str]:
    """Verdicts of `before` that `after` lost: that a variant, or that any variant, is better than large."""
    was, now = (_better_than_large(metrics, confidence) for metrics in (before, after))
    if was and REFERENCE not in after.variants:
        return ["`large` is no longer trained, so no variant can be called better"]
    lost = [
        f"`{name}` was better than large ({_against_large(before, name)}) and no longer is "
        f"({_against_large(after, name)})"
        for name in was
        if name in after.variants and name not in now
    ]
    return [*lost, "no variant is better than large any more"] if was and not now else lost


def ranking(before: Metrics | None, after: Metrics, found: Sequence[Change]) -> list[str]:
    """Lines of a table of the variants by their present rank, with their results before, if there are any."""
    old = before.variants if before else {}
    ranks = {name: rank for rank, name in enumerate(before.verdict.ranking, 1)} if before else {}
    change = {change.variant: change for change in found if change.metric == PRIMARY}
    rows = []
    for rank, name in enumerate(after.verdict.ranking, 1):
        then, now = old.get(name), after.variants[name]
        rows.append(
            [
                str(rank),
                str(ranks.get(name, formats.NONE)),
                name,
                formats.estimate(then.log_loss) if then else formats.NONE,
                formats.estimate(now.log_loss),
                _size(change[name]) if name in change else formats.NONE,
                now.group if then is None or then.group == now.group else f"{then.group} → {now.group}",
            ]
        )
    gone = [name for name in ranks if name not in after.variants]
    rows += [["", str(ranks[name]), f"~~{name}~~", formats.estimate(old[name].log_loss), "", "", ""] for name in gone]
    return markdown.table(["rank", "before", "variant", "log loss before", "now", "change", "group"], rows).split("\n")


def judged(found: Sequence[Change], how: Basis) -> list[Section]:
    """Changes beyond noise in words and in a table; then, folded, what differs by no more than noise."""
    if not found:
        return [Section(CHANGES, ["The two commits have no variant in common."])]
    real = [change for change in found if change.beyond_noise]
    noise = [change for change in found if not change.beyond_noise and not change.same]
    same = sum(change.same for change in found)
    words = (
        f"Changes are {how.value}; {found[0].confidence:.0%} intervals, p-values corrected for the number of variants "
        f"that differ (Holm). Of {len(found)} metrics, {len(real)} changed, {len(noise)} differ by no more than noise, "
        f"{same} are the same."
    )
    return [
        Section(CHANGES, [words, *(["", *_table(real)] if real else [])]),
        *([Section("Within noise, or impossible to judge", _table(noise), folded=True)] if noise else []),
    ]


def _ranking(before: Metrics | None, after: Metrics, found: Sequence[Change]) -> Section:
    return Section("Ranking by test log loss", ranking(before, after, found))


def _table(found: Sequence[Change]) -> list[str]:
    rows = [
        [
            change.variant,
            change.metric.replace("_", " "),
            f"{change.before:.{_digits(change)}f}",
            f"{change.now:.{_digits(change)}f}",
            _size(change),
            formats.p_value(change.size.p_holm),
            _judgement(change),
        ]
        for change in found
    ]
    return markdown.table(["variant", "metric", "before", "now", "change", "p (Holm)", ""], rows).split("\n")


def _judgement(change: Change) -> str:
    """Better or worse for a test metric, changed for a training metric, unless it is noise or cannot be judged."""
    if change.size.p_holm is None:
        return "one seed"
    if not change.beyond_noise:
        return "noise"
    if change.metric in OF_TRAINING:
        return "changed"
    return "better" if (change.size.mean > 0) == (change.metric in HIGHER_IS_BETTER) else "worse"


def _size(change: Change) -> str:
    if change.same:
        return "same"
    text = formats.estimate(change.size, signed=True, digits=_digits(change))
    return f"**{text}**" if change.beyond_noise else text


def _digits(change: Change) -> int:
    return DIGITS.get(change.metric, 4)


def _better_than_large(metrics: Metrics, confidence: float) -> list[str]:
    """Variants whose test log loss is lower than that of large, best first."""
    found = {name: metrics.variants[name].difference for name in metrics.verdict.ranking}
    return [
        name
        for name, difference in found.items()
        if difference and difference.mean < 0 and difference.p_holm is not None and difference.p_holm < 1 - confidence
    ]


def _against_large(metrics: Metrics, name: str) -> str:
    found = metrics.variants[name].difference
    return "not compared" if found is None else f"{found.mean:+.4f}, p {formats.p_value(found.p_holm)}"


def _reasons(problems: Sequence[str]) -> Section:
    return Section("The check fails", [f"- {line}" for problem in problems for line in problem.splitlines()])


def _parameters(commit: str, base: str) -> Section:
    """The table of `dvc params diff`, or DVC's error."""
    try:
        lines = dvc("params", "diff", "--md", commit).replace(commit, commit[:7]).splitlines()
    except UserError as error:
        lines = str(error).splitlines()
    # without changes DVC prints a header without rows
    return Section(f"Parameters against `{base}` ({commit[:7]})", lines if len(lines) > 2 else ["None changed."])


def _stages(commit: str) -> Section:
    """Stages that ran again and why; stages with the same reason share a line."""
    by_reason: dict[str, list[str]] = {}
    for name, inputs in commits.rerun_stages(commit).items():
        reason = ", ".join(inputs) or "the same inputs, another result (as on another machine)"
        by_reason.setdefault(reason, []).append(f"`{name}`")
    lines = [f"- {', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    return Section("Stages that ran again, and their changed inputs", lines or ["None."])
