"""Runs: early and late weights, callbacks, checkpoints, the same bytes."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from overfitting.config.composition import compose_config
from overfitting.config.schema import CosineSchedule, Variant
from overfitting.data.columns import NAMES
from overfitting.data.preparation import fit_scaling
from overfitting.training.backend import tf
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.epoch import Learner, Spec, epoch_function
from overfitting.training.history import COLUMNS
from overfitting.training.loop import DivergedError
from overfitting.training.network import build, predict
from overfitting.training.optimizer import adam, learning_rate
from overfitting.training.rows import Rows, TrainingData
from tests.builders.training import COSINE, TINY, budget, collisions, rows, trained

REMEDIED = Variant(hidden_units=(8, 8), dropout=0.5, l1=0.0001, l1_proximal=0.01)
EVERYTHING = Variant(
    hidden_units=(8, 8),
    weight_decay=0.1,
    max_norm=1.0,
    noise=0.1,
    normalization="batch",
    mixup=0.4,
    ema=0.9,
    dropout=0.2,
    label_smoothing=0.1,
)
FAST = CosineSchedule(name="cosine", learning_rate=0.1, reference_width=None, warmup_epochs=0)


def bytes_of(model):
    return [weight.tobytes() for weight in model.get_weights()]


def assert_same(first, again):
    """Equal weights, histories and outcomes, byte for byte."""
    assert bytes_of(first.early) == bytes_of(again.early)
    assert bytes_of(first.late) == bytes_of(again.late)
    assert first.history == again.history
    assert first.outcome == again.outcome


@pytest.fixture(scope="module")
def remedied():
    return trained(REMEDIED)


def test_the_same_seed_gives_the_same_bytes(remedied):
    assert_same(remedied, trained(REMEDIED))
    assert bytes_of(trained(REMEDIED, seed=1).early)[0] != bytes_of(remedied.early)[0]


def test_streamed_rows_train_to_the_same_bytes(monkeypatch, remedied):
    monkeypatch.setattr("overfitting.training.epoch.STREAMED_STEPS", 3)  # 8 batches: two whole blocks and a part of one
    assert_same(remedied, trained(REMEDIED, budget(streaming=True)))


def test_early_weights_are_those_of_the_best_epoch_and_late_ones_of_a_run_without_selection():
    training, data = budget(epochs=12, schedule=FAST), TrainingData(rows(100), rows(100, seed=1))
    found = trained(TINY, training, data.train, data.validation)
    model = build(TINY, 5, seed=0)
    learner = Learner(model, adam(TINY, model, learning_rate(FAST, 8, 12, steps_per_epoch=2)))
    run_epoch = epoch_function(Spec(TINY, training, 0), learner, data)
    weights = []
    for epoch in range(1, 13):
        run_epoch(tf.constant(epoch))
        weights.append(bytes_of(model))
    losses = [row["val_log_loss"] for row in found.history]
    assert found.outcome.best_epoch == 1 + int(np.argmin(losses)) < 12
    assert bytes_of(found.early) == weights[found.outcome.best_epoch - 1]
    assert bytes_of(found.late) == weights[-1]
    assert found.outcome.early.val_log_loss == pytest.approx(min(losses), rel=1e-5)
    assert found.outcome.late.val_log_loss == pytest.approx(losses[-1], rel=1e-5)


class Killed(keras.callbacks.Callback):
    """Ends the process, as it were, after some epochs."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("variant", "patience", "after"), [(REMEDIED, None, 1), (REMEDIED, 2, 5), (EVERYTHING, None, 2)]
)
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, variant, patience, after):
    settings = budget(epochs=7, patience=patience, schedule=COSINE)

    def run(*callbacks, path="checkpoint.npz"):
        checkpoint = Checkpoint(tmp_path / path, "run", interval=0.0)
        return trained(variant, settings, callbacks=callbacks, checkpoint=checkpoint)

    def saved(found, name):
        (tmp_path / name).mkdir()
        found.save(tmp_path / name)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    whole = run(path="other.npz")
    with pytest.raises(KeyboardInterrupt):
        run(Killed(after))
    epochs = []
    resumed = run(keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch)))
    assert epochs[0] == after
    assert_same(whole, resumed)
    files = saved(resumed, "resumed")
    assert files == saved(whole, "whole")
    assert set(files) == {"early.keras", "late.keras"}


def test_the_checkpoint_of_another_run_is_not_restored(tmp_path, remedied):
    path = tmp_path / "checkpoint.npz"
    trained(REMEDIED, seed=5, checkpoint=Checkpoint(path, "seed 5", interval=0.0))
    assert path.is_file()
    assert_same(remedied, trained(REMEDIED, checkpoint=Checkpoint(path, "seed 0")))


def test_checkpoints_keep_their_distance(tmp_path):
    path = tmp_path / "checkpoint.npz"
    trained(checkpoint=Checkpoint(path, "run", interval=60.0))
    assert not path.exists()


@pytest.mark.parametrize("settings", [{"precision": "mixed_bfloat16"}, {"jit_compile": True}])
def test_faster_arithmetic_trains_nearly_the_same_float32_model(settings, tmp_path):
    variant = Variant(hidden_units=(8, 8), l2=0.001)
    plain, fast = trained(variant), trained(variant, budget(**settings))
    assert fast.outcome.early.val_log_loss == pytest.approx(plain.outcome.early.val_log_loss, abs=0.005)
    assert fast.outcome.early.val_log_loss == pytest.approx(min(row["val_log_loss"] for row in fast.history), rel=1e-5)
    assert {weight.dtype.name for weight in fast.early.get_weights()} == {"float32"}
    fast.save(tmp_path)
    assert keras.models.load_model(tmp_path / "late.keras").dtype_policy.name == "float32"


def test_early_and_late_files_differ_and_load_where_this_package_is_not(tmp_path):
    found = trained(REMEDIED, budget(epochs=20, schedule=FAST, precision="mixed_bfloat16"), rows(100))
    found.save(tmp_path)
    assert (tmp_path / "early.keras").read_bytes() != (tmp_path / "late.keras").read_bytes()
    np.save(tmp_path / "rows.npy", rows(20).features)
    code = """
import sys, keras, numpy as np
for phase in ("early", "late"):
    model = keras.models.load_model(f"{phase}.keras")
    np.save(f"{phase}.npy", np.asarray(model(np.load("rows.npy")))[:, 0])
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
assert "overfitting" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, check=True)
    for phase, model in (("early", found.early), ("late", found.late)):
        np.testing.assert_allclose(np.load(tmp_path / f"{phase}.npy"), predict(model, rows(20).features), rtol=1e-5)


def test_history_and_outcome_are_complete():
    found = trained()
    assert [tuple(row) for row in found.history] == [COLUMNS] * 4
    assert [row["epoch"] for row in found.history] == [1, 2, 3, 4]
    outcome = found.outcome
    assert (outcome.train_rows, outcome.epochs, outcome.parameters) == (400, 4, found.early.count_params())
    initial = trained(training=budget(epochs=1)).outcome
    assert initial.near_zero_share_initial == outcome.near_zero_share_initial < 0.1


def test_patience_ends_a_run(monkeypatch):
    losses = [0.9, 0.5, 0.7, 0.4, 0.6, 0.8, 0.3]
    epochs = []

    def invented(spec, learner, data):
        def run_epoch(epoch):
            epochs.append(int(epoch))
            learner.model.layers[0].bias.assign(np.full(8, epochs[-1]))
            names = [name for name in COLUMNS if name != "epoch"]
            return {**dict.fromkeys(names, 0.0), "val_log_loss": losses[epochs[-1] - 1]}

        return run_epoch

    monkeypatch.setattr("overfitting.training.loop.epoch_function", invented)
    found = trained(training=budget(epochs=7, patience=2))
    assert epochs == [1, 2, 3, 4, 5, 6]  # 4 is the best, and two epochs without a better one end it
    assert found.outcome.best_epoch == 4
    assert [model.layers[0].bias.numpy()[0] for model in (found.early, found.late)] == [4.0, 6.0]


def test_selection_looks_at_log_loss_without_the_penalty():
    found = trained(Variant(hidden_units=(8,), l2=10.0), budget(epochs=2))
    assert found.history[0]["penalty"] > 1.0
    assert found.history[0]["val_log_loss"] < 1.0


def test_a_users_callback_is_told_every_epoch_and_may_stop():
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

    trained(callbacks=[Stop()])
    assert seen == [(0, sorted(COLUMNS)), (1, sorted(COLUMNS))]


def test_a_loss_that_is_not_finite_ends_the_run():
    schedule = CosineSchedule(name="cosine", learning_rate=1e38, reference_width=None, warmup_epochs=0)
    with pytest.raises(DivergedError, match=r"not finite in epoch \d .*; lower training\.schedule\.learning_rate"):
        trained(training=budget(schedule=schedule))


def test_every_variant_and_training_is_composed_built_and_trained(project):
    raw = collisions(170)
    scaling = fit_scaling(raw[:120], NAMES, "standard")
    features, labels = scaling.apply(raw), (raw[:, 0] > 1).astype(np.float32)
    data, validation = Rows(features[:120], labels[:120]), Rows(features[120:], labels[120:])
    names = [path.stem for path in Path("conf/variant").glob("*.yaml")]
    chosen = [f"variant={name}" for name in names]
    chosen += [f"training={path.stem}" for path in Path("conf/training").glob("*.yaml") if path.stem != "default"]
    for choice in chosen:
        config = compose_config(["variant=tiny", choice, "training.batch_size=60", "training.epochs=2"])
        if not config.variant.ensemble_of:
            found = trained(config.variant, config.training, data, validation, scaling=scaling)
            assert np.isfinite([found.history[0]["val_log_loss"], found.outcome.early.val_log_loss]).all(), choice
