"""The epoch loop against Keras, closed forms and itself."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from overfitting.config.composition import compose_variants
from overfitting.config.schema import CosineSchedule, InverseTimeSchedule, Training, Variant
from overfitting.data.columns import NAMES
from overfitting.data.preparation import fit_scaling
from overfitting.training.backend import tf
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.loop import COLUMNS, DivergedError, Rows, adam, epoch_function, evaluate, learning_rate, train
from overfitting.training.network import build, hidden_kernels, predict
from tests.training.test_augmentation import collisions

TINY = Variant(hidden_units=(8, 8))
COSINE = CosineSchedule(name="cosine", learning_rate=0.01, reference_width=None, warmup_epochs=1)


def rows(n_rows=400, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n_rows, 5)).astype(np.float32)
    labels = (features[:, 0] + generator.normal(0, 0.5, n_rows) > 0).astype(np.float32)
    return Rows(features, labels)


def budget(**changes):
    settings = {"epochs": 4, "batch_size": 50, "patience": None, "schedule": COSINE, **changes}
    return Training(**settings)


def test_inverse_time_decay_halves_the_rate_after_decay_epochs():
    schedule = learning_rate(
        InverseTimeSchedule(name="inverse_time", learning_rate=0.001, decay_epochs=1000), 512, 10000, 20
    )
    for epochs, expected in ((0, 0.001), (1000, 0.0005), (3000, 0.00025)):
        assert float(schedule(epochs * 20)) == pytest.approx(expected)


def test_cosine_warms_up_and_ends_at_zero():
    schedule = learning_rate(
        CosineSchedule(name="cosine", learning_rate=0.01, reference_width=None, warmup_epochs=2), 512, 10, 5
    )
    assert float(schedule(0)) == 0.0
    assert float(schedule(5)) == pytest.approx(0.005)
    assert float(schedule(10)) == pytest.approx(0.01)
    assert float(schedule(30)) == pytest.approx(0.005)  # half of the 40 steps after the warm-up
    assert float(schedule(50)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("width", "peak"), [(512, 0.003), (128, 0.006), (2048, 0.0015)])
def test_narrow_networks_take_larger_steps(width, peak):
    cosine = CosineSchedule(name="cosine", learning_rate=0.003, reference_width=512, warmup_epochs=0)
    assert float(learning_rate(cosine, width, 10, 5)(0)) == pytest.approx(peak)


def test_warm_up_is_shorter_than_a_short_budget():
    schedule = learning_rate(
        CosineSchedule(name="cosine", learning_rate=0.01, reference_width=None, warmup_epochs=5), 512, 1, 5
    )
    assert float(schedule(0)) == pytest.approx(0.01)


def test_one_epoch_is_keras_own_training_on_the_same_batches():
    """Same initial weights, same batches, three epochs, an L2 penalty: equal to float32 rounding."""
    variant, data, validation = Variant(hidden_units=(8, 8), l2=0.01), rows(), rows(100, seed=1)
    ours, reference = build(variant, 5, seed=0), build(variant, 5, seed=0)
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(ours.trainable_variables)
    run_epoch = epoch_function(ours, optimizer, data, validation, budget(), seed=7)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    reference.compile(keras.optimizers.Adam(0.01), loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
    for epoch in (1, 2, 3):
        measured = run_epoch(tf.constant(epoch))
        order = tf.random.experimental.stateless_shuffle(tf.range(400), seed=[7, epoch]).numpy()
        for batch in order.reshape(-1, 50):
            reference.train_on_batch(data.features[batch], data.labels[batch, None])
        predicted = reference(validation.features)
        assert float(measured["val_log_loss"]) == pytest.approx(
            float(loss(validation.labels[:, None], predicted)), rel=1e-5
        )
    for a, b in zip(ours.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("steps", "taken"), [(None, 400), (3, 150)])
def test_an_epoch_takes_rows_once_in_an_order_of_its_own(steps, taken, streaming):
    """And as many of them as it has steps: 400 rows are eight batches."""
    data = Rows(np.arange(2000, dtype=np.float32).reshape(400, 5) / 5, rows().labels)
    model, seen = build(TINY, 5, seed=0), []

    def record(features, labels):
        tf.py_function(lambda batch: seen.extend(batch.numpy()[:, 0].astype(int)), [features], [])
        return features, labels

    optimizer = adam(TINY, model, 0.001)
    run_epoch = epoch_function(model, optimizer, data, data, budget(streaming=streaming), 0, record, steps=steps)
    orders = []
    for epoch in (1, 2):
        run_epoch(tf.constant(epoch))
        orders.append(seen[:])
        seen.clear()
    assert [len(set(order)) for order in orders] == [len(order) for order in orders] == [taken, taken]
    assert set().union(*orders) <= set(range(400))
    assert orders[0] != orders[1]
    if steps:
        assert set(orders[0]) != set(orders[1])


def test_more_rows_cost_no_more_steps():
    data = rows(800)
    more = train(TINY, budget(), data, rows(100, seed=1), seed=0, epoch_rows=400)
    same = train(TINY, budget(), data.first(400), rows(100, seed=1), seed=0)
    rates = [[row["learning_rate"] for row in run.history] for run in (more, same)]
    assert rates[0] == rates[1]
    assert (more.summary["train_rows"], same.summary["train_rows"]) == (800, 400)
    assert more.history[0]["train_log_loss"] != same.history[0]["train_log_loss"]


REMEDIES = Variant(hidden_units=(8, 8), dropout=0.5, l1=0.0001)


def assert_same(first, again):
    """Equal weights and histories, byte for byte; only the clock differs."""
    assert [w.tobytes() for w in first.model.get_weights()] == [w.tobytes() for w in again.model.get_weights()]
    assert [{**row, "seconds": 0} for row in first.history] == [{**row, "seconds": 0} for row in again.history]
    assert {**first.summary, "seconds": 0} == {**again.summary, "seconds": 0}


def test_the_same_seed_gives_the_same_bytes():
    first, again = (train(REMEDIES, budget(), rows(), rows(100, seed=1), seed=0) for _ in range(2))
    assert_same(first, again)
    other = train(REMEDIES, budget(), rows(), rows(100, seed=1), seed=1)
    assert other.model.get_weights()[0].tobytes() != first.model.get_weights()[0].tobytes()


def test_streamed_rows_train_to_the_same_bytes(monkeypatch):
    monkeypatch.setattr("overfitting.training.loop.STREAMED_STEPS", 3)  # 8 batches: two whole blocks and a part of one
    data, validation = rows(), rows(100, seed=1)
    assert_same(
        train(REMEDIES, budget(), data, validation, seed=0),
        train(REMEDIES, budget(streaming=True), data, validation, seed=0),
    )


def test_validation_in_pieces_is_validation_at_once(monkeypatch):
    data, validation = rows(), rows(105, seed=1)
    whole = train(TINY, budget(), data, validation, seed=0)
    monkeypatch.setattr("overfitting.training.loop.MEASURED_ROWS", 10)
    for a, b in zip(whole.history, train(TINY, budget(), data, validation, seed=0).history, strict=True):
        assert {**a, "seconds": 0} == pytest.approx({**b, "seconds": 0}, rel=1e-5)


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
@pytest.mark.parametrize(("variant", "patience"), [(REMEDIES, None), (REMEDIES, 2), (EVERYTHING, None)])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, after, variant, patience):
    data, validation = rows(), rows(100, seed=1)
    settings = budget(epochs=7, patience=patience, schedule=COSINE)

    def run(*callbacks, path="checkpoint.npz", fingerprint="run"):
        checkpoint = Checkpoint(tmp_path / path, fingerprint, interval=0.0)
        return train(variant, settings, data, validation, 0, callbacks, checkpoint)

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
    train(REMEDIES, budget(), data, validation, 5, checkpoint=Checkpoint(path, "seed 5", interval=0.0))
    assert path.is_file()
    assert_same(
        train(REMEDIES, budget(), data, validation, 0, checkpoint=Checkpoint(path, "seed 0")),
        train(REMEDIES, budget(), data, validation, 0),
    )


def test_checkpoints_keep_their_distance(tmp_path):
    path = tmp_path / "checkpoint.npz"
    train(TINY, budget(), rows(), rows(100), 0, checkpoint=Checkpoint(path, "run", interval=60.0))
    assert not path.exists()


@pytest.mark.parametrize("settings", [{"precision": "mixed_bfloat16"}, {"jit_compile": True}])
def test_faster_arithmetic_trains_nearly_the_same_float32_model(settings, tmp_path):
    variant = Variant(hidden_units=(8, 8), l2=0.001)
    data, validation = rows(), rows(100, seed=1)
    plain = train(variant, budget(), data, validation, seed=0)
    fast = train(variant, budget(**settings), data, validation, seed=0)
    assert fast.summary["best"]["val_log_loss"] == pytest.approx(plain.summary["best"]["val_log_loss"], abs=0.005)
    assert fast.summary["best"]["val_log_loss"] == pytest.approx(
        min(row["val_log_loss"] for row in fast.history), rel=1e-5
    )
    assert {weight.dtype.name for weight in fast.model.get_weights()} == {"float32"}
    fast.model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").dtype_policy.name == "float32"


def test_a_saved_model_loads_where_this_package_is_not(tmp_path):
    training = budget(precision="mixed_bfloat16")
    trained = train(REMEDIES, training, rows(), rows(100), seed=0)
    trained.model.save(tmp_path / "model.keras")
    np.save(tmp_path / "rows.npy", rows(20).features)
    code = """
import sys, keras, numpy as np
print(*np.asarray(keras.models.load_model("model.keras")(np.load("rows.npy")))[:, 0], *[type(l).__module__ for l in
      keras.models.load_model("model.keras").layers])
assert "overfitting" not in sys.modules
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    np.testing.assert_allclose(np.array(printed[:20], np.float32), predict(trained.model, rows(20).features), rtol=1e-5)
    assert all(name.startswith("keras.") for name in printed[20:])


def test_history_and_summary_are_complete():
    trained = train(TINY, budget(), rows(), rows(100, seed=1), seed=0)
    assert [tuple(row) for row in trained.history] == [COLUMNS] * 4
    assert [row["epoch"] for row in trained.history] == [1, 2, 3, 4]
    losses = [row["val_log_loss"] for row in trained.history]
    assert trained.summary["best_epoch"] == 1 + int(np.argmin(losses))
    assert trained.summary["best"]["val_log_loss"] == pytest.approx(min(losses), rel=1e-5)
    assert trained.summary["last"]["val_log_loss"] == pytest.approx(losses[-1], rel=1e-5)
    assert trained.summary["parameters"] == trained.model.count_params()


def test_the_best_epochs_weights_are_kept_and_patience_stops(monkeypatch):
    losses = [0.9, 0.5, 0.7, 0.4, 0.6, 0.8, 0.3]
    weights = []

    def invented(model, *_):
        def run_epoch(epoch):
            epoch = int(epoch)
            model.layers[0].bias.assign(np.full(8, epoch))
            weights.append(epoch)
            names = [name for name in COLUMNS if name not in ("epoch", "seconds")]
            return {**dict.fromkeys(names, 0.0), "val_log_loss": losses[epoch - 1]}

        return run_epoch

    monkeypatch.setattr("overfitting.training.loop.epoch_function", invented)
    trained = train(TINY, budget(epochs=7, patience=2), rows(), rows(100), seed=0)
    assert weights == [1, 2, 3, 4, 5, 6]  # 4 is the best, and two epochs without a better one end it
    assert trained.summary["best_epoch"] == 4
    assert trained.model.layers[0].bias.numpy()[0] == 4.0


def test_selection_looks_at_log_loss_without_the_penalty():
    variant = Variant(hidden_units=(8,), l2=10.0)
    trained = train(variant, budget(epochs=2), rows(), rows(100, seed=1), seed=0)
    assert trained.history[0]["penalty"] > 1.0
    assert trained.history[0]["val_log_loss"] < 1.0


def test_a_users_callback_is_told_every_epoch_and_may_stop():
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

    train(TINY, budget(), rows(), rows(100), seed=0, callbacks=[Stop()])
    assert seen == [(0, sorted(COLUMNS)), (1, sorted(COLUMNS))]


def test_a_loss_that_is_not_finite_ends_the_run():
    data = rows()
    with pytest.raises(DivergedError, match=r"not finite in epoch \d; lower training.schedule.learning_rate"):
        train(
            TINY,
            budget(schedule=CosineSchedule(name="cosine", learning_rate=1e38, reference_width=None, warmup_epochs=0)),
            data,
            data,
            0,
        )


def test_evaluation_is_without_dropout_and_on_all_rows():
    model, data = build(Variant(hidden_units=(8, 8), dropout=0.5), 5, seed=0), rows(105)
    found = evaluate(model, data, "train")
    logits = np.asarray(model(data.features, training=False))[:, 0]
    assert found["train_accuracy"] == pytest.approx(((logits > 0) == data.labels).mean())
    loss = keras.losses.BinaryCrossentropy(from_logits=True)(data.labels[:, None], logits[:, None])
    assert found["train_log_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_prediction_in_pieces_is_prediction_at_once():
    model, data = build(TINY, 5, seed=0), rows(105)
    np.testing.assert_allclose(predict(model, data.features, 10), predict(model, data.features), rtol=1e-5)


def weights_after(variant, steps, rate=0.01, data=None):
    """Weights of `variant` after so many steps of one batch each."""
    data = data or rows(50)
    schedule = CosineSchedule(name="cosine", learning_rate=rate, reference_width=None, warmup_epochs=0)
    model = build(variant, 5, seed=0)
    optimizer = adam(variant, model, rate)
    run_epoch = epoch_function(model, optimizer, data, data, budget(schedule=schedule), 0)
    found = [model.get_weights()]
    for epoch in range(1, steps + 1):
        run_epoch(tf.constant(epoch))
        found.append(model.get_weights())
    return found, optimizer


def test_decoupled_decay_shrinks_hidden_kernels_by_rate_times_factor_and_nothing_else():
    (start, plain), _ = weights_after(TINY, 1)
    (_, decayed), _ = weights_after(Variant(hidden_units=(8, 8), weight_decay=0.5), 1)
    for index, (first, without, with_decay) in enumerate(zip(start, plain, decayed, strict=True)):
        expected = 0.01 * 0.5 * first if index in (0, 2) else 0.0  # kernels of the two hidden layers
        np.testing.assert_allclose(without - with_decay, expected, atol=1e-6)


def test_the_norm_of_a_units_weights_never_passes_its_bound():
    found, _ = weights_after(Variant(hidden_units=(8, 8), max_norm=0.5), 4, rate=0.1)
    for weights in found[1:]:
        for index in (0, 2):
            assert np.linalg.norm(weights[index], axis=0).max() <= 0.5 + 1e-5
    assert np.linalg.norm(found[-1][4]) > 0.5  # the last layer is free


def test_averaged_weights_are_the_moving_average_of_the_weights():
    plain, _ = weights_after(TINY, 4)
    averaged, _ = weights_after(Variant(hidden_units=(8, 8), ema=0.9), 4)
    expected = plain[1]
    for step in (2, 3, 4):
        expected = [0.9 * average + 0.1 * new for average, new in zip(expected, plain[step], strict=True)]
        for average, found in zip(expected, averaged[step], strict=True):
            np.testing.assert_allclose(found, average, atol=1e-6)


def test_smoothed_labels_are_learned_and_true_ones_measured():
    """One step with smoothing 2s is a step on targets s and 1 - s; the log loss that is shown is that of the labels."""
    data = rows(50)
    variant = Variant(hidden_units=(8, 8), label_smoothing=0.2)
    model = build(variant, 5, seed=0)
    run_epoch = epoch_function(model, adam(variant, model, 0.01), data, data, budget(), 0, label_smoothing=0.2)
    reference = build(variant, 5, seed=0)
    before = evaluate(reference, data, "train")["train_log_loss"]
    reference.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    reference.train_on_batch(data.features, (data.labels * 0.8 + 0.1)[:, None])
    assert float(run_epoch(tf.constant(1))["train_log_loss"]) == pytest.approx(before, rel=1e-5)
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_batch_normalization_learns_the_moments_of_its_input():
    variant = Variant(hidden_units=(8,), normalization="batch")
    data = rows(400)
    shifted = Rows(data.features * 3 + 5, data.labels)
    trained = train(variant, budget(epochs=60, schedule=SLOW), shifted, shifted, seed=0)
    dense, normalization = trained.model.layers[:2]
    inputs = np.asarray(dense(shifted.features))
    np.testing.assert_allclose(normalization.moving_mean, inputs.mean(0), atol=0.15 * inputs.std())
    np.testing.assert_allclose(normalization.moving_variance, inputs.var(0), rtol=0.3)


SLOW = CosineSchedule(name="cosine", learning_rate=1e-4, reference_width=None, warmup_epochs=0)


def test_early_stopping_of_a_variant_ends_it_and_changes_nothing_before():
    data, validation = rows(100), rows(100, seed=1)
    fast = CosineSchedule(name="cosine", learning_rate=0.1, reference_width=None, warmup_epochs=0)
    whole = train(TINY, budget(epochs=40, schedule=fast), data, validation, 0)
    stopped = train(Variant(hidden_units=(8, 8), patience=3), budget(epochs=40, schedule=fast), data, validation, 0)
    assert len(stopped.history) < 40
    assert len(stopped.history) == stopped.summary["best_epoch"] + 3
    for a, b in zip(stopped.history, whole.history, strict=False):
        assert a["val_log_loss"] == b["val_log_loss"]


def test_the_last_epochs_weights_are_kept_if_asked_for():
    data, validation = rows(100), rows(100, seed=1)
    fast = CosineSchedule(name="cosine", learning_rate=0.1, reference_width=None, warmup_epochs=0)
    last = train(Variant(hidden_units=(8, 8), keep="last"), budget(epochs=30, schedule=fast), data, validation, 0)
    assert last.summary["best_epoch"] < 30
    kept = evaluate(last.model, validation, "val")["val_log_loss"]
    assert kept == pytest.approx(last.history[-1]["val_log_loss"], rel=1e-5)
    assert last.summary["best"]["val_log_loss"] < kept


def test_the_summary_tells_the_sizes_of_the_hidden_weights():
    trained = train(Variant(hidden_units=(16, 16), l1=0.1, keep="last"), budget(epochs=20), rows(), rows(100), 0)
    weights = np.abs(np.concatenate([np.asarray(kernel).ravel() for kernel in hidden_kernels(trained.model)]))
    summary = trained.summary
    assert summary["near_zero_share"] == pytest.approx((weights < 1e-3).mean())
    assert summary["near_zero_share"] > summary["near_zero_share_initial"]
    assert summary["zero_share"] == pytest.approx((weights == 0).mean())
    assert summary["weight_norm"] == pytest.approx(np.linalg.norm(weights), rel=1e-5)
    assert sum(summary["weight_histogram"]) == pytest.approx(1.0, abs=1e-4)
    below = np.array(summary["weight_bins"])[1:] <= -3 + 1e-9
    assert np.array(summary["weight_histogram"])[below].sum() == pytest.approx((weights < 1e-3).mean(), abs=1e-4)


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
        trained = train(config.variant, config.training, data, validation, seed=0, scaling=scaling)
        assert np.isfinite(trained.history[0]["val_log_loss"]), name
        logits = np.asarray(trained.model(data.features))
        assert logits.shape == (120, 1)
        assert np.isfinite(logits).all()
