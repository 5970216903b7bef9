"""The tables of the report, as text: ranking, further numbers, what each variant is, how it was run."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from overfitting.base.files import RESULTS
from overfitting.evaluation.statistics import PRIMARY, REFERENCE

HEADER = (
    "rank",
    "variant",
    "test log loss",
    "difference to large",
    "p (Holm)",
    "AUC",
    "accuracy",
    "gap",
    "best epoch",
    "group",
)
AGAINST_LARGE = ("difference to large", "p (Holm)")
TERMINAL = ("variant", "test log loss", "difference to large", "AUC", "gap", "group")
TERMINAL_WIDTH = 120  # characters that they take
NARROW = ("variant", "test log loss", "AUC", "group")  # what fits in 80
NONE = "–"  # where a number does not apply
DEFINITIONS = {
    "difference to large": "of test log loss, paired by seed and row; negative is better",
    "gap": "validation minus training log loss at the best → at the last epoch",
    "best epoch": "with the lowest validation log loss, of the epochs trained",
    "group": "best: not distinguishable from the first; better, tied, worse: against large",
}
MORE = {
    "parameters": "parameters",
    "test_brier": "Brier score",
    "test_calibration_error": "calibration error",
    "rise_after_best": "rise after best",
    "weight_norm": "weight norm",
    "near_zero_share": "share of |w| < 0.001",
    "zero_share": "share of w = 0",
    "gap_epoch": "gap passed in epoch",
    "seconds": "seconds a seed",
}


def header(metrics: Mapping[str, Any]) -> list[str]:
    """Names of the ranking's columns: `HEADER`, without the comparison to `large` where it did not run."""
    return [name for name in HEADER if name not in AGAINST_LARGE or REFERENCE in metrics["variants"]]


def ranking(metrics: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the ranking under `header`, best first; below it, without a rank, what is no network."""
    variants, references = metrics["variants"], metrics.get("references", {})
    rows = [_row(str(rank), name, variants[name]) for rank, name in enumerate(metrics["verdict"]["ranking"], 1)]
    rows += [_row(NONE, name, references[name]) for name in _sorted(references)]
    return [[row[name] for name in header(metrics)] for row in rows]


def ranking_table(metrics: Mapping[str, Any], width: int = TERMINAL_WIDTH) -> Table:
    """The ranking for a terminal of that many characters; a narrow one gets fewer columns."""
    table = Table(title="Ranking by test log loss", title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    columns = TERMINAL if width >= TERMINAL_WIDTH else NARROW
    shown = [name for name in columns if name in header(metrics)]
    for name in shown:
        table.add_column(name, justify="left" if name in ("variant", "group") else "right", no_wrap=True)
    for index, row in enumerate(ranking(metrics), 1):
        cells = dict(zip(header(metrics), row, strict=True))
        last = index == len(metrics["variants"])
        table.add_row(*(cells[name] for name in shown), end_section=last)
    return table


def conclusion(metrics: Mapping[str, Any]) -> str:
    """The verdict, and where all the rest is."""
    return f"{metrics['verdict']['sentence']}\nThe page: {RESULTS / 'report.html'}"


def definitions(metrics: Mapping[str, Any]) -> dict[str, str]:
    """What the ranking's columns mean, and what is not as usual."""
    found = {name: DEFINITIONS[name] for name in DEFINITIONS if name in header(metrics)}
    if REFERENCE not in metrics["variants"]:
        found["group"] = "best: not distinguishable from the first; worse: all others"
    if metrics.get("references"):
        found["not ranked"] = "classifiers that are no networks, on the same rows, for scale"
    arithmetic = metrics["run"]["arithmetic"]
    return found if arithmetic == "float32" else {**found, "arithmetic": f"{arithmetic}, not float32 alone"}


def more(metrics: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the further numbers."""
    variants, references = metrics["variants"], metrics.get("references", {})
    everything = [(name, variants[name]) for name in metrics["verdict"]["ranking"]]
    everything += [(name, references[name]) for name in _sorted(references)]
    keys = [key for key in MORE if any(key in found for _, found in everything)]
    titles = {**MORE, "gap_epoch": f"gap > {metrics.get('gap_size', 0):g} from epoch"}
    rows = [[name, *(_cell(found, key) for key in keys)] for name, found in everything]
    return ["variant", *(titles[key] for key in keys)], rows


def variants(metrics: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what each variant is; no rows where nothing says so."""
    rows = []
    for name in metrics["verdict"]["ranking"]:
        found = metrics["variants"][name]
        if "description" in found:
            trained_on = f"{found['train_rows']:,}" if "train_rows" in found else NONE
            text = found["description"].removeprefix(f"{name}: ")
            rows.append([name, text, f"{found['parameters']:,}", trained_on])
    return ["variant", "what it is", "parameters", "training rows"], rows


def how(metrics: Mapping[str, Any], commit: str | None = None) -> list[list[str]]:
    """What was run on what: pairs of a name and its value."""
    data, run = metrics["data"], metrics["run"]
    spare = f", spare {data['spare_rows']:,}" if data.get("spare_rows") else ""
    sees = f", {len(data['features'])} features" if data.get("features") else ""
    rows = {
        "data": f"{data['source']}, {data['rows']:,} rows, {len(data['columns'])} columns; {data['licence']}",
        "data SHA-256": data["sha256"],
        "citation": data["citation"],
        "rows": f"training {data['train_rows']:,}, validation {data['validation_rows']:,}, "
        f"test {data['test_rows']:,}{spare}",
        "scaling": f"{data['scaling']}{sees}, learned from the training rows; "
        f"{data['duplicates_dropped']:,} duplicates dropped",
        "seeds": ", ".join(map(str, run["seeds"])),
        "training": f"conf/training/{run['training']}.yaml",
        "arithmetic": run["arithmetic"],
        "best model": _champion(metrics.get("champion")),
        "versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
        "commit": commit or "",
        "fingerprint": run["fingerprint"],
    }
    return [[name, value] for name, value in rows.items() if value]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _row(rank: str, name: str, found: Mapping[str, Any]) -> dict[str, str]:
    difference = (found["difference_to_large"] or {}).get(PRIMARY)
    ran = "best_epoch" in found
    cells = (
        rank,
        name,
        _number(found[PRIMARY]),
        NONE if difference is None else _number(difference, signed=True),
        NONE if difference is None else _p_value(difference.get("p_holm")),
        f"{found['test_auc']['mean']:.4f}",
        f"{found['test_accuracy']['mean']:.1%}",
        f"{found['gap_best']['mean']:.3f} → {found['gap_last']['mean']:.3f}" if ran else NONE,
        f"{found['best_epoch']['mean']:.0f} of {found['epochs']['mean']:.0f}" if ran else NONE,
        found.get("group", "not ranked"),
    )
    return dict(zip(HEADER, cells, strict=True))


def _number(found: Mapping[str, Any], signed: bool = False) -> str:
    sign = "+" if signed else ""
    mean = f"{found['mean']:{sign}.4f}"
    if found["ci_low"] is None:
        return mean
    return f"{mean} ({found['ci_low']:{sign}.4f} to {found['ci_high']:{sign}.4f})"


def _p_value(value: float | None) -> str:
    if value is None:
        return NONE
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _cell(found: Mapping[str, Any], key: str) -> str:
    if key not in found:
        return NONE
    if key == "parameters":
        return f"{found[key]:,}"
    if key == "gap_epoch":
        return "never" if found[key]["median"] is None else f"{found[key]['median']:.0f}"
    if key.endswith("_share"):
        return f"{found[key]['mean']:.2%}"
    return f"{found[key]['mean']:#.4g}".rstrip(".")


def _champion(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    models = found["models"]
    return models[0] if len(models) == 1 else f"mean logit of {', '.join(models)}"


def _sorted(references: Mapping[str, Any]) -> list[str]:
    return sorted(references, key=lambda name: references[name][PRIMARY]["mean"])
