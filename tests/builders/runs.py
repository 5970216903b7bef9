"""Invented runs: summaries, histories and logits."""

from typing import Any

import numpy as np
import pandas as pd

from overfitting.config.schema import Evaluation
from overfitting.evaluation.runs import Runs
from overfitting.training.loss import Array
from overfitting.training.summary import Summary

EVALUATION = Evaluation(confidence=0.95, calibration_bins=15, gap=0.05, margin=0.005)


def fit(**values: Any) -> dict[str, Any]:
    """What weights reached: a gap of 0.1; `values` replace others."""
    return {
        "train_log_loss": 0.4,
        "train_accuracy": 0.8,
        "val_log_loss": 0.5,
        "val_accuracy": 0.7,
        "weight_norm": 3.0,
        "near_zero_share": 0.25,
        "zero_share": 0.0,
        "weight_histogram": [0.25, 0.75],
        "val_log_loss_pruned": 0.51,
        **values,
    }


def summary(seed: int = 0, fingerprint: str = "f00", variant: dict[str, Any] | None = None, **values: Any) -> Summary:
    """A finished run whose gap is 0.1 at the best epoch and 0.8 at the last; `values` replace others."""
    return Summary.model_validate(
        {
            "variant": "large",
            "seed": seed,
            "repeat": 0,
            "fingerprint": fingerprint,
            "data_fingerprint": "da7a",
            "config": {
                "variant": {"hidden_units": [512] * 4, "activation": "elu", **(variant or {})},
                "training": {"precision": "float32", "jit_compile": False},
            },
            "parameters": 7,
            "train_rows": 1000,
            "epochs": 10,
            "best_epoch": 5 + seed,
            "early": fit(),
            "late": fit(train_log_loss=0.1, val_log_loss=0.9),
            "near_zero_share_initial": 0.01,
            "weight_bins": [-8.0, -3.0, 1.0],
            "files": {},
            **values,
        }
    )


def history(gap_epoch: int | None = 3, epochs: int = 10) -> pd.DataFrame:
    """Losses by epoch whose gap is 0 before `gap_epoch` and 0.1 from then on; None: never."""
    epoch = np.arange(1, epochs + 1)
    gap = np.where(epoch >= (gap_epoch or np.inf), 0.1, 0.0)
    losses = {"train_log_loss": np.full(epochs, 0.5), "val_log_loss": 0.5 + gap}
    return pd.DataFrame({"epoch": epoch, **losses})


def runs(early: Array, gap_epochs: list[int | None] | None = None, late: Array | None = None, **variant: Any) -> Runs:
    """Runs with these logits (n_seeds, n_rows) or (n_seeds, n_repeats, n_rows), late as early if they are not given.

    `variant` are settings that differ from `large`.
    """
    logits = {"early": early, "late": early if late is None else late}
    by_repeat = {phase: found if found.ndim == 3 else found[:, None] for phase, found in logits.items()}
    seeds, repeats = (range(count) for count in by_repeat["early"].shape[:2])
    epochs = gap_epochs or [3] * len(seeds)
    return Runs(
        by_repeat,
        networks=len(repeats),
        parameters=7,
        summaries=[[summary(seed, variant=variant, repeat=repeat) for repeat in repeats] for seed in seeds],
        histories=[[history(epochs[seed]) for _ in repeats] for seed in seeds],
    )


def simulated(strengths: dict[str, float], n_rows: int = 400, n_seeds: int = 3) -> tuple[Array, dict[str, Array]]:
    """Labels (n_rows,) and logits (n_seeds, n_rows) of each name; the higher its strength, the better they are."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, n_rows).astype(np.float64)
    shared = generator.normal(size=n_rows)
    return labels, {
        name: np.stack(
            [strength * (2 * labels - 1) + shared + generator.normal(0, 0.5, n_rows) for _ in range(n_seeds)]
        )
        for name, strength in strengths.items()
    }
