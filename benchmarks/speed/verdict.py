"""Time until the models are trained: the default budget of this project against the tutorial's protocol in plain Keras.

Both train the same networks on the same rows. The tutorial's protocol: unscaled rows, Adam with InverseTimeDecay, at
most 10,000 epochs, patience 200 on the first 1,000 validation rows; the weights of the best epoch are kept, as in this
project. This project is measured as users run the stage: start-up included, one process per core. Plain Keras trains
one seed on all cores, start-up excluded.
"""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from overfitting.cli.scratch import environment

Row = dict[str, Any]


def time_to_verdict(
    project: Path,
    rows: dict[str, str],
    raw: dict[str, str],
    variants: dict[str, dict[str, Any]],
    seeds: list[int],
    say: Callable[..., None],
) -> dict[str, Row]:
    """Rows `verdict` (seconds per seed for all variants) and `verdict_auc/<variant>` (test AUC of the first seed).

    `project` has the prepared rows `rows`; `raw` are the same rows unscaled.
    """
    seconds = {"ours": 0.0, "reference": 0.0}
    found: dict[str, Row] = {}
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    context.Process(target=tutorial, args=(other, raw, rows["test"]), daemon=True).start()
    end.recv()  # until TensorFlow is imported
    for name, variant in variants.items():
        began = time.perf_counter()
        train = [sys.executable, "-m", "overfitting", "train", f"variant={name}"]
        subprocess.run(train, cwd=project, env=environment(project), check=True, stdout=subprocess.DEVNULL)
        ours = (time.perf_counter() - began) / len(seeds)
        began = time.perf_counter()
        end.send((variant, seeds[0]))
        epochs, logits = end.recv()
        reference = time.perf_counter() - began
        seconds["ours"] += ours
        seconds["reference"] += reference
        labels = np.load(f"{rows['test']}_labels.npy")
        end.send(("predict", str(project / f"runs/{name}/{seeds[0]}/early.keras")))
        auc = {
            part: float(roc_auc_score(labels, values)) for part, values in (("ours", end.recv()), ("reference", logits))
        }
        found[f"verdict_auc/{name}"] = {**auc, "unit": "test AUC", "ratio": auc["ours"] / auc["reference"]}
        say(f"{name}: {ours:.0f} s per seed against {reference:.0f} s in {epochs} epochs; AUC {auc}")
    end.send(None)
    ratio = seconds["reference"] / seconds["ours"]
    unit = f"s per seed, {len(variants)} variants"
    return {"verdict": {**seconds, "unit": unit, "ratio": ratio}, **found}


def tutorial(connection: Any, rows: dict[str, str], scaled_test: str) -> None:
    """In a new process: train each (variant, seed) by the tutorial's protocol; send epochs and logits of the test rows.

    For ("predict", path), send the logits of that model on the scaled test rows.
    """
    import warnings

    warnings.simplefilter("ignore")
    from engines import compile_as_tutorial, load_rows, tutorial_datasets

    from overfitting.config.schema import Variant
    from overfitting.training.backend import keras
    from overfitting.training.network import build, predict

    train, validation = load_rows(rows, "train"), load_rows(rows, "validation")
    test = np.load(f"{rows['test']}_features.npy")
    connection.send("ready")
    while (message := connection.recv()) is not None:
        if message[0] == "predict":
            scaled = np.load(f"{scaled_test}_features.npy")
            connection.send(predict(keras.models.load_model(message[1]), scaled))
            continue
        variant, seed = message
        keras.utils.set_random_seed(seed)
        fed, measured, steps = tutorial_datasets(train, validation)
        model = build(Variant(**variant), train[0].shape[1], seed)
        rate = keras.optimizers.schedules.InverseTimeDecay(0.001, decay_steps=steps * 1000, decay_rate=1)
        compile_as_tutorial(model, keras.optimizers.Adam(rate))
        stop = keras.callbacks.EarlyStopping("val_log_loss", patience=200, mode="min", restore_best_weights=True)
        fitted = model.fit(
            fed, steps_per_epoch=steps, epochs=10_000, validation_data=measured, callbacks=[stop], verbose=0
        )
        connection.send((len(fitted.epoch), predict(model, test)))
