"""Stage train@{variant}: one run per seed and repeat -> runs/<variant>/. Hydra starts one job per run, side by side."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.schema import Config
from overfitting.data import replicates
from overfitting.data.manifest import Manifest
from overfitting.training.history import Journal
from overfitting.training.identity import FAILURE, SUMMARY, Failure, Run, loaded_code, run_fingerprint, run_folder
from overfitting.training.summary import Durations, Summary

RESUMED = ("checkpoint.npz", "history.csv")  # files from which a killed run resumes
RESULTS = ("early.keras", "late.keras", "history.csv")


def prepare(configs: Mapping[str, Config]) -> None:
    """Remove runs that are no longer listed, and write the files of ensembles, which train nothing.

    DVC keeps these folders, so that finished runs survive; what the configuration does not list must go.
    """
    for name, config in configs.items():
        folder = files.RUNS / name
        if config.variant.ensemble_of:
            files.write_json(folder / files.ENSEMBLE, {"ensemble_of": config.variant.ensemble_of})
        repeats = range(config.repeats.get(name, 1))
        wanted = {run_folder(name, seed, repeat) for seed in config.seeds for repeat in repeats}
        for path in folder.glob("*"):
            if path not in wanted | {folder / files.ENSEMBLE}:
                files.remove(path)


def run(run: Run) -> None:
    """Train a run, unless its folder holds its result. A loss that becomes infinite is a result, too.

    It prints nothing: runs train side by side, and `progress` shows all of them. UserError if this process loaded other
    code than that of the run's fingerprint.
    """
    if run.is_over():
        return
    if run_fingerprint(run.config, run.seed, run.data, loaded_code(), run.repeat) != run.fingerprint:
        raise UserError(f"{run.name}: the source code changed after the stage started; start the stage again")
    _clear(run.folder)
    _train(run)


def _train(run: Run) -> None:
    from overfitting.training import backend, loop, rows
    from overfitting.training.checkpoint import Checkpoint
    from overfitting.training.epoch import Spec

    backend.start(threads=1)
    # a worker trains many runs, each with its own compiled function: TensorFlow warns of too many
    logging.getLogger("tensorflow").addFilter(_is_no_note_on_tracing)
    config, folder = run.config, run.folder
    data = rows.read(replicates.sample(Manifest.read(files.MANIFEST), run.seed))
    checkpoint = Checkpoint(folder / RESUMED[0], run.fingerprint)
    with Journal(folder / RESUMED[1]) as journal:
        spec = Spec(config.variant, config.training, run.random_seed)
        try:
            trained = loop.train(spec, data, [journal.callback()], checkpoint)
        except loop.DivergedError as error:
            checkpoint.remove()
            Failure(fingerprint=run.fingerprint, reason=str(error)).write(folder / FAILURE)
            return
        journal.complete(trained.history)
    trained.save(folder)
    checkpoint.remove()
    summary = Summary(
        variant=run.variant,
        seed=run.seed,
        repeat=run.repeat,
        fingerprint=run.fingerprint,
        data_fingerprint=run.data,
        config=run.settings,
        files={name: files.file_digest(folder / name) for name in RESULTS},
        **dict(trained.outcome),
    )
    durations = Durations(fingerprint=run.fingerprint, ended=time.time(), epochs=tuple(trained.seconds))
    durations.write(folder / files.DURATIONS)
    summary.write(folder / SUMMARY)  # last, because it says that the run is finished


def _is_no_note_on_tracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.msg


def _clear(folder: Path) -> None:
    """Make `folder`, empty except for files from which the run can resume."""
    folder.mkdir(parents=True, exist_ok=True)
    files.remove(folder / SUMMARY)  # first, because it says that the run is finished
    kept = [name for name in RESUMED if all((folder / found).is_file() for found in (RESUMED[0], name))]
    for path in folder.iterdir():
        if path.name not in kept:
            files.remove(path)
