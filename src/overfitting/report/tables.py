"""Tables of the report as text: ranking, further numbers, the variants, the columns, how the comparison was run."""

from rich import box
from rich.table import Table

from overfitting.base.markdown import table
from overfitting.data.columns import COLUMNS
from overfitting.data.manifest import Manifest, TableColumn
from overfitting.data.test_rows import is_repeated, rows_per_seed
from overfitting.evaluation.formats import NONE, estimate, status
from overfitting.evaluation.language import say, translated
from overfitting.evaluation.learning_curve import LearningCurve, Worth, rows_in_words
from overfitting.evaluation.results import REFERENCE, Baseline, Metrics, Scores, Training, Variant

Cells = tuple[list[str], list[list[str]]]  # header and rows
LATE, EARLY = "late difference", "early difference"  # questions 1 and 2
TERMINAL = ("variant", LATE, EARLY, "test log loss")
TERMINAL_WIDTH = 120  # characters that TERMINAL takes; without intervals it fits in 80
STOPPED = "early stopping"


def ranking(metrics: Metrics) -> Cells:
    """All variants by block, lowest early test log loss first; then baselines.

    It has no columns of the comparison with `large` if that did not run.
    """
    rows = [_stopped(metrics)] if metrics.early_stopping else []
    rows += [_row(name, metrics.variants[name]) for name in metrics.verdict.ranking]
    rows += [_baseline(name, found) for name, found in metrics.ranked_baselines.items()]
    rows += [_failed(name) for name in metrics.failed]
    header = [name for name in rows[0] if name not in (LATE, EARLY) or REFERENCE in metrics.variants]
    return header, [[row[name] for name in header] for row in rows]


def ranking_markdown(metrics: Metrics) -> str:
    """The ranking as a Markdown table."""
    return table(*ranking(metrics))


def ranking_table(metrics: Metrics, width: int = TERMINAL_WIDTH) -> Table:
    """The ranking for a terminal of `width` characters; a narrow one has no intervals."""
    title = "Difference of test log loss to large" if REFERENCE in metrics.variants else "Test log loss"
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    header, rows = ranking(metrics)
    is_narrow = width < TERMINAL_WIDTH
    columns = [name for name in TERMINAL if name in header]
    for name in columns:
        shown.add_column(name, justify="right" if name == "test log loss" else "left", no_wrap=True)
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    for row, following in zip(cells, [*cells[1:], cells[-1]], strict=True):
        shown.add_row(
            *(_short(row[name], is_narrow) for name in columns), end_section=following["block"] != row["block"]
        )
    return shown


def _short(cell: str, is_narrow: bool) -> str:
    """A cell without the number of seeds that would decide and, if the terminal is narrow, without the interval."""
    found, colon, said = cell.partition(": ")
    found = found.partition(" (")[0] if is_narrow or not colon else found
    return f"{found} {said.partition(' (')[0]}".rstrip()


def definitions(metrics: Metrics) -> dict[str, str]:
    """Meaning of the table's columns, and notes on what is unusual in this comparison."""
    run = metrics.run
    found = {
        LATE: say("test log loss at the last epoch minus that of large; does it prevent overfitting?"),
        EARLY: say("test log loss at the best epoch minus that of large; does it predict better than stopping early?"),
        "statuses": say(
            "the {confidence:.0%} intervals of a question hold together; equivalent: inside ±{margin:g}; undecided: "
            "neither, with the number of seeds that would decide",
            confidence=run.confidence,
            margin=run.margin,
        ),
        "best": say(
            "not worse than any other ranked variant; the best one is among these with {confidence:.0%} confidence",
            confidence=run.confidence,
        ),
        "gap": say("test minus training log loss, early → late"),
    }
    if REFERENCE not in metrics.variants:
        del found[LATE], found[EARLY], found["statuses"]
    if metrics.baselines:
        fewer = [
            say(", {name} on the first {count:,} of them", name=name, count=baseline.train_rows)
            for name, baseline in metrics.baselines.items()
            if baseline.train_rows < metrics.data.train_rows
        ]
        found["baseline"] = say(
            "non-neural classifiers, trained on the same rows{fewer} and shown for scale", fewer="".join(fewer)
        )
    if run.arithmetic != "float32":
        found["arithmetic"] = say("{arithmetic}, not float32 alone", arithmetic=run.arithmetic)
    return {translated(name): meaning for name, meaning in found.items()}


def more(metrics: Metrics) -> Cells:
    """Further numbers of all variants and baselines."""
    header = [
        "variant",
        "accuracy",
        "Brier score",
        "calibration error",
        "late test log loss",
        "late training log loss",
        "weight norm",
        "share of |w| < 0.001",
        "share of w = 0",
        "validation log loss → without small weights",
        say("gap > {gap:g} from epoch", gap=metrics.gap_size),
    ]
    rows = []
    for name in metrics.verdict.ranking:
        found = metrics.variants[name]
        rows.append([name, *_scores(found.early), _number(found.late.log_loss.mean), *_training(found.training)])
    rows += [[name, *_scores(found), NONE, *_training(None)] for name, found in metrics.ranked_baselines.items()]
    return header, rows


def variants(metrics: Metrics) -> Cells:
    """A description of each variant."""
    rows = []
    for name in metrics.verdict.ranking:
        found = metrics.variants[name]
        train_rows = _count(found.training.train_rows if found.training else None)
        about = found.description.removeprefix(f"{name}: ")
        if found.ensemble_of:
            about = say("mean of the logits of {count} networks of {of}", count=found.networks, of=found.ensemble_of)
        rows.append([name, about, f"{found.parameters:,}", str(found.networks), train_rows])
    return ["variant", "what it is", "parameters", "networks per seed", "training rows"], rows


def columns(data: Manifest) -> Cells:
    """The raw columns of the data and, for a user-supplied table, the results of `preprocess`."""
    if data.table:
        header = ["column", "role", "unit", "missing", "categories", "unseen"]
        return header, [_column(found) for found in data.table.columns]
    known = {column.name: [column.role, column.unit] for column in COLUMNS}
    return ["column", "role", "unit"], [[name, *known.get(name, ["other", NONE])] for name in data.columns]


def _column(found: TableColumn) -> list[str]:
    grouped = say(", {count:,} of them grouped as other", count=found.grouped) if found.grouped else ""
    categories, unseen = _count(found.categories) + grouped, _count(found.unseen_rows)
    return [found.name, found.role, found.unit or NONE, f"{found.missing:,}", categories, unseen]


def column_notes(data: Manifest) -> str:
    """Meaning of the label and of the table's numbers, or of the units if the columns are those of HIGGS."""
    if not data.table:
        return say("Roles and units are those of HIGGS: positive quantities were divided by their mean.")
    table = data.table
    return say(
        "Label: 1 is {positive}, 0 is {negative}; {dropped:,} rows without a label were dropped. Missing: rows of the "
        "whole table without a value. Categories: number in the pool. Unseen: rows with a category that only test rows "
        "have.",
        positive=table.positive, negative=table.negative, dropped=table.unlabelled_dropped,
    )  # fmt: skip


def how(metrics: Metrics) -> list[list[str]]:
    """How the comparison was run: pairs of a name and its value."""
    data, run, models = metrics.data, metrics.run, metrics.champion.models
    rows = {
        "data": say(
            "{source}, {rows:,} rows, {columns} columns; {licence}",
            source=data.source, rows=data.rows, columns=len(data.columns), licence=data.licence,
        ),
        "data SHA-256": data.sha256,
        "citation": data.citation,
        "rows": say(
            "per seed, {own}: training {train:,}, validation {validation:,}; pool {pool:,}, search {search:,}, "
            "{tested}",
            own=translated("of its own" if data.resample else "shared"), train=data.train_rows,
            validation=data.validation_rows, pool=data.pool_rows, search=data.search_rows, tested=_tested(data),
        ),
        "scaling": say(
            "{scaling}, {features} features, learned from the pool; {dropped:,} duplicates dropped",
            scaling=data.scaling, features=len(data.features), dropped=data.duplicates_dropped,
        ),
        "seeds": ", ".join(map(str, run.seeds)),
        "training": f"conf/training/{run.training}.yaml",
        "arithmetic": run.arithmetic,
        "best model": f"{translated('mean logit of ') if len(models) > 1 else ''}{', '.join(models)}",
        "processor": run.processor,
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "fingerprint": run.fingerprint,
    }  # fmt: skip
    return [[translated(name), value] for name, value in rows.items() if value]


def _tested(data: Manifest) -> str:
    text = "test {rows:,} of its own" if is_repeated(data) else "test {rows:,}"
    return say(text, rows=rows_per_seed(data))


def _row(name: str, found: Variant) -> dict[str, str]:
    training = found.training
    return {
        "variant": name,
        "block": found.block,
        LATE: _difference(found.late),
        EARLY: _difference(found.early),
        "best": "best" if found.is_best else "",
        "test log loss": estimate(found.early.log_loss),
        "AUC": f"{found.early.metrics['test_auc'].mean:.4f}",
        "gap": f"{training.early.gap.mean:.3f} → {training.late.gap.mean:.3f}" if training else NONE,
        "best epoch": _best_epoch(training) if training else NONE,
    }


def _stopped(metrics: Metrics) -> dict[str, str]:
    """Early stopping as a remedy: `large` at its best epoch, against `large` at its last."""
    large, stopped = metrics.variants[REFERENCE], metrics.early_stopping
    row = _row(STOPPED, large)
    late = f"{estimate(stopped, signed=True)}: {status(stopped)}" if stopped else NONE
    return {**row, LATE: late, EARLY: NONE, "best": "", "gap": NONE}


def _best_epoch(training: Training) -> str:
    return say("{best:.0f} of {all:.0f}", best=training.best_epoch.mean, all=training.epochs.mean)


def _baseline(name: str, found: Baseline) -> dict[str, str]:
    return {
        "variant": name,
        "block": "baseline",
        LATE: NONE,
        EARLY: _difference(found),
        "best": "",
        "test log loss": estimate(found.log_loss),
        "AUC": f"{found.metrics['test_auc'].mean:.4f}",
        "gap": NONE,
        "best epoch": NONE,
    }


def _failed(name: str) -> dict[str, str]:
    """The verdict's details have the reason."""
    cells = dict.fromkeys(("best", "test log loss", "AUC", "gap", "best epoch"), NONE)
    return {"variant": name, "block": "failed", LATE: "failed", EARLY: "failed", **cells}


def _difference(found: Scores) -> str:
    """A difference, its interval and its status."""
    difference = found.difference
    return f"{estimate(difference, signed=True)}: {status(difference)}" if difference else status(None)


def _scores(found: Scores) -> list[str]:
    metrics = found.metrics
    numbers = [_number(metrics["test_brier"].mean), _number(metrics["test_calibration_error"].mean)]
    return [f"{metrics['test_accuracy'].mean:.1%}", *numbers]


def _training(found: Training | None) -> list[str]:
    """Cells of `more` from the training log loss on."""
    if found is None:
        return [NONE] * 6
    early = found.early
    return [
        _number(found.late.train_log_loss.mean),
        _number(early.weight_norm.mean),
        f"{early.near_zero_share.mean:.2%}",
        f"{early.zero_share.mean:.2%}",
        f"{early.val_log_loss.mean:.4f} → {early.val_log_loss_pruned.mean:.4f}",
        translated("never") if found.gap_epoch.median is None else f"{found.gap_epoch.median:.0f}",
    ]


def _number(value: float) -> str:
    """Four significant digits."""
    return f"{value:#.4g}".rstrip(".")


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def losses_by_size(curve: LearningCurve) -> Cells:
    """Test log loss, early → late, of each variant by number of training rows."""
    header = ["variant", *(say("{rows:,} rows", rows=size) for size in curve.sizes)]
    rows = [
        [name, *(f"{point.early.mean:.3f}" + (f" → {point.late.mean:.3f}" if point.late else "") for point in points)]
        for name, points in curve.variants.items()
    ]
    return header, rows


def worths(curve: LearningCurve) -> Cells:
    """Rows with which `large`, stopped early, predicts as well as each remedy, by number of training rows."""
    header = ["variant", *(say("{rows:,} rows are worth", rows=size) for size in curve.sizes)]
    rows = [
        [name, *(_worth(curve, point.worth) for point in points)]
        for name, points in curve.variants.items()
        if points[0].worth
    ]
    return header, rows


def _worth(curve: LearningCurve, worth: Worth | None) -> str:
    if worth is None:
        return NONE
    equal, low, high = (rows_in_words(curve, value, is_short=True) for value in (worth.rows, worth.low, worth.high))
    return say("{mean} ({low} to {high})", mean=equal, low=low, high=high)
