"""Invented contents of results/: metrics, learning curves and searches, from random numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import Metrics

ORDER = ["tuned/l2", "l2_dropout", "large", "tiny", "l2", "ensemble"]  # by block, then by loss
MANY = [
    "tuned/l2",
    "dropout",
    "l1",
    *(f"remedy_{index}" for index in range(10)),
    "large",
    "medium",
    "tiny",
    "l2",
    "ensemble",
]
BASELINES = ["gradient_boosting", "random_forest", "logistic_regression"]
TEST = ["test_log_loss", "test_auc", "test_accuracy", "test_brier", "test_calibration_error"]
FITS = [
    "train_log_loss",
    "val_log_loss",
    "gap",
    "weight_norm",
    "near_zero_share",
    "zero_share",
    "val_log_loss_pruned",
]
BINS = np.arange(-8, 1.01, 0.25)
MARGIN = 0.005
RUN = {  # of every invented comparison
    "training": "default",
    "arithmetic": "float32",
    "processor": "x86_64 X86_V3",
    "confidence": 0.95,
    "margin": MARGIN,
    "overlap": 0.0,
}


def invented(seeds: int = 3, names: Sequence[str] = ORDER, baselines: Sequence[str] = ()) -> Metrics:
    """Results from random numbers: the further down in `names`, the higher the log loss, late more than early."""
    generator = np.random.default_rng(0)

    def estimates(keys: Sequence[str], level: float) -> dict[str, Any]:
        return {key: estimate(generator.normal(level, 0.01, seeds)) for key in keys}

    variants = {
        name: variant(estimates, name, rank, names, seeds) | {"calibration": reliability(generator)}
        for rank, name in enumerate(names)
    }
    has_large = "large" in names
    given = [name for name in names if f"tuned/{name}" in names]
    return Metrics.model_validate(
        {
            "data": invented_data(),
            "run": {**RUN, "seeds": list(range(seeds)), "fingerprint": "f00", "versions": {"keras": "3"}},
            "variants": variants,
            "early_stopping": difference(np.full(seeds, -0.6)) if has_large else None,
            "tuning": {name: difference(generator.normal(-0.02, 0.001, seeds)) for name in given},
            "weight_bins": BINS.tolist(),
            "gap_size": 0.05,
            "baselines": {
                name: {
                    "train_rows": 10000,
                    "metrics": estimates(TEST, 0.5),
                    "difference": difference(np.full(seeds, -0.05)) if has_large else None,
                }
                for name in baselines
            },
            "champion": {
                "variant": names[0],
                "column": f"{names[0]}/0",
                "models": [f"runs/{names[0]}/0/early.keras"],
                "val_log_loss": 0.51,
                "test_log_loss": 0.5,
                "test_auc": 0.8,
            },
            "verdict": {
                "prevents": "Yes: left to train, l2_dropout loses less.",
                "predicts": "On 20,000 rows, l2_dropout is best; the rest is not.",
                "details": ["Trained on, large overfits.", "l2 loses least by training on."],
                "best": [names[0]],
                "ranking": list(names),
            },
        }
    )


def variant(estimates: Any, name: str, rank: int, names: Sequence[str], seeds: int) -> dict[str, Any]:
    """Results of a variant, whose differences to `large` follow from its place in `names`."""
    networks = 3 if name in ("large", "ensemble") else 1
    is_given = f"tuned/{name}" in names
    found = {
        "description": f"{name}: description of {name}",
        "parameters": 1000 * (rank + 1),
        "networks": networks,
        "block": "ensemble" if name == "ensemble" else "given strength" if is_given else "ranked",
        "is_best": rank == 0,
        "ensemble_of": "large" if name == "ensemble" else None,
        "training": None if name == "ensemble" else training(estimates, rank, seeds, networks),
    }
    has_large = "large" in names
    for phase, level, step in (("early", 0.5, 0.05), ("late", 0.6, 0.5)):
        places = step * (rank - names.index("large")) if has_large else 0.0
        compared = has_large and name != "large"
        found[phase] = {
            "metrics": estimates(TEST, level + step * rank),
            "difference": difference(places + 0.001 * np.arange(seeds)) if compared else None,
        }
    return found


def edited(metrics: Metrics, **values: Any) -> Metrics:
    """The metrics with some values replaced: the key `variants__l2__is_best` is that of the variant l2."""
    content = metrics.as_json()
    for path, value in values.items():
        inner = content
        *parents, last = path.split("__")
        for key in parents:
            inner = inner[key]
        inner[last] = value
    return Metrics.model_validate(content)


def estimate(values: np.ndarray) -> dict[str, Any]:
    """An estimate from the values of the seeds; with one seed it has no interval."""
    several = len(values) > 1
    mean, deviation = float(values.mean()), float(values.std(ddof=1)) if several else None
    low, high = (mean - 0.01, mean + 0.012) if several else (None, None)
    return {"mean": mean, "ci_low": low, "ci_high": high, "std": deviation, "seeds": values.tolist()}


def difference(values: np.ndarray) -> dict[str, Any]:
    """A difference from the values of the seeds, and its status; an undecided one would need 12 seeds."""
    found = estimate(values)
    if len(values) == 1:
        return {**found, "status": "one seed"}
    if found["ci_high"] < 0:
        return {**found, "status": "better"}
    if found["ci_low"] > 0:
        return {**found, "status": "worse"}
    is_small = max(-found["ci_low"], found["ci_high"]) < MARGIN
    return {**found, "status": "equivalent"} if is_small else {**found, "status": "undecided", "seeds_needed": 12}


def training(estimates: Any, rank: int, seeds: int, networks: int) -> dict[str, Any]:
    """Training results of a variant."""
    histogram = np.exp(-((BINS[:-1] + 2 + 0.1 * rank) ** 2))
    fits = {"weight_histogram": (histogram / histogram.sum()).tolist()}
    scores = dict.fromkeys(TEST, 0.5)
    return {
        "runs": [
            {"seed": seed, "repeat": repeat, "fingerprint": f"{rank}{seed}{repeat}", "early": scores, "late": scores}
            for seed in range(seeds)
            for repeat in range(networks)
        ],
        "train_rows": 10000,
        **estimates(["best_epoch", "epochs", "near_zero_share_initial"], 0.5 + 0.05 * rank),
        "early": {**estimates(FITS, 0.5 + 0.05 * rank), **fits},
        "late": {**estimates(FITS, 0.6 + 0.05 * rank), **fits},
        "gap_epoch": {"median": None if rank == 0 else 4.5, "seeds": [None if rank == 0 else 4] * seeds},
    }


def reliability(generator: np.random.Generator) -> dict[str, Any]:
    """Points of a reliability diagram whose last bin is empty."""
    middle = (np.arange(15) + 0.5) / 15
    rows = np.where(np.arange(15) == 14, 0, 1000 * (1.2 - middle))
    observed = middle + generator.normal(0, 0.02, 15)
    return {
        "predicted": [float(x) if n else None for x, n in zip(middle, rows, strict=True)],
        "observed": [float(x) if n else None for x, n in zip(observed, rows, strict=True)],
        "rows": rows.tolist(),
    }


def invented_data() -> dict[str, Any]:
    """The manifest of data/prepared/."""
    return {
        "source": "bundled",
        "licence": "CC0-1.0",
        "citation": "who & when",
        "sha256": "abc123",
        "rows": 70000,
        "columns": ["a", "b"],
        "label": "label",
        "features": ["a", "cos b", "sin b"],
        "train_rows": 10000,
        "validation_rows": 5000,
        "test_rows": 20000,
        "search_rows": 5000,
        "pool_rows": 50000,
        "resample": True,
        "pool_signal_share": 0.5,
        "test_signal_share": 0.5,
        "duplicates_dropped": 0,
        "scaling": "standard",
        "fingerprint": "da7a",
        "files": {},
    }


def curves(metrics: Metrics, epochs: int = 20) -> pd.DataFrame:
    """Curves of all trained variants; variants and seeds stop at different epochs."""
    rows = [
        (name, seed, epoch, 0.7 / epoch**0.2, 0.7 / epoch**0.1)
        for index, (name, found) in enumerate(metrics.variants.items())
        if found.ensemble_of is None
        for seed in metrics.run.seeds
        for epoch in range(1, epochs * (index + 1) + seed)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_log_loss", "val_log_loss"])


def flat_curves(
    variants: Sequence[str], seeds: int, epochs: int, train: float = 0.6, validation: float = 0.6
) -> pd.DataFrame:
    """Curves that stay at these losses."""
    rows = [(v, s, e, train, validation) for v in variants for s in range(seeds) for e in range(1, epochs + 1)]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_log_loss", "val_log_loss"])


def tuning(trials: int = 12, data: str = "da7a") -> pd.DataFrame:
    """Searches over one, two and three values, as `make tune` leaves them."""
    generator = np.random.default_rng(1)
    varied = {
        "l2": ["l2"],
        "dropout": ["dropout"],
        "l2_dropout": ["l2", "dropout"],
        "three": ["l1", "l2", "dropout"],
    }
    rows = []
    for search, fields in varied.items():
        losses = generator.normal(0.6, 0.05, trials)
        for trial in range(trials):
            values = {"l1": 10 ** generator.uniform(-6, -3), "l2": 10 ** generator.uniform(-5, -2)}
            values["dropout"] = generator.uniform(0.1, 0.8)
            result = {
                "trial": trial,
                "seeds": 2,
                "epochs": 60,
                "val_log_loss": losses[trial],
                "val_log_loss_std": 0.002,
            }
            state = {"state": "COMPLETE", "data": data, "chosen": trial == losses.argmin()}
            rows.append({"search": search, **{field: values[field] for field in fields}, **result, **state})
    return pd.DataFrame(rows)


def invented_curve() -> LearningCurve:
    """A learning curve of `large` and two remedies with the rows 300, 1,000 and 3,000; dropout is best."""

    def point(early: float, late: float | None, worth: tuple[float, float, float] | None) -> dict[str, Any]:
        return {
            "early": estimate(np.array([early, early])),
            "late": estimate(np.array([late, late])) if late else None,
            "worth": dict(zip(("rows", "low", "high"), worth, strict=True)) if worth else None,
        }

    return LearningCurve.model_validate(
        {
            "sha256": "0" * 64,
            "sizes": [300, 1000, 3000],
            "steps": 1000,
            "seeds": [0, 1],
            "confidence": 0.95,
            "overlap": 0.0,
            "variants": {
                "large": [point(0.65, 1.5, None), point(0.6, 1.2, None), point(0.55, 0.9, None)],
                "tuned/l2": [
                    point(0.64, 0.8, (350, 0, 420)),
                    point(0.59, 0.7, (1200, 900, 1500)),
                    point(0.54, 0.6, (3000, 2500, None)),
                ],
                "dropout": [
                    point(0.63, 0.7, (400, 320, 500)),
                    point(0.58, 0.65, (2100, 1800, 2500)),
                    point(0.53, 0.6, (None, 2900, None)),
                ],
                "gradient_boosting": [
                    point(0.66, None, (0, 0, 310)),
                    point(0.61, None, (950, 700, 1100)),
                    point(0.56, None, (2800, 2000, None)),
                ],
            },
        }
    )
