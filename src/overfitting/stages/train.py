"""Stage train@{variant}: one seed of a variant -> runs/<variant>/<seed>/. Hydra runs this once a seed, side by side."""

import csv
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from overfitting import files
from overfitting.comparison import comparison_fingerprint, run_fingerprint
from overfitting.composition import compose_variants, section
from overfitting.config import Config


def run(config: Config, variant: str, overrides: list[str]) -> None:
    """Train `config.seed` of `variant`, unless runs/ holds the run of the same configuration, data and code."""
    assert config.seed is not None
    data = files.read_json(files.MANIFEST)["fingerprint"]
    name = run_fingerprint(config, config.seed, data)
    folder = files.RUNS / variant / str(config.seed)
    _remove_other_seeds(folder.parent, config)
    if _is_finished(folder, name):
        print(f"{variant} seed {config.seed}: unchanged, kept")
        return
    shutil.rmtree(folder, ignore_errors=True)
    comparison = _comparison(tuple(overrides), data)
    identity = {"variant": variant, "seed": config.seed, "fingerprint": name, "data_fingerprint": data}
    _train(config, folder, identity, comparison)


def _train(config: Config, folder: Path, identity: dict[str, Any], comparison: str) -> None:
    from overfitting import backend, tracking, training

    backend.start(threads=1)
    parts = section(config, "train")
    settings = {"variant": parts["variant"], "training": parts["training"]}
    live = tracking.live_callback(
        variant=identity["variant"],
        seed=identity["seed"],
        fingerprint=identity["fingerprint"],
        comparison=comparison,
        parameters=settings,
    )
    rows, validation = (training.Rows(*files.read_rows(name)) for name in ("train", "validation"))
    assert config.seed is not None
    trained = training.train(config.variant, config.training, rows, validation, config.seed, [live])
    folder.mkdir(parents=True)
    trained.model.save(folder / "model.keras")
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, training.COLUMNS)
        writer.writeheader()
        writer.writerows(trained.history)
    # last, since it says that the run is finished
    files.write_json(folder / "summary.json", {**identity, "config": settings, **trained.summary})
    best = trained.summary["best"]["val_log_loss"]
    print(
        f"{identity['variant']} seed {identity['seed']}: validation log loss {best:.4f} "
        f"in epoch {trained.summary['best_epoch']} of {trained.summary['epochs']}, {trained.summary['seconds']:.0f} s"
    )


@cache
def _comparison(overrides: tuple[str, ...], data: str) -> str:
    return comparison_fingerprint(compose_variants(overrides), data)


def _is_finished(folder: Path, fingerprint: str) -> bool:
    summary = folder / "summary.json"
    return summary.is_file() and files.read_json(summary)["fingerprint"] == fingerprint


def _remove_other_seeds(folder: Path, config: Config) -> None:
    """DVC keeps this folder between runs, so that finished seeds survive; what it no longer lists must go."""
    wanted = {str(seed) for seed in config.seeds}
    for path in folder.glob("*"):
        if path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)
