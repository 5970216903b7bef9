"""Stage train@{variant}: one seed of a variant -> runs/<variant>/<seed>/. Hydra runs this once a seed, side by side."""

import shutil
from pathlib import Path
from typing import Any

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import section
from overfitting.config.schema import Config
from overfitting.data.scaling import Scaling
from overfitting.training.history import Journal
from overfitting.training.identity import finished_run, run_fingerprint

RESUMED = ("checkpoint.npz", "history.csv")  # what a training that was killed leaves for the next one


def run(config: Config, variant: str) -> None:
    """Train `config.seed` of `variant`, unless runs/ holds the run of the same configuration, data and code.

    An ensemble trains nothing: it leaves word of what it is, for `evaluate`.
    It prints nothing: seeds train side by side, and `progress.watcher` speaks for all of them.
    """
    assert config.seed is not None
    if config.variant.ensemble_of:
        files.write_json(files.RUNS / variant / files.ENSEMBLE, {"ensemble_of": config.variant.ensemble_of})
        return
    data = files.read_json(files.MANIFEST)["fingerprint"]
    name = run_fingerprint(config, config.seed, data)
    folder = files.RUNS / variant / str(config.seed)
    _remove_other_seeds(folder.parent, config)
    if finished_run(folder, name):
        return
    _clear(folder)
    _train(config, folder, {"variant": variant, "seed": config.seed, "fingerprint": name, "data_fingerprint": data})


def _train(config: Config, folder: Path, identity: dict[str, Any]) -> None:
    from overfitting.training import backend, loop
    from overfitting.training.checkpoint import Checkpoint

    backend.start(threads=1)
    rows, validation = (loop.Rows(*files.read_rows(name)) for name in ("train", "validation"))
    manifest = files.read_json(files.MANIFEST)
    rows = rows.first(train_rows(config, manifest))
    scaling = Scaling(**files.read_json(files.SCALING))
    assert config.seed is not None
    checkpoint = Checkpoint(folder / RESUMED[0], identity["fingerprint"])
    with Journal(folder / "history.csv", loop.COLUMNS) as journal:
        trained = loop.train(
            config.variant,
            config.training,
            rows,
            validation,
            config.seed,
            [journal.callback()],
            checkpoint,
            scaling,
            manifest["train_rows"],  # as many steps for a variant that has more rows
        )
        journal.complete(trained.history)
    trained.model.save(folder / "model.keras")
    parts = section(config, "train")
    settings = {"variant": parts["variant"], "training": parts["training"]}
    # last, since it says that the run is finished
    checkpoint.remove()
    files.write_json(folder / "summary.json", {**identity, "config": settings, **trained.summary})


def train_rows(config: Config, manifest: dict[str, Any]) -> int:
    """How many rows the variant trains on.

    Raises:
        UserError: it asks for more than the others have, and the split left none.
    """
    if config.variant.extra_rows and not manifest["spare_rows"]:
        raise UserError(
            f"variant.extra_rows: got {config.variant.extra_rows:,}, but the split leaves no spare rows; raise "
            "split.spare and take a source with more rows or a smaller split.test, or remove it from `variants`"
        )
    return int(manifest["train_rows"] + min(config.variant.extra_rows, manifest["spare_rows"]))


def _clear(folder: Path) -> None:
    """Make `folder`, empty but for what a training can go on from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").unlink(missing_ok=True)  # first, since it says that the run is finished
    kept = RESUMED if (folder / RESUMED[0]).is_file() else ()
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _remove_other_seeds(folder: Path, config: Config) -> None:
    """DVC keeps this folder between runs, so that finished seeds survive; what it no longer lists must go."""
    wanted = {str(seed) for seed in config.seeds}
    for path in folder.glob("*"):
        if path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)
