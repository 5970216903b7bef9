"""Measure how close simulated events are to genuine HIGGS rows, for data/bundled/README.md.

    HIGGS_SAMPLE=higgs-sample.csv.gz python benchmarks/pages/simulated_fidelity.py [table.parquet]

Prints a table and, as its last line, JSON. The genuine rows are read only here and calibrate nothing. Measured per
class: the mean Kolmogorov-Smirnov distance over the 28 features, and the cross-validated AUC of gradient boosting that
separates simulated rows from as many genuine ones (0.5: it cannot). Measured once: the AUC on genuine rows of gradient
boosting that was trained on simulated ones.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import ks_2samp
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

BARS = {"ks": 0.035, "told_apart_auc": 0.70, "transfer_auc": 0.75}
TRAINING_ROWS = 7000
BUNDLED = Path(__file__).parents[2] / "data" / "bundled" / "higgs-like.parquet"


def boosting() -> LGBMClassifier:
    return LGBMClassifier(n_estimators=200, learning_rate=0.05, num_leaves=15, random_state=0, n_jobs=1, verbose=-1)


def ks_distances(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Kolmogorov-Smirnov distance (n_features,) between two tables, column by column."""
    return np.array([ks_2samp(a, b).statistic for a, b in zip(left.T, right.T, strict=True)])


def told_apart(left: NDArray[np.float32], right: NDArray[np.float32], classifier: ClassifierMixin) -> float:
    """Cross-validated AUC of a classifier that separates two tables, cut to equal numbers of rows."""
    rows = min(len(left), len(right))
    features = np.concatenate([left[:rows], right[:rows]])
    target = np.repeat([0, 1], rows)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(classifier, features, target, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(target, scores))


def cross_validated(table: NDArray[np.float32], columns: slice) -> float:
    """Cross-validated AUC of gradient boosting that separates signal from background by some columns of a table."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(boosting(), table[:, columns], table[:, 0], cv=folds, method="predict_proba")
    return float(roc_auc_score(table[:, 0], scores[:, 1]))


def transfer(simulated: NDArray[np.float32], genuine: NDArray[np.float32]) -> float:
    """AUC on genuine rows of gradient boosting trained on the first TRAINING_ROWS simulated ones."""
    training = simulated[:TRAINING_ROWS]
    model = boosting().fit(training[:, 1:], training[:, 0])
    return float(roc_auc_score(genuine[:, 0], model.predict_proba(genuine[:, 1:])[:, 1]))


def measure(simulated: NDArray[np.float32], genuine: NDArray[np.float32]) -> dict[str, float]:
    """All figures by name; tables are (n_rows, 29), label first."""
    figures = {}
    for label, name in ((0, "background"), (1, "signal")):
        ours, theirs = (table[table[:, 0] == label, 1:] for table in (simulated, genuine))
        half = len(theirs) // 2
        figures[f"ks_{name}"] = ks_distances(ours, theirs).mean()
        figures[f"ks_{name}_genuine_halves"] = ks_distances(theirs[:half], theirs[half:]).mean()
        figures[f"told_apart_auc_{name}"] = told_apart(ours, theirs, boosting())
        by_default = HistGradientBoostingClassifier(random_state=0)
        figures[f"told_apart_auc_{name}_scikit_learn"] = told_apart(ours, theirs, by_default)
        figures[f"told_apart_auc_{name}_genuine_halves"] = told_apart(theirs[:half], theirs[half:], boosting())
    figures["transfer_auc"] = transfer(simulated, genuine)
    for part, columns in (("all", slice(1, 29)), ("low_level", slice(1, 22)), ("high_level", slice(22, 29))):
        figures[f"auc_{part}_simulated"] = cross_validated(simulated[:TRAINING_ROWS], columns)
        figures[f"auc_{part}_genuine"] = cross_validated(genuine[:TRAINING_ROWS], columns)
    return {name: round(float(value), 4) for name, value in figures.items()}


def passes(name: str, value: float) -> bool | None:
    """Whether a figure reaches its bar; None if it has no bar."""
    for bar, limit in BARS.items():
        if name in (bar, f"{bar}_signal", f"{bar}_background"):
            return value >= limit if bar == "transfer_auc" else value <= limit
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, default=BUNDLED)
    path = parser.parse_args().table
    if "HIGGS_SAMPLE" not in os.environ:
        print("HIGGS_SAMPLE must name genuine HIGGS rows: CSV, no header, the label first", file=sys.stderr)
        return 2
    genuine = pd.read_csv(os.environ["HIGGS_SAMPLE"], header=None, dtype=np.float32).to_numpy()
    simulated = np.column_stack([column.to_numpy() for column in pq.read_table(path).columns])
    figures = measure(simulated, genuine)
    verdicts = {name: passes(name, value) for name, value in figures.items()}
    table = Table("figure", "value", "bar reached")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}", {True: "yes", False: "NO", None: ""}[verdicts[name]])
    Console().print(table)
    print(json.dumps({"simulated_rows": len(simulated), "genuine_rows": len(genuine), **figures}))
    return 0 if all(verdict is not False for verdict in verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
