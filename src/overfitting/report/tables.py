"""Tables of the report as text: ranking, further numbers, the variants, the columns, how the comparison was run."""

from rich import box
from rich.table import Table

from overfitting.base.files import RESULTS
from overfitting.base.markdown import table
from overfitting.data.columns import COLUMNS
from overfitting.data.manifest import Manifest, TableColumn
from overfitting.evaluation.formats import NONE, estimate, p_value
from overfitting.evaluation.results import REFERENCE, Metrics, Scores, Training, Variant

Cells = tuple[list[str], list[list[str]]]  # header and rows
AGAINST_LARGE = ("difference to large", "p (Holm)")
TERMINAL = ("variant", "test log loss", "difference to large", "AUC", "gap", "group")
TERMINAL_WIDTH = 120  # characters that TERMINAL takes
NARROW = ("variant", "test log loss", "AUC", "group")  # fits in 80 characters
DEFINITIONS = {
    "difference to large": "of test log loss, paired by seed and row; negative is better",
    "gap": "validation minus training log loss at the best epoch → at the last epoch",
    "best epoch": "the one with the lowest validation log loss, of all epochs trained",
    "group": "best: no significant difference from the first; better, tied or worse than large",
}


def ranking(metrics: Metrics) -> Cells:
    """The ranking: variants, best first, then baselines, which have no rank.

    It has no columns of the comparison with `large` if that did not run.
    """
    variants = metrics.variants
    rows = [_row(str(rank), name, variants[name]) for rank, name in enumerate(metrics.verdict.ranking, 1)]
    rows += [_row(NONE, name, found) for name, found in metrics.ranked_baselines.items()]
    header = [name for name in rows[0] if name not in AGAINST_LARGE or REFERENCE in variants]
    return header, [[row[name] for name in header] for row in rows]


def ranking_markdown(metrics: Metrics) -> str:
    """The ranking as a Markdown table."""
    return table(*ranking(metrics))


def ranking_table(metrics: Metrics, width: int = TERMINAL_WIDTH) -> Table:
    """The ranking for a terminal of `width` characters; a narrow one shows fewer columns."""
    shown = Table(title="Ranking by test log loss", title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    header, rows = ranking(metrics)
    columns = [name for name in (TERMINAL if width >= TERMINAL_WIDTH else NARROW) if name in header]
    for name in columns:
        shown.add_column(name, justify="left" if name in ("variant", "group") else "right", no_wrap=True)
    for index, row in enumerate(rows, 1):
        cells = dict(zip(header, row, strict=True))
        shown.add_row(*(cells[name] for name in columns), end_section=index == len(metrics.variants))
    return shown


def conclusion(metrics: Metrics) -> str:
    """The verdict and the path of the page."""
    return f"{metrics.verdict.sentence}\nThe page: {RESULTS / 'report.html'}"


def definitions(metrics: Metrics) -> dict[str, str]:
    """Meaning of the ranking's columns, and notes on what is unusual in this comparison."""
    found = dict(DEFINITIONS)
    if REFERENCE not in metrics.variants:
        del found["difference to large"]
        found["group"] = "best: no significant difference from the first; worse: all others"
    if metrics.baselines:
        fewer = {
            name: baseline.train_rows
            for name, baseline in metrics.baselines.items()
            if baseline.train_rows < metrics.data.train_rows
        }
        rows = "the same rows" + "".join(f", {name} on the first {count:,} of them" for name, count in fewer.items())
        found["not ranked"] = f"non-neural baselines, trained on {rows} and shown for scale"
    if metrics.run.arithmetic != "float32":
        found["arithmetic"] = f"{metrics.run.arithmetic}, not float32 alone"
    return found


def more(metrics: Metrics) -> Cells:
    """Further numbers of all variants and baselines."""
    header = [
        "variant",
        "parameters",
        "Brier score",
        "calibration error",
        "rise after best",
        "weight norm",
        "share of |w| < 0.001",
        "share of w = 0",
        f"gap > {metrics.gap_size:g} from epoch",
    ]
    rows = [
        [name, f"{found.parameters:,}", *_scores(found), *_training(found.training)]
        for name, found in ((name, metrics.variants[name]) for name in metrics.verdict.ranking)
    ]
    rows += [[name, NONE, *_scores(found), *_training(None)] for name, found in metrics.ranked_baselines.items()]
    return header, rows


def variants(metrics: Metrics) -> Cells:
    """A description of each variant."""
    rows = []
    for name in metrics.verdict.ranking:
        found = metrics.variants[name]
        train_rows = _count(found.training.train_rows if found.training else None)
        rows.append([name, found.description.removeprefix(f"{name}: "), f"{found.parameters:,}", train_rows])
    return ["variant", "what it is", "parameters", "training rows"], rows


def columns(data: Manifest) -> Cells:
    """The raw columns of the data and, for a user-supplied table, the results of `preprocess`."""
    if data.table:
        header = ["column", "role", "unit", "missing", "categories", "unseen"]
        return header, [_column(found) for found in data.table.columns]
    known = {column.name: [column.role, column.unit] for column in COLUMNS}
    return ["column", "role", "unit"], [[name, *known.get(name, ["other", NONE])] for name in data.columns]


def _column(found: TableColumn) -> list[str]:
    grouped = f", {found.grouped:,} of them grouped as other" if found.grouped else ""
    categories, unseen = _count(found.categories) + grouped, _count(found.unseen_rows)
    return [found.name, found.role, found.unit or NONE, f"{found.missing:,}", categories, unseen]


def column_notes(data: Manifest) -> str:
    """Meaning of the label and of the table's numbers, or of the units if the columns are those of HIGGS."""
    if not data.table:
        return "Roles and units are those of HIGGS: positive quantities were divided by their mean."
    table = data.table
    dropped = f"{table.unlabelled_dropped:,}, dropped" if table.unlabelled_dropped else "none"
    return (
        f"Label: 1 is {table.positive}, 0 is {table.negative}; rows without a label: {dropped}. "
        "Missing: rows of the whole table without a value. Categories: number in the training rows. "
        "Unseen: rows with a category that does not occur in the training rows."
    )


def how(metrics: Metrics) -> list[list[str]]:
    """How the comparison was run: pairs of a name and its value."""
    data, run, models = metrics.data, metrics.run, metrics.champion.models
    spare = f", spare {data.spare_rows:,}" if data.spare_rows else ""
    rows = {
        "data": f"{data.source}, {data.rows:,} rows, {len(data.columns)} columns; {data.licence}",
        "data SHA-256": data.sha256,
        "citation": data.citation,
        "rows": f"training {data.train_rows:,}, validation {data.validation_rows:,}, test {data.test_rows:,}{spare}",
        "scaling": f"{data.scaling}, {len(data.features)} features, learned from the training rows; "
        f"{data.duplicates_dropped:,} duplicates dropped",
        "seeds": ", ".join(map(str, run.seeds)),
        "training": f"conf/training/{run.training}.yaml",
        "arithmetic": run.arithmetic,
        "best model": f"{'mean logit of ' if len(models) > 1 else ''}{', '.join(models)}",
        "processor": run.processor,
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "fingerprint": run.fingerprint,
    }
    return [[name, value] for name, value in rows.items() if value]


def _row(rank: str, name: str, found: Scores) -> dict[str, str]:
    difference, training = found.difference, found.training if isinstance(found, Variant) else None
    return {
        "rank": rank,
        "variant": name,
        "test log loss": estimate(found.log_loss),
        "difference to large": estimate(difference, signed=True) if difference else NONE,
        "p (Holm)": p_value(difference.p_holm) if difference else NONE,
        "AUC": f"{found.metrics['test_auc'].mean:.4f}",
        "accuracy": f"{found.metrics['test_accuracy'].mean:.1%}",
        "gap": f"{training.gap_best.mean:.3f} → {training.gap_last.mean:.3f}" if training else NONE,
        "best epoch": f"{training.best_epoch.mean:.0f} of {training.epochs.mean:.0f}" if training else NONE,
        "group": found.group if isinstance(found, Variant) else "not ranked",
    }


def _scores(found: Scores) -> list[str]:
    return [_number(found.metrics["test_brier"].mean), _number(found.metrics["test_calibration_error"].mean)]


def _training(found: Training | None) -> list[str]:
    """Cells of `more` from `rise after best` on."""
    if found is None:
        return [NONE] * 5
    return [
        _number(found.rise_after_best.mean),
        _number(found.weight_norm.mean),
        f"{found.near_zero_share.mean:.2%}",
        f"{found.zero_share.mean:.2%}",
        "never" if found.gap_epoch.median is None else f"{found.gap_epoch.median:.0f}",
    ]


def _number(value: float) -> str:
    """Four significant digits."""
    return f"{value:#.4g}".rstrip(".")


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"
