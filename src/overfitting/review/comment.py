"""What a branch changes against its base, as a comment for a pull request; and what makes its check fail."""

from collections.abc import Mapping, Sequence
from typing import Any

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_variants
from overfitting.config.schema import Config
from overfitting.evaluation.statistics import PRIMARY, REFERENCE
from overfitting.report import tables
from overfitting.review import commits, github
from overfitting.review.changes import Basis, Change, Results, basis, changes
from overfitting.review.github import Section

DIGITS = {"best_epoch": 1}  # of a metric, otherwise 4
LOWER_IS_BETTER = {
    "test_log_loss": True,
    "test_auc": False,
    "test_accuracy": False,
    "test_brier": True,
    "test_calibration_error": True,
}


def describe(base: str) -> tuple[str, list[str]]:
    """The comment on what the current folder changes against `base`, and why the check fails, if it does.

    It fails where the configuration is wrong, where a stage failed or did not run, and where a verdict is lost.

    Raises:
        UserError: git knows no `base`.
    """
    commit = commits.common_ancestor(base)
    parameters = _parameters(commit, base)
    try:
        configs = compose_variants()
        problems = [f"`{stage}` failed or did not run; `dvc repro` runs it" for stage in commits.outdated_stages()]
    except UserError as error:
        problems = [str(error)]
    if problems:
        return github.assemble("Not reproduced: the check fails", [_reasons(problems), parameters]), problems
    return _reproduced(commit, parameters, next(iter(configs.values())))


def _reproduced(commit: str, parameters: Section, config: Config) -> tuple[str, list[str]]:
    """The comment where all stages ran."""
    after = files.read_json(files.METRICS)
    before = commits.metrics(commit)
    lost = [] if before is None else lost_verdicts(before, after, config.evaluation.confidence)
    found = None
    if before is not None:
        old = Results(before, commits.predictions(commit))
        now = Results(after, _predictions())
        found = changes(old, now, config.evaluation), basis(old, now)
    sections = [
        *([_reasons(lost)] if lost else []),
        parameters,
        _stages(commit),
        Section("Ranking by test log loss", ranking(before, after, found[0] if found else [])),
        *(judged(*found) if found else []),
        Section("Figures that moved", [", ".join(commits.moved_figures(commit)) or "None."]),
    ]
    return github.assemble(after["verdict"]["sentence"], sections), lost


def lost_verdicts(before: Mapping[str, Any], after: Mapping[str, Any], confidence: float) -> list[str]:
    """What could be said of `before` and cannot of `after`: that a variant is better than large, that any is."""
    was, now = (_better_than_large(metrics, confidence) for metrics in (before, after))
    if was and REFERENCE not in after["variants"]:
        return ["`large` is no longer trained, so nothing tells which variants are better"]
    lost = [
        f"`{name}` was better than large ({_against_large(before, name)}) and no longer is "
        f"({_against_large(after, name)})"
        for name in was
        if name in after["variants"] and name not in now
    ]
    return [*lost, "nothing is better than large any more"] if was and not now else lost


def ranking(before: Mapping[str, Any] | None, after: Mapping[str, Any], found: Sequence[Change]) -> list[str]:
    """Lines of a table of the variants by their rank now, with what they had before (None: the base has no results)."""
    old = before or {"variants": {}, "verdict": {"ranking": []}}
    ranks = {name: rank for rank, name in enumerate(old["verdict"]["ranking"], 1)}
    change = {change.variant: change for change in found if change.metric == PRIMARY}
    rows = []
    for rank, name in enumerate(after["verdict"]["ranking"], 1):
        then, now = old["variants"].get(name), after["variants"][name]
        rows.append(
            [
                str(rank),
                str(ranks.get(name, tables.NONE)),
                name,
                _interval(then),
                _interval(now),
                _difference(change[name]) if name in change else tables.NONE,
                now["group"] if then is None or then["group"] == now["group"] else f"{then['group']} → {now['group']}",
            ]
        )
    gone = [name for name in ranks if name not in after["variants"]]
    rows += [["", str(ranks[name]), f"~~{name}~~", _interval(old["variants"][name]), "", "", ""] for name in gone]
    return tables.markdown(["rank", "before", "variant", "log loss before", "now", "change", "group"], rows).split("\n")


def judged(found: Sequence[Change], how: Basis) -> list[Section]:
    """What changed beyond noise, in words and in a table; then, folded, what differs by no more."""
    real = [change for change in found if change.beyond_noise]
    noise = [change for change in found if not change.beyond_noise and not change.same]
    same = sum(change.same for change in found)
    confidence = f"{found[0].confidence:.0%}" if found else ""
    words = (
        f"Differences are {how.value}; {confidence} intervals, p-values corrected for the number of variants that "
        f"differ (Holm). Of {len(found)} metrics, {len(real)} changed, {len(noise)} differ by no more than noise, "
        f"{same} are the same."
    )
    if not found:
        return [Section("Changes beyond noise", ["No variant is in both."])]
    return [
        Section("Changes beyond noise", [words, *(["", *_table(real)] if real else [])]),
        *([Section("Differences that are noise, or cannot be judged", _table(noise), folded=True)] if noise else []),
    ]


def _table(found: Sequence[Change]) -> list[str]:
    rows = [
        [
            change.variant,
            change.metric.replace("_", " "),
            _number(change, change.before),
            _number(change, change.now),
            _difference(change),
            _p_value(change.p_holm),
            _which(change),
        ]
        for change in found
    ]
    return tables.markdown(["variant", "metric", "before", "now", "change", "p (Holm)", ""], rows).split("\n")


def _which(change: Change) -> str:
    """Better or worse, of a metric of the test rows; what cannot be told from noise, or cannot be judged."""
    if change.p_holm is None:
        return "one seed"
    if not change.beyond_noise:
        return "noise"
    if change.metric not in LOWER_IS_BETTER:
        return "changed"
    return "better" if (change.mean < 0) == LOWER_IS_BETTER[change.metric] else "worse"


def _difference(change: Change) -> str:
    if change.same:
        return "same"
    mean = _number(change, change.mean, "+")
    if change.ci_low is None or change.ci_high is None:
        return mean
    text = f"{mean} ({_number(change, change.ci_low, '+')} to {_number(change, change.ci_high, '+')})"
    return f"**{text}**" if change.beyond_noise else text


def _number(change: Change, value: float, sign: str = "") -> str:
    return f"{value:{sign}.{DIGITS.get(change.metric, 4)}f}"


def _interval(variant: Mapping[str, Any] | None) -> str:
    if variant is None:
        return tables.NONE
    found = variant[PRIMARY]
    if found["ci_low"] is None:
        return f"{found['mean']:.4f}"
    return f"{found['mean']:.4f} ({found['ci_low']:.4f} to {found['ci_high']:.4f})"


def _p_value(value: float | None) -> str:
    if value is None:
        return tables.NONE
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _better_than_large(metrics: Mapping[str, Any], confidence: float) -> list[str]:
    found = {name: _to_large(metrics, name) for name in metrics["verdict"]["ranking"]}
    return [
        name
        for name, compared in found.items()
        if compared and compared["mean"] < 0 and compared["p_holm"] is not None and compared["p_holm"] < 1 - confidence
    ]


def _to_large(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return (metrics["variants"][name]["difference_to_large"] or {}).get(PRIMARY)


def _against_large(metrics: Mapping[str, Any], name: str) -> str:
    found = _to_large(metrics, name)
    return "not compared" if found is None else f"{found['mean']:+.4f}, p {_p_value(found['p_holm'])}"


def _reasons(problems: Sequence[str]) -> Section:
    return Section("The check fails", [f"- {line}" for problem in problems for line in problem.splitlines()])


def _parameters(commit: str, base: str) -> Section:
    """The table of `dvc params diff`, or what DVC could not read."""
    try:
        table = commits.dvc("params", "diff", "--md", commit).replace(commit, commit[:7]).splitlines()
    except UserError as error:
        table = str(error).splitlines()
    # DVC prints a header without rows where nothing changed
    return Section(f"Parameters against `{base}` ({commit[:7]})", table if len(table) > 2 else ["None changed."])


def _stages(commit: str) -> Section:
    """What ran anew and why; stages with the same reasons share a line."""
    by_reason: dict[str, list[str]] = {}
    for name, inputs in commits.rerun_stages(commit).items():
        reason = ", ".join(inputs) or "the same inputs, another result (as on another machine)"
        by_reason.setdefault(reason, []).append(f"`{name}`")
    lines = [f"- {', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    return Section("Stages that ran anew, and what they read anew", lines or ["None."])


def _predictions() -> Any:
    import pandas as pd

    return pd.read_parquet(files.PREDICTIONS) if files.PREDICTIONS.is_file() else None
