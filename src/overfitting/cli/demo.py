"""`make demo`: a small comparison with a real verdict, in a folder of its own."""

from pathlib import Path

from overfitting.base.files import RESULTS
from overfitting.cli import scratch

FOLDER = Path("demo")
STAGES = ("download", "preprocess", "train-all", "evaluate", "report")
SETTINGS = {
    "split": {"train": 2000, "validation": 1000, "test": 20000},
    "training": {"epochs": 60},
    "seeds": [0, 1, 2],
    "repeats": {},
    "variants": ["large", "tiny", "tuned/l2", "tuned/dropout"],
    "baselines": ["logistic_regression"],
}


def run(root: Path) -> None:
    """Compare four variants with three seeds on 2,000 training rows; print the verdict and what `make repro` adds.

    Raises:
        UserError: a stage failed.
    """
    scratch.link_project(root, root / FOLDER, ("conf", "data/bundled"), {"choices": {"data": "bundled"}, **SETTINGS})
    scratch.run_stages(root / FOLDER, STAGES)
    print(
        f"\nThe page of this small comparison is {FOLDER / RESULTS / 'report.html'}. `make repro` compares all "
        "variants with more rows and more seeds, so it decides more."
    )
