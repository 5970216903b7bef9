"""Names of the work: the fingerprint of a run (variant and seed) and of the whole comparison; what is done of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overfitting.base.fingerprint import code_fingerprint, fingerprint, library_versions
from overfitting.config.composition import section
from overfitting.config.schema import Config

LIBRARIES = ("tensorflow", "keras", "numpy")  # whose versions can change what a training computes


def run_fingerprint(config: Config, seed: int, data: str) -> str:
    """What determines one run: the variant, the training, the seed, the prepared `data` and the training code."""
    parts = section(config, "train")
    return fingerprint(
        variant=parts["variant"],
        training=parts["training"],
        seed=seed,
        data=data,
        code=code_fingerprint("overfitting.training.loop"),
        libraries=library_versions(*LIBRARIES),
    )


def comparison_fingerprint(configs: Mapping[str, Config], data: str) -> str:
    """What determines a comparison: the runs of all `configs` (by variant) with all their seeds."""
    return fingerprint(
        runs=[[name, run_fingerprint(config, seed, data)] for name, config in configs.items() for seed in config.seeds]
    )


def finished_run(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """Summary of the run that `folder` holds, if it is finished and the one of that fingerprint."""
    try:
        summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    except FileNotFoundError:
        return None
    return summary if summary["fingerprint"] == fingerprint else None
