"""Runs: selection, callbacks, checkpoints, the same bytes."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from overfitting.config.composition import compose_variants
from overfitting.config.schema import CosineSchedule, Variant
from overfitting.data.columns import NAMES
from overfitting.data.preparation import fit_scaling
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.history import COLUMNS
from overfitting.training.loop import DivergedError, evaluate
from overfitting.training.network import build, predict
from overfitting.training.rows import Rows
from tests.builders.training import COSINE, TINY, budget, collisions, rows, trained


def test_more_rows_cost_no_more_steps():
    data = rows(800)
    more = trained(TINY, budget(), data, rows(100, seed=1), seed=0, epoch_rows=400)
    same = trained(TINY, budget(), data.first(400), rows(100, seed=1), seed=0)
    rates = [[row["learning_rate"] for row in run.history] for run in (more, same)]
    assert rates[0] == rates[1]
    assert (more.outcome.train_rows, same.outcome.train_rows) == (800, 400)
    assert more.history[0]["train_log_loss"] != same.history[0]["train_log_loss"]


REMEDIED = Variant(hidden_units=(8, 8), dropout=0.5, l1=0.0001)


def assert_same(first, again):
    """Equal weights, histories and outcomes, byte for byte."""
    assert [w.tobytes() for w in first.model.get_weights()] == [w.tobytes() for w in again.model.get_weights()]
    assert first.history == again.history
    assert first.outcome == again.outcome


def test_the_same_seed_gives_the_same_bytes():
    first, again = (trained(REMEDIED, budget(), rows(), rows(100, seed=1), seed=0) for _ in range(2))
    assert_same(first, again)
    other = trained(REMEDIED, budget(), rows(), rows(100, seed=1), seed=1)
    assert other.model.get_weights()[0].tobytes() != first.model.get_weights()[0].tobytes()


def test_streamed_rows_train_to_the_same_bytes(monkeypatch):
    monkeypatch.setattr("overfitting.training.epoch.STREAMED_STEPS", 3)  # 8 batches: two whole blocks and a part of one
    data, validation = rows(), rows(100, seed=1)
    assert_same(
        trained(REMEDIED, budget(), data, validation, seed=0),
        trained(REMEDIED, budget(streaming=True), data, validation, seed=0),
    )


class Killed(keras.callbacks.Callback):
    """Ends the process, as it were, after some epochs."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.after:
            raise KeyboardInterrupt


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


@pytest.mark.parametrize("after", [1, 2, 5])
@pytest.mark.parametrize(("variant", "patience"), [(REMEDIED, None), (REMEDIED, 2), (EVERYTHING, None)])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, after, variant, patience):
    data, validation = rows(), rows(100, seed=1)
    settings = budget(epochs=7, patience=patience, schedule=COSINE)

    def run(*callbacks, path="checkpoint.npz", fingerprint="run"):
        checkpoint = Checkpoint(tmp_path / path, fingerprint, interval=0.0)
        return trained(variant, settings, data, validation, 0, callbacks, checkpoint)

    whole = run(path="other.npz")
    with pytest.raises(KeyboardInterrupt):
        run(Killed(after))
    epochs = []

    class Seen(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            epochs.append(epoch)

    resumed = run(Seen())
    assert epochs[0] == after
    assert_same(whole, resumed)


def test_the_checkpoint_of_another_run_is_not_restored(tmp_path):
    data, validation = rows(), rows(100, seed=1)
    path = tmp_path / "checkpoint.npz"
    trained(REMEDIED, budget(), data, validation, 5, checkpoint=Checkpoint(path, "seed 5", interval=0.0))
    assert path.is_file()
    assert_same(
        trained(REMEDIED, budget(), data, validation, 0, checkpoint=Checkpoint(path, "seed 0")),
        trained(REMEDIED, budget(), data, validation, 0),
    )


def test_checkpoints_keep_their_distance(tmp_path):
    path = tmp_path / "checkpoint.npz"
    trained(TINY, budget(), rows(), rows(100), 0, checkpoint=Checkpoint(path, "run", interval=60.0))
    assert not path.exists()


@pytest.mark.parametrize("settings", [{"precision": "mixed_bfloat16"}, {"jit_compile": True}])
def test_faster_arithmetic_trains_nearly_the_same_float32_model(settings, tmp_path):
    variant = Variant(hidden_units=(8, 8), l2=0.001)
    data, validation = rows(), rows(100, seed=1)
    plain = trained(variant, budget(), data, validation, seed=0)
    fast = trained(variant, budget(**settings), data, validation, seed=0)
    assert fast.outcome.best.val_log_loss == pytest.approx(plain.outcome.best.val_log_loss, abs=0.005)
    assert fast.outcome.best.val_log_loss == pytest.approx(min(row["val_log_loss"] for row in fast.history), rel=1e-5)
    assert {weight.dtype.name for weight in fast.model.get_weights()} == {"float32"}
    fast.model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").dtype_policy.name == "float32"


def test_a_saved_model_loads_where_this_package_is_not(tmp_path):
    training = budget(precision="mixed_bfloat16")
    found = trained(REMEDIED, training, rows(), rows(100), seed=0)
    found.model.save(tmp_path / "model.keras")
    np.save(tmp_path / "rows.npy", rows(20).features)
    code = """
import sys, keras, numpy as np
print(*np.asarray(keras.models.load_model("model.keras")(np.load("rows.npy")))[:, 0], *[type(l).__module__ for l in
      keras.models.load_model("model.keras").layers])
assert "overfitting" not in sys.modules
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    np.testing.assert_allclose(np.array(printed[:20], np.float32), predict(found.model, rows(20).features), rtol=1e-5)
    assert all(name.startswith("keras.") for name in printed[20:])


def test_history_and_summary_are_complete():
    found = trained(TINY, budget(), rows(), rows(100, seed=1), seed=0)
    assert [tuple(row) for row in found.history] == [COLUMNS] * 4
    assert [row["epoch"] for row in found.history] == [1, 2, 3, 4]
    losses = [row["val_log_loss"] for row in found.history]
    assert found.outcome.best_epoch == 1 + int(np.argmin(losses))
    assert found.outcome.best.val_log_loss == pytest.approx(min(losses), rel=1e-5)
    assert found.outcome.last.val_log_loss == pytest.approx(losses[-1], rel=1e-5)
    assert found.outcome.parameters == found.model.count_params()


def test_the_best_epochs_weights_are_kept_and_patience_stops(monkeypatch):
    losses = [0.9, 0.5, 0.7, 0.4, 0.6, 0.8, 0.3]
    weights = []

    def invented(spec, learner, data):
        def run_epoch(epoch):
            epoch = int(epoch)
            learner.model.layers[0].bias.assign(np.full(8, epoch))
            weights.append(epoch)
            names = [name for name in COLUMNS if name != "epoch"]
            return {**dict.fromkeys(names, 0.0), "val_log_loss": losses[epoch - 1]}

        return run_epoch

    monkeypatch.setattr("overfitting.training.loop.epoch_function", invented)
    found = trained(TINY, budget(epochs=7, patience=2), rows(), rows(100), seed=0)
    assert weights == [1, 2, 3, 4, 5, 6]  # 4 is the best, and two epochs without a better one end it
    assert found.outcome.best_epoch == 4
    assert found.model.layers[0].bias.numpy()[0] == 4.0


def test_selection_looks_at_log_loss_without_the_penalty():
    variant = Variant(hidden_units=(8,), l2=10.0)
    found = trained(variant, budget(epochs=2), rows(), rows(100, seed=1), seed=0)
    assert found.history[0]["penalty"] > 1.0
    assert found.history[0]["val_log_loss"] < 1.0


def test_a_users_callback_is_told_every_epoch_and_may_stop():
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

    trained(TINY, budget(), rows(), rows(100), seed=0, callbacks=[Stop()])
    assert seen == [(0, sorted(COLUMNS)), (1, sorted(COLUMNS))]


def test_a_loss_that_is_not_finite_ends_the_run():
    data = rows()
    with pytest.raises(DivergedError, match=r"not finite in epoch \d; lower training.schedule.learning_rate"):
        trained(
            TINY,
            budget(schedule=CosineSchedule(name="cosine", learning_rate=1e38, reference_width=None, warmup_epochs=0)),
            data,
            data,
            0,
        )


def test_evaluation_is_without_dropout_and_on_all_rows():
    model, data = build(Variant(hidden_units=(8, 8), dropout=0.5), 5, seed=0), rows(105)
    log_loss, accuracy = evaluate(model, data)
    logits = np.asarray(model(data.features, training=False))[:, 0]
    assert accuracy == pytest.approx(((logits > 0) == data.labels).mean())
    loss = keras.losses.BinaryCrossentropy(from_logits=True)(data.labels[:, None], logits[:, None])
    assert log_loss == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("training", ["default", "tutorial", "smoke"])
def test_every_variant_and_training_is_composed_built_and_trained_an_epoch(project, training):
    names = [path.stem for path in Path("conf/variant").glob("*.yaml")]
    raw = collisions(170)
    scaling = fit_scaling(raw[:120], NAMES, "standard")
    features, labels = scaling.apply(raw), (raw[:, 0] > 1).astype(np.float32)
    data, validation = Rows(features[:120], labels[:120]), Rows(features[120:], labels[120:])
    overrides = [f"training={training}", "training.batch_size=60", "training.epochs=1"]
    configs = compose_variants([*overrides, f"variants=[{','.join(names)}]"])
    for name, config in configs.items():
        if config.variant.ensemble_of:
            continue
        found = trained(config.variant, config.training, data, validation, seed=0, scaling=scaling)
        assert np.isfinite(found.history[0]["val_log_loss"]), name
        logits = np.asarray(found.model(data.features))
        assert logits.shape == (120, 1)
        assert np.isfinite(logits).all()
