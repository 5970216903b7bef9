"""Compare networks with trees on genuine HIGGS rows, by nested cross-validation -> docs/genuine-bar.md.

    HIGGS_SAMPLE=path/to/higgs-rows.csv.gz python benchmarks/pages/genuine_bar.py

For each of five folds, the settings of network, forest and boosting are chosen on validation rows from the other four
folds. The chosen models then predict the fold once. Takes a quarter of an hour on two cores.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from overfitting.config.schema import CosineSchedule, Training, Variant
from overfitting.data.columns import NAMES
from overfitting.data.preparation import fit_scaling, without_roles
from overfitting.evaluation.metrics import auc_rows
from overfitting.training.loss import log_loss_rows

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/genuine-bar.md"
FOLDS = 5  # candidates are compared on one of five parts of the other rows, too
MEMBERS = 10
ANGLES = ("phi", "eta")  # left out by conf/preprocessing/piecewise.yaml
TRAINING = Training(
    epochs=60,
    batch_size=500,
    patience=None,
    schedule=CosineSchedule(name="cosine", learning_rate=0.003, reference_width=512, warmup_epochs=2),
)
PLAIN = {"l2": 0.0001, "dropout": 0.5}
TWO_LAYERS: dict[str, Any] = {"hidden_units": (256, 256), **PLAIN}
NETWORKS: dict[str, tuple[str, Variant]] = {
    "standard, l2_dropout": ("standard", Variant(**PLAIN)),
    "symmetry, l2_dropout": ("symmetry", Variant(**PLAIN)),
    "piecewise, l2_dropout": ("piecewise", Variant(**PLAIN)),
    "piecewise, l2_dropout of 256-256": ("piecewise", Variant(**TWO_LAYERS)),
    "piecewise, l2_dropout of 256-256, noise 0.3": ("piecewise", Variant(noise=0.3, **TWO_LAYERS)),
    "piecewise, l2_dropout of 256-256, noise 0.5": ("piecewise", Variant(noise=0.5, **TWO_LAYERS)),
    "piecewise, l2_dropout of 256-256, noise 0.3, mixup 0.4": (
        "piecewise",
        Variant(noise=0.3, mixup=0.4, **TWO_LAYERS),
    ),
}
# boosting and forest also choose their columns: all, or those of `piecewise`
BOOSTING: list[dict[str, Any]] = [
    {"learning_rate": rate, "max_iter": iterations, "max_leaf_nodes": leaves}
    for rate, iterations, leaves in ((0.1, 100, 31), (0.05, 150, 15), (0.03, 300, 15), (0.03, 500, 7))
]
FOREST: list[dict[str, Any]] = [
    {"n_estimators": 500, "min_samples_leaf": leaf, "max_features": columns}
    for leaf, columns in ((1, "sqrt"), (5, "sqrt"), (5, 0.33))
]

Table = np.ndarray  # (n_rows, 1 + n_columns), label first


def network(name: str, train: Table, validation: Table, seed: int, test: Table) -> tuple[float, np.ndarray]:
    """Train the candidate `name`; return its lowest validation log loss and its logits (n_rows,) of the test rows."""
    from overfitting.training import backend

    backend.start(threads=1)
    from overfitting.training import loop
    from overfitting.training.epoch import Spec
    from overfitting.training.network import predict
    from overfitting.training.rows import Rows, TrainingData

    kind, variant = NETWORKS[name]
    kept = without_roles(NAMES, ANGLES if kind == "piecewise" else ())
    scaling = fit_scaling(train[:, 1:][:, kept], tuple(NAMES[index] for index in kept), kind)

    def rows(table: Table) -> Rows:
        return Rows(np.ascontiguousarray(scaling.apply(table[:, 1:][:, kept])), table[:, 0].copy())

    data = TrainingData(rows(train), rows(validation), scaling=scaling)
    trained = loop.train(Spec(variant, TRAINING, seed), data)
    return trained.outcome.early.val_log_loss, predict(trained.early, rows(test).features)


def parts(rest: Table, count: int) -> list[tuple[Table, Table]]:
    """Split `rest` into `count` pairs of training and validation rows, as in cross-validation."""
    folds = StratifiedKFold(count, shuffle=True, random_state=1).split(rest, rest[:, 0])
    return [(rest[train], rest[validation]) for train, validation in folds]


def best_network(rest: Table, test: Table) -> tuple[str, dict[str, float], np.ndarray]:
    """Choose the network with the lowest validation log loss; train MEMBERS of it, each with other validation rows.

    Returns its name, the validation log loss of every candidate, and the mean logits (n_rows,) of the members.
    """
    workers = Parallel(os.cpu_count(), return_as="list")
    tried = workers(delayed(network)(name, *parts(rest, FOLDS)[0], 0, test) for name in NETWORKS)
    losses = {name: loss for name, (loss, _) in zip(NETWORKS, tried, strict=True)}
    chosen = min(losses, key=lambda name: losses[name])
    members = enumerate(parts(rest, MEMBERS))
    found = workers(delayed(network)(chosen, *member, seed, test) for seed, member in members)
    return chosen, losses, np.mean([logits for _, logits in found], axis=0)


def best_trees(kind: Any, settings: list[dict[str, Any]], rest: Table, test: Table) -> np.ndarray:
    """Choose the setting with the lowest log loss on the same validation rows; fit it to `rest`; return its logits."""
    train, validation = parts(rest, FOLDS)[0]
    candidates = [(chosen, without_roles(NAMES, left_out)) for left_out in ((), ANGLES) for chosen in settings]

    def logits(candidate: tuple[dict[str, Any], list[int]], rows: Table, predicted: Table) -> np.ndarray:
        chosen, kept = candidate
        model = kind(random_state=0, **chosen).fit(rows[:, 1:][:, kept], rows[:, 0])
        signal = np.clip(model.predict_proba(predicted[:, 1:][:, kept])[:, 1], 1e-6, 1 - 1e-6)
        return np.log(signal / (1 - signal))

    losses = [log_loss_rows(validation[:, 0], logits(each, train, validation)).mean() for each in candidates]
    return logits(candidates[int(np.argmin(losses))], rest, test)


def summary(values: np.ndarray) -> str:
    """Mean and 95 % interval of row values, as text."""
    half = stats.norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(values.size)
    return f"{values.mean():.4f} ({values.mean() - half:.4f} to {values.mean() + half:.4f})"


def main() -> None:
    """Cross-validate and write the page."""
    sample = os.environ.get("HIGGS_SAMPLE")
    if not sample:
        sys.exit("HIGGS_SAMPLE: expected the path of a file of genuine HIGGS rows, in the format of HIGGS.csv.gz")
    table = pd.read_csv(sample, header=None, dtype=np.float32).to_numpy()
    rows: dict[str, dict[str, list[np.ndarray]]] = {}
    choices: list[str] = []
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(table, table[:, 0])
    for fold, (inside, outside) in enumerate(folds, 1):
        rest, test = table[inside], table[outside]
        chosen, losses, logits = best_network(rest, test)
        choices.append(chosen)
        print(f"fold {fold}: {chosen}; validation log loss {losses}", flush=True)
        for name, found in {
            "best network": logits,
            "gradient_boosting": best_trees(HistGradientBoostingClassifier, BOOSTING, rest, test),
            "random_forest": best_trees(RandomForestClassifier, FOREST, rest, test),
        }.items():
            kept = rows.setdefault(name, {"AUC": [], "log loss": []})
            kept["AUC"].append(auc_rows(test[:, 0].astype(np.float64), found))
            kept["log loss"].append(log_loss_rows(test[:, 0].astype(np.float64), found))
            print(f"fold {fold}: {name} AUC {kept['AUC'][-1].mean():.4f}", flush=True)
    text = page(rows, choices, len(table))
    PAGE.write_text(text)
    print(text)


def page(rows: dict[str, dict[str, list[np.ndarray]]], choices: list[str], n_rows: int) -> str:
    """The Markdown page. Row values (see `evaluation.metrics`) of each fold average to its AUC and log loss."""
    joined = {name: {key: np.concatenate(values) for key, values in kept.items()} for name, kept in rows.items()}
    lines = [
        "# Networks against trees on genuine HIGGS rows",
        "",
        f"{FOLDS}-fold cross-validation on {n_rows:,} rows of HIGGS (UCI, DOI 10.24432/C5V312), made by",
        "`HIGGS_SAMPLE=... python benchmarks/pages/genuine_bar.py`. For each fold, every method's settings are chosen",
        "on a fifth of the other rows. The trees are then fitted to all other rows; the network is the mean of",
        f"{MEMBERS} members, each with a different tenth of the other rows for validation. The fold is predicted once.",
        "",
        "The table gives means over all rows and 95 % intervals over rows. The intervals do not account for training",
        "on other rows.",
        "",
        "| method | AUC | log loss | AUC minus that of boosting | AUC per fold |",
        "|---|---|---|---|---|",
    ]
    boosting = joined["gradient_boosting"]["AUC"]
    for name, kept in joined.items():
        difference = "" if name == "gradient_boosting" else summary(kept["AUC"] - boosting)
        per_fold = ", ".join(f"{values.mean():.3f}" for values in rows[name]["AUC"])
        lines.append(f"| {name} | {summary(kept['AUC'])} | {summary(kept['log loss'])} | {difference} | {per_fold} |")
    lines += ["", "Chosen networks (preprocessing, then variant):", ""]
    lines += [f"- {choice}: in {choices.count(choice)} of {FOLDS} folds" for choice in sorted(set(choices))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
