"""Tables of the report as text: ranking, further numbers, the variants, the columns, how the comparison was run."""

from rich import box
from rich.table import Table

from overfitting.data.columns import COLUMNS
from overfitting.data.manifest import Manifest
from overfitting.data.test_rows import is_repeated, rows_per_seed
from overfitting.evaluation.formats import NONE, estimate, status
from overfitting.evaluation.language import say, translated
from overfitting.evaluation.learning_curve import LearningCurve, Worth, rows_in_words
from overfitting.evaluation.results import REFERENCE, Difference, Metrics, Scores, Training, Variant

Cells = tuple[list[str], list[list[str]]]  # header and rows
LATE, EARLY = "late difference", "early difference"  # questions 1 and 2
RANKING = ("variant", "block", LATE, EARLY, "best", "test log loss", "AUC", "gap", "best epoch")
SHORT = ("variant", LATE, EARLY, "test log loss")  # columns of the ranking on a terminal and in the READMEs
TERMINAL_WIDTH = 120  # characters that SHORT takes on a terminal; without intervals it fits in 80


def ranking(metrics: Metrics, names: tuple[str, ...] = RANKING) -> Cells:
    """Early stopping; the variants by block, lowest early test log loss first; baselines; what failed.

    The columns are `names`, without those that compare with `large` if it did not run.
    """
    rows = []
    if metrics.early_stopping:
        large = metrics.variants[REFERENCE]
        row = _row("early stopping", large.block, large.early, large.training)
        rows.append(row | {LATE: _judged(metrics.early_stopping), "gap": NONE})
    for name in metrics.verdict.ranking:
        found = metrics.variants[name]
        row = _row(name, found.block, found.early, found.training) | {"best": "best" if found.is_best else ""}
        rows.append(row | {LATE: _judged(found.late.difference), EARLY: _judged(found.early.difference)})
    for name, baseline in metrics.ranked_baselines.items():
        rows.append(_row(name, "baseline", baseline) | {EARLY: _judged(baseline.difference)})
    failed = dict.fromkeys(RANKING, NONE) | dict.fromkeys(("block", LATE, EARLY), "failed")
    rows += [failed | {"variant": name} for name in metrics.failed]
    header = [name for name in names if name not in (LATE, EARLY) or REFERENCE in metrics.variants]
    return header, [[row[name] for name in header] for row in rows]


def _row(name: str, block: str, scores: Scores, training: Training | None = None) -> dict[str, str]:
    cells = {"variant": name, "block": block, "best": "", "test log loss": estimate(scores.log_loss)}
    cells["AUC"] = f"{scores.metrics['test_auc'].mean:.4f}"
    if training:
        cells["gap"] = f"{training.early.gap.mean:.3f} → {training.late.gap.mean:.3f}"
        best, epochs = training.best_epoch.mean, training.epochs.mean
        cells["best epoch"] = say("{best:.0f} of {all:.0f}", best=best, all=epochs)
    return dict.fromkeys(RANKING, NONE) | cells


def _judged(found: Difference | None) -> str:
    """A difference, its interval and its status."""
    return f"{estimate(found, signed=True)}: {status(found)}" if found else status(None)


def ranking_table(metrics: Metrics, width: int = TERMINAL_WIDTH) -> Table:
    """The ranking for a terminal of `width` characters; a narrow one has no intervals."""
    title = "Difference of test log loss to large" if REFERENCE in metrics.variants else "Test log loss"
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    (_, *columns), rows = ranking(metrics, ("block", *SHORT))
    for name in columns:
        shown.add_column(name, justify="right" if name == "test log loss" else "left", no_wrap=True)
    for (block, *cells), (following, *_) in zip(rows, [*rows[1:], rows[-1]], strict=True):
        shown.add_row(*(_short(cell, width < TERMINAL_WIDTH) for cell in cells), end_section=following != block)
    return shown


def _short(cell: str, is_narrow: bool) -> str:
    """A cell without the number of seeds that would decide and, if the terminal is narrow, without the interval."""
    found, colon, said = cell.partition(": ")
    found = found.partition(" (")[0] if is_narrow or not colon else found
    return f"{found} {said.partition(' (')[0]}".rstrip()


def definitions(metrics: Metrics) -> dict[str, str]:
    """Meaning of the table's columns, and notes on what is unusual in this comparison."""
    run = metrics.run
    fewer = "".join(
        say(", {name} on the first {count:,} of them", name=name, count=baseline.train_rows)
        for name, baseline in metrics.baselines.items()
        if baseline.train_rows < metrics.data.train_rows
    )
    found = {
        LATE: say("test log loss at the last epoch minus that of large; does it prevent overfitting?"),
        EARLY: say("test log loss at the best epoch minus that of large; does it predict better than stopping early?"),
        "statuses": say(
            "the {confidence:.0%} intervals of a question hold together; equivalent: inside ±{margin:g}; undecided: "
            "neither, with the number of seeds that would decide",
            confidence=run.confidence, margin=run.margin,
        ),
        "best": say(
            "not worse than any other ranked variant; the best one is among these with {confidence:.0%} confidence",
            confidence=run.confidence,
        ),
        "gap": say("test minus training log loss, early → late"),
        "baseline": say("non-neural classifiers, trained on the same rows{fewer} and shown for scale", fewer=fewer),
        "arithmetic": say("{arithmetic}, not float32 alone", arithmetic=run.arithmetic),
    }  # fmt: skip
    absent = [] if REFERENCE in metrics.variants else [LATE, EARLY, "statuses"]
    absent += [] if metrics.baselines else ["baseline"]
    absent += ["arithmetic"] if run.arithmetic == "float32" else []
    return {translated(name): meaning for name, meaning in found.items() if name not in absent}


def more(metrics: Metrics) -> Cells:
    """Further numbers of all variants and baselines."""
    header = [
        "variant", "accuracy", "Brier score", "calibration error", "late test log loss", "late training log loss",
        "weight norm", "share of |w| < 0.001", "share of w = 0", "validation log loss → without small weights",
        say("gap > {gap:g} from epoch", gap=metrics.gap_size),
    ]  # fmt: skip
    rows = [
        [name, *_scores(metrics.variants[name].early), *_fits(metrics.variants[name])]
        for name in metrics.verdict.ranking
    ]
    rows += [[name, *_scores(found), *[NONE] * 7] for name, found in metrics.ranked_baselines.items()]
    return header, rows


def _scores(found: Scores) -> list[str]:
    brier, error = found.metrics["test_brier"].mean, found.metrics["test_calibration_error"].mean
    return [f"{found.metrics['test_accuracy'].mean:.1%}", _number(brier), _number(error)]


def _fits(found: Variant) -> list[str]:
    """Cells of `more` from the late test log loss on."""
    late = _number(found.late.log_loss.mean)
    if not found.training:
        return [late, *[NONE] * 6]
    early, gap_epoch = found.training.early, found.training.gap_epoch.median
    return [
        late,
        _number(found.training.late.train_log_loss.mean),
        _number(early.weight_norm.mean),
        f"{early.near_zero_share.mean:.2%}",
        f"{early.zero_share.mean:.2%}",
        f"{early.val_log_loss.mean:.4f} → {early.val_log_loss_pruned.mean:.4f}",
        translated("never") if gap_epoch is None else f"{gap_epoch:.0f}",
    ]


def _number(value: float) -> str:
    """Four significant digits."""
    return f"{value:#.4g}".rstrip(".")


def variants(metrics: Metrics) -> Cells:
    """A description of each variant."""
    rows = []
    for name in metrics.verdict.ranking:
        found = metrics.variants[name]
        about = found.description.removeprefix(f"{name}: ")
        if found.ensemble_of:
            about = say("mean of the logits of {count} networks of {of}", count=found.networks, of=found.ensemble_of)
        train_rows = f"{found.training.train_rows:,}" if found.training else NONE
        rows.append([name, about, f"{found.parameters:,}", str(found.networks), train_rows])
    return ["variant", "what it is", "parameters", "networks per seed", "training rows"], rows


def columns(data: Manifest) -> Cells:
    """The raw columns of the data and, for a user-supplied table, the results of `preprocess`."""
    if not data.table:
        known = {column.name: [column.role, column.unit] for column in COLUMNS}
        return ["column", "role", "unit"], [[name, *known.get(name, ["other", NONE])] for name in data.columns]
    rows = []
    for found in data.table.columns:
        categories, unseen = (NONE if n is None else f"{n:,}" for n in (found.categories, found.unseen_rows))
        if found.grouped:
            categories += say(", {count:,} of them grouped as other", count=found.grouped)
        rows.append([found.name, found.role, found.unit or NONE, f"{found.missing:,}", categories, unseen])
    return ["column", "role", "unit", "missing", "categories", "unseen"], rows


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
    tested = say("test {rows:,} of its own" if is_repeated(data) else "test {rows:,}", rows=rows_per_seed(data))
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
            validation=data.validation_rows, pool=data.pool_rows, search=data.search_rows, tested=tested,
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


def by_size(curve: LearningCurve) -> list[Cells]:
    """By number of training rows: test log loss, early → late; rows with which `large` predicts as well, early."""
    losses, worths = [], []
    for name, points in curve.variants.items():
        losses.append([name, *(" → ".join(f"{at.mean:.3f}" for at in (p.early, p.late) if at) for p in points)])
        if points[0].worth:
            worths.append([name, *(_worth(curve, point.worth) for point in points)])
    return [
        (["variant", *(say("{rows:,} rows", rows=size) for size in curve.sizes)], losses),
        (["variant", *(say("{rows:,} rows are worth", rows=size) for size in curve.sizes)], worths),
    ]


def _worth(curve: LearningCurve, worth: Worth | None) -> str:
    if worth is None:
        return NONE
    mean, low, high = (rows_in_words(curve, value, is_short=True) for value in (worth.rows, worth.low, worth.high))
    return say("{mean} ({low} to {high})", mean=mean, low=low, high=high)
