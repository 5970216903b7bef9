"""The comment on a pull request: what the branch changes against its base, and why its check fails."""

from collections.abc import Sequence

import numpy as np

from overfitting.base import files, markdown
from overfitting.base.errors import UserError
from overfitting.base.repository import dvc
from overfitting.config.composition import compose_variants
from overfitting.evaluation import formats
from overfitting.evaluation.results import REFERENCE, Difference, Metric, Metrics
from overfitting.review import commits
from overfitting.review.changes import Change, basis, changes, differences
from overfitting.review.sections import Section, assemble

CHANGES = "Differences to `large` that changed"
HEADLINES = 6  # lines at the top, at most
OTHERS: tuple[Metric, ...] = ("test_auc", "test_accuracy", "test_brier", "test_calibration_error")


def describe(base: str) -> tuple[str, list[str]]:
    """The comment on the changes of the working tree against `base`, and the reasons why the check fails, if any.

    The check fails if the configuration is wrong, a stage failed or did not run, or a status is lost beyond noise.

    Raises:
        UserError: git does not know `base`.
    """
    commit = commits.common_ancestor(base)
    parameters = _parameters(commit, base)
    try:
        compose_variants()
        problems = [f"`{stage}` failed or did not run; `dvc repro` runs it" for stage in commits.outdated_stages()]
    except UserError as error:
        problems = [str(error)]
    if problems:
        return assemble(["Not reproduced: the check fails"], [*_reasons(problems), parameters]), problems
    after = Metrics.read(files.METRICS)
    try:
        before = commits.results(commit)
    except UserError as error:
        words = f"The results of the base cannot be compared: {error}."
        top, main, folded = ["Not compared with the base"], Section(CHANGES, [words, *_table(_new(after, []))]), []
    else:
        found = changes(before, after)
        problems, top = lost(before, after, found), headlines(before, after, found)
        main, *folded = judged(before, after, found)
        folded.append(_others(before, after))
    problems += [f"`{name}` failed: {reason}" for name, reason in after.failed.items()]
    answers = Section("The answers now", [after.verdict.prevents, "", after.verdict.predicts])
    figures = Section("Figures that moved", [", ".join(commits.moved_figures(commit)) or "None."], folded=True)
    sections = [*_reasons(problems), main, parameters, answers, *folded, _stages(commit), figures]
    return assemble(top, sections), problems


def headlines(before: Metrics, after: Metrics, found: Sequence[Change]) -> list[str]:
    """What a reviewer must know, most important first: failures, changes beyond noise, new and missing variants."""
    real = sorted(
        (change for change in found if change.beyond_noise),
        key=lambda change: (not change.lost, change.before.status == change.now.status, -abs(change.size)),
    )
    lines = [f"`{name}` failed" for name in after.failed]
    lines += [f"`{change.variant}`: {_statuses(change)}, {change.size:+.3f} ({change.phase})" for change in real]
    new: dict[str, list[str]] = {}
    for name, phase, *_, status in _new(after, found):
        new.setdefault(name, []).append(f"{status} ({phase})")
    lines += [f"`{name}` is new: {formats.listed(statuses)}" for name, statuses in new.items()]
    lines += [f"{name} is no longer trained" for name in _gone(before, after)]
    if len(lines) > HEADLINES:
        lines = [*lines[: HEADLINES - 1], f"and {len(lines) - HEADLINES + 1} more changes, in the table below"]
    return lines or ["No difference to `large` changed beyond noise"]


def _gone(before: Metrics, after: Metrics) -> list[str]:
    return [f"`{name}`" for name in before.variants if name not in {**after.variants, **after.failed}]


def lost(before: Metrics, after: Metrics, found: Sequence[Change]) -> list[str]:
    """Statuses lost beyond noise, or why nothing can be called better any more."""
    if any(difference.status == "better" for difference in differences(before).values()):
        if REFERENCE not in after.variants:
            return ["`large` is no longer trained, so no variant can be called better"]
        if len(after.run.seeds) == 1:
            return ["only one seed is left, so no variant can be called better"]
    return [_loss(change) for change in found if change.lost and change.beyond_noise]


def judged(before: Metrics, after: Metrics, found: Sequence[Change]) -> list[Section]:
    """Changes beyond noise and new variants in words and in a table; then, folded, the other changes."""
    real = [change for change in found if change.beyond_noise]
    noise = [change for change in found if not change.beyond_noise]
    lines = [_words(before, after, found)]
    if losses := [_loss(change) for change in noise if change.lost]:
        lines += ["", f"Lost, but other seeds alone do as much: {'; '.join(losses)}."]
    if gone := _gone(before, after):
        lines += ["", f"No longer trained: {formats.listed(gone)}."]
    main = Section(CHANGES, [*lines, *_table([*map(_row, real), *_new(after, found)])])
    rest = Section("Within noise, or the same", _table([_row(change) for change in noise]), folded=True)
    return [main, rest] if noise else [main]


def _words(before: Metrics, after: Metrics, found: Sequence[Change]) -> str:
    if not found:
        return "The two commits have no difference to `large` in common."
    real, same = sum(change.beyond_noise for change in found), sum(change.same for change in found)
    return (
        f"Changes are measured {basis(before, after).value}. Noise is what retraining alone explains: in "
        f"{after.run.confidence:.0%} of pull requests that only retrain, no difference gets worse by more. Of "
        f"{len(found)} differences, {real} changed, {len(found) - real - same} moved within noise and {same} stayed "
        "the same."
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, after an empty line; none without rows."""
    header = ["variant", "weights", "before", "now", "change", "noise", "status"]
    return ["", *markdown.table(header, rows).split("\n")] if rows else []


def _new(after: Metrics, found: Sequence[Change]) -> list[list[str]]:
    """Rows of the differences that the base does not have."""
    known = {(change.variant, change.phase) for change in found}
    return [
        [name, phase, formats.NONE, _estimate(now), formats.NONE, formats.NONE, now.status]
        for (name, phase), now in differences(after).items()
        if (name, phase) not in known
    ]


def _row(change: Change) -> list[str]:
    size = "same" if change.same else f"{change.size:+.4f}"
    judged = np.isfinite(change.noise) and not change.same
    return [
        change.variant,
        change.phase,
        _estimate(change.before),
        _estimate(change.now),
        f"**{size}**" if change.beyond_noise else size,
        f"±{change.noise:.4f}" if judged else formats.NONE,
        _statuses(change),
    ]


def _statuses(change: Change) -> str:
    before, now = change.before.status, change.now.status
    return now if before == now else f"{before} → {now}"


def _others(before: Metrics, after: Metrics) -> Section:
    """The other metrics of the variants in which they changed; they are not judged."""
    rows = []
    for name, variant in after.variants.items():
        then, now = before.variants.get(name), variant.early.metrics
        if then and any(round(then.early.metrics[metric].mean - now[metric].mean, 5) for metric in OTHERS):
            cells = [f"{then.early.metrics[metric].mean:.4f} → {now[metric].mean:.4f}" for metric in OTHERS]
            rows.append([name, *cells])
    header = ["variant", *(metric.removeprefix("test_").replace("_", " ") for metric in OTHERS)]
    note = (
        "Of the early weights on the test rows, not judged: a network that always predicts the share of signal has no "
        "calibration error, and tells nothing."
    )
    lines = [note, "", *markdown.table(header, rows).split("\n")] if rows else ["No metric changed."]
    return Section("Other metrics", lines, folded=True)


def _estimate(difference: Difference) -> str:
    return formats.estimate(difference, signed=True)


def _loss(change: Change) -> str:
    return (
        f"`{change.variant}` ({change.phase}) was {change.before.status} ({_estimate(change.before)}) and is now "
        f"{change.now.status} ({_estimate(change.now)})"
    )


def _reasons(problems: Sequence[str]) -> list[Section]:
    lines = [f"- {line}" for problem in problems for line in problem.splitlines()]
    return [Section("The check fails", lines)] if lines else []


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
    return Section("Stages that ran again, and their changed inputs", lines or ["None."], folded=True)
