"""The comment on a pull request: what the branch changes against its base, and why its check fails."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overfitting.base import files, markdown
from overfitting.base.errors import UserError
from overfitting.base.repository import dvc
from overfitting.config.composition import compose_variants
from overfitting.evaluation.formats import NONE, estimate, listed
from overfitting.evaluation.results import REFERENCE, Metric, Metrics
from overfitting.review import commits
from overfitting.review.changes import Change, basis, changes, differences

CHANGES = "Differences to `large` that changed"
HEADLINES = 6  # lines at the top, at most
LIMIT = 65_536  # bytes of a comment; GitHub counts characters, which are never more
LINE = 2_000  # characters per line
HEADER = ("variant", "weights", "before", "now", "change", "noise", "status")
OTHERS: tuple[Metric, ...] = ("test_auc", "test_accuracy", "test_brier", "test_calibration_error")


@dataclass
class Section:
    """A part of the comment."""

    title: str
    lines: Sequence[str]
    folded: bool = False
    left_out: int = 0  # number of lines that were cut off the end

    def text(self) -> str:
        """The section as Markdown."""
        lines = [line if len(line) <= LINE else f"{line[:LINE]} …" for line in self.lines]
        if self.left_out:
            lines += ["", f"*{self.left_out} more lines are left out, because GitHub limits the length of comments.*"]
        if self.folded:
            return "\n".join([f"<details><summary>{self.title}</summary>", "", *lines, "", "</details>"])
        return "\n".join([f"### {self.title}", "", *lines])

    def halve(self) -> None:
        """Keep the first half of the lines, so that a table keeps its head."""
        kept = len(self.lines) // 2
        self.lines, self.left_out = self.lines[:kept], self.left_out + len(self.lines) - kept


def assemble(headlines: Sequence[str], sections: Sequence[Section], limit: int = LIMIT) -> str:
    """The whole comment. Above `limit` bytes, the longest sections lose their last lines."""
    report = f"The full report: `{files.RESULTS}/report.html`"
    if "GITHUB_RUN_ID" in os.environ:  # a run of GitHub Actions, which keeps the results as an artifact
        run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}#artifacts".format(**os.environ)
        report = f"The full report is in the artifact `results` of [this run]({run}), with all figures and numbers."
    top = "  \n".join(f"**{line[:LINE]}**" for line in headlines)
    while True:
        text = "\n\n".join([top, *(section.text() for section in sections), report]) + "\n"
        if len(text.encode()) <= limit:
            return text
        max(sections, key=lambda section: len(section.text())).halve()


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
        folded.append(others(before, after))
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
    lines += [f"`{change.variant}`: {change.statuses}, {change.size:+.3f} ({change.phase})" for change in real]
    new: dict[str, list[str]] = {}
    for name, phase, *_, status in _new(after, found):
        new.setdefault(name, []).append(f"{status} ({phase})")
    lines += [f"`{name}` is new: {listed(statuses)}" for name, statuses in new.items()]
    lines += [f"{name} is no longer trained" for name in _gone(before, after)]
    if len(lines) > HEADLINES:
        lines = [*lines[: HEADLINES - 1], f"and {len(lines) - HEADLINES + 1} more changes, in the table below"]
    return lines or ["No difference to `large` changed beyond noise"]


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
    same = sum(change.same for change in found)
    lines = [
        f"Changes are measured {basis(before, after).value}. Noise is what retraining alone explains: in "
        f"{after.run.confidence:.0%} of pull requests that only retrain, no difference gets worse by more. Of "
        f"{len(found)} differences, {len(real)} changed, {len(noise) - same} moved within noise and {same} stayed "
        "the same."
        if found
        else "The two commits have no difference to `large` in common."
    ]
    if losses := [_loss(change) for change in noise if change.lost]:
        lines += ["", f"Lost, but other seeds alone do as much: {'; '.join(losses)}."]
    if gone := _gone(before, after):
        lines += ["", f"No longer trained: {listed(gone)}."]
    main = Section(CHANGES, [*lines, *_table([*map(_row, real), *_new(after, found)])])
    rest = Section("Within noise, or the same", _table([_row(change) for change in noise]), folded=True)
    return [main, rest] if noise else [main]


def others(before: Metrics, after: Metrics) -> Section:
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
    return Section("Other metrics", [note, *_table(rows, header)] if rows else ["No metric changed."], folded=True)


def _gone(before: Metrics, after: Metrics) -> list[str]:
    return [f"`{name}`" for name in before.variants if name not in {**after.variants, **after.failed}]


def _table(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> list[str]:
    """Lines of a table, after an empty line; none without rows."""
    return ["", *markdown.table(header, rows).split("\n")] if rows else []


def _new(after: Metrics, found: Sequence[Change]) -> list[list[str]]:
    """Rows of the differences that the base does not have."""
    known = {(change.variant, change.phase) for change in found}
    return [
        [name, phase, NONE, estimate(now, signed=True), NONE, NONE, now.status]
        for (name, phase), now in differences(after).items()
        if (name, phase) not in known
    ]


def _row(change: Change) -> list[str]:
    size = "same" if change.same else f"{change.size:+.4f}"
    noise = NONE if change.same or change.noise == np.inf else f"±{change.noise:.4f}"
    ends = [estimate(side, signed=True) for side in (change.before, change.now)]
    return [change.variant, change.phase, *ends, f"**{size}**" if change.beyond_noise else size, noise, change.statuses]


def _loss(change: Change) -> str:
    before, now = (f"{side.status} ({estimate(side, signed=True)})" for side in (change.before, change.now))
    return f"`{change.variant}` ({change.phase}) was {before} and is now {now}"


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
