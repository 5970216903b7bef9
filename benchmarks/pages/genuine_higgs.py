"""Compare the tutorial's protocol with this project's defaults on genuine HIGGS rows -> docs/genuine-higgs.md.

    HIGGS_SAMPLE=path/to/higgs-rows.csv.gz python benchmarks/pages/genuine_higgs.py

8,000 training rows, 1,000 validation rows, all others for the test. Takes half an hour on two cores.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from overfitting.cli.scratch import copy_project, reproduce
from overfitting.evaluation.formats import NONE, estimate
from overfitting.evaluation.results import Metrics, Variant

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/genuine-higgs.md"
SPLIT = {"train": 8000, "validation": 1000, "test": 1_000_000, "search": 0}
VARIANTS = ["tiny", "small", "medium", "large", "l1", "l2", "dropout", "l2_dropout"]
PROTOCOLS: dict[str, dict[str, Any]] = {
    "tutorial": {"choices": {"data": "higgs", "preprocessing": "none", "training": "tutorial"}, "seeds": [0]},
    "default": {
        "choices": {"data": "higgs", "preprocessing": "standard", "training": "default"},
        "preprocessing": {"shuffle_seed": None},  # keeps the order of the file: the same rows for both
        "seeds": [0, 1, 2],
    },
}


def measure(settings: dict[str, Any], sample: Path) -> Metrics:
    """Run the pipeline with `settings` in a scratch copy; return its results/metrics.json."""
    with tempfile.TemporaryDirectory(prefix="overfitting-higgs-") as scratch:
        project = Path(scratch)
        copy_project(
            ROOT,
            project,
            {**settings, "variants": VARIANTS, "split": SPLIT, "data": {"path": str(sample), "rows": None}},
        )
        if reproduce(project, "evaluate"):
            sys.exit("the pipeline failed")
        return Metrics.read(project / "results/metrics.json")


def cells(variant: Variant) -> tuple[str, str, str]:
    """AUC, epochs and log loss of a variant."""
    epochs = f"{variant.training.epochs.mean:.0f}" if variant.training else NONE
    return estimate(variant.early.metrics["test_auc"], digits=3), epochs, estimate(variant.early.log_loss, digits=3)


def page(found: dict[str, Metrics]) -> str:
    """The Markdown page."""
    tutorial, default = (found[name].variants for name in PROTOCOLS)
    data = found["default"].data
    lines = [
        "# On genuine HIGGS rows",
        "",
        f"{data.train_rows:,} training rows, {data.validation_rows:,} validation rows and "
        f"{data.test_rows:,} test rows of HIGGS (UCI, DOI 10.24432/C5V312),",
        "made by `HIGGS_SAMPLE=... python benchmarks/pages/genuine_higgs.py`. The protocol of TensorFlow's tutorial",
        "(`preprocessing=none training=tutorial`, seed 0) is compared with the defaults",
        f"(`preprocessing=standard training=default`, {len(found['default'].run.seeds)} seeds).",
        "The table gives means over seeds and 95 % intervals over seeds and test rows, for the early weights.",
        "",
        "| variant | tutorial: AUC | epochs | default: AUC | epochs | tutorial: log loss | default: log loss |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in default:
        (first_auc, first_epochs, first_loss), (auc, epochs, loss) = (cells(of[name]) for of in (tutorial, default))
        lines.append(f"| {name} | {first_auc} | {first_epochs} | {auc} | {epochs} | {first_loss} | {loss} |")
    lines += [
        "",
        f"Tutorial: {found['tutorial'].verdict.sentence}",
        "",
        f"Default: {found['default'].verdict.sentence}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure both protocols and write the page."""
    sample = os.environ.get("HIGGS_SAMPLE")
    if not sample:
        sys.exit("HIGGS_SAMPLE: expected the path of a file of genuine HIGGS rows, in the format of HIGGS.csv.gz")
    found = {name: measure(settings, Path(sample).resolve()) for name, settings in PROTOCOLS.items()}
    PAGE.write_text(page(found))
    print(page(found))


if __name__ == "__main__":
    main()
