"""Stage train: which runs it keeps and removes, what it trains them on, and the history after a kill."""

import csv
import dataclasses
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.config.schema import Config
from overfitting.data.scaling import Scaling
from overfitting.stages import train as stage
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.history import COLUMNS, Journal
from overfitting.training.identity import Code, Run, plan
from tests.builders.prepared import write_rows
from tests.builders.training import rows, write_summary
from tests.builders.training import trained as train_small

LEFT = {"summary.json", "early.keras", "late.keras", "history.csv", "history.csv.partial", "checkpoint.npz.partial"}


@pytest.fixture
def prepared(project: Path) -> Path:
    """Prepared rows for two seeds: 100 each, of which 40 are for validation."""
    data = rows(200)
    content = {"train_rows": 60, "validation_rows": 40, "search_rows": 0, "pool_rows": 200}
    scaling = {**{field.name: [] for field in dataclasses.fields(Scaling)}, "symmetry": False}
    write_rows({"pool_features": data.features, "pool_labels": data.labels}, scaling, **content)
    return project


@pytest.fixture
def trained(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders that are trained; nothing really is."""
    found: list[str] = []
    monkeypatch.setattr(stage, "_train", lambda run: found.append(str(run.folder)))
    return found


def fill(folder: Path, names: set[str], fingerprint: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("left")
    write_summary(folder, fingerprint)


def configs(*overrides: str) -> dict[str, Config]:
    return {"l2": compose_config(["variant=l2", "seeds=[0,1]", "+repeats.l2=2", *overrides])}


def second_run() -> Run:
    """The second run of seed 0."""
    return plan(configs(), "data")[1]


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (LEFT, set()),
        ({*LEFT, "checkpoint.npz"}, {"checkpoint.npz", "history.csv"}),
    ],
)
def test_only_files_from_which_a_run_can_resume_are_left(trained, left, kept):
    folder = Path("runs/l2/0.1")
    fill(folder, left, "another")
    stage.run(second_run())
    assert trained == ["runs/l2/0.1"]
    assert {path.name for path in folder.iterdir()} == kept


def test_a_finished_run_is_kept_and_other_seeds_and_repeats_go(trained, capsys):
    fill(Path("runs/l2/0.1"), LEFT, second_run().fingerprint)
    for name in ("7", "0.2"):
        fill(Path("runs/l2") / name, LEFT, "no longer listed")
    stage.prepare(configs())
    stage.run(second_run())
    assert trained == []
    assert {path.name for path in Path("runs/l2").iterdir()} == {"0.1"}
    assert {path.name for path in Path("runs/l2/0.1").iterdir()} == LEFT
    assert capsys.readouterr() == ("", "")  # the process that watches prints


@pytest.mark.parametrize("name", ["early.keras", "history.csv"])
@pytest.mark.parametrize("damage", ["flipped", "gone", "a folder"])
def test_a_finished_run_with_a_damaged_file_is_trained_again(trained, name, damage):
    run, path = second_run(), Path("runs/l2/0.1") / name
    fill(run.folder, LEFT, run.fingerprint)
    digests = {found: files.file_digest(run.folder / found) for found in stage.RESULTS}
    write_summary(run.folder, run.fingerprint, files=digests)
    assert run.summary()
    assert run.damage() == ""
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "flipped":
        path.write_text("lefu")
    assert run.summary() is None
    assert run.damage() == name
    stage.run(run)
    assert trained == ["runs/l2/0.1"]
    assert list(run.folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"<<<<<<< HEAD\n", b"\xff\x00", None])
def test_a_run_with_a_damaged_summary_is_trained_again(trained, content):
    run = second_run()
    fill(run.folder, LEFT, run.fingerprint)
    path = run.folder / "summary.json"
    text = path.read_bytes()
    path.write_bytes(text.replace(b"0.5", b"0.6", 1) if content is None else content)
    assert run.summary() is None
    assert run.damage() == ("summary.json" if content is None else "")  # others do not show whose they are
    stage.run(run)
    assert trained == ["runs/l2/0.1"]


def test_an_ensemble_trains_nothing_and_names_its_member(prepared):
    ensemble = {"ensemble": compose_config(["variant=ensemble", "seeds=[0,1]"])}
    stage.prepare(ensemble)
    assert plan(ensemble, "data") == []
    assert files.read_json(Path("runs/ensemble/ensemble.json")) == {"ensemble_of": "large"}


def test_a_process_with_other_code_than_the_fingerprints_refuses_to_train(trained, monkeypatch):
    run = second_run()
    code = Code.read()
    monkeypatch.setattr(stage, "loaded_code", lambda: replace(code, engine=("old",)))
    with pytest.raises(UserError, match="l2 seed 0 repeat 1: the source code changed after the stage started"):
        stage.run(run)
    assert trained == []
    monkeypatch.setattr(stage, "loaded_code", lambda: replace(code, remedies={**code.remedies, "dropout": ("old",)}))
    stage.run(run)  # code that the run does not use
    assert trained == ["runs/l2/0.1"]


def test_repeats_have_the_rows_of_their_seed_and_other_initial_weights(prepared, monkeypatch):
    from overfitting.training import loop

    seen = []
    train = loop.train
    monkeypatch.setattr(loop, "train", lambda spec, data, *more: seen.append(data) or train(spec, data, *more))
    overrides = ["variant.hidden_units=[8]", "training=smoke", "training.epochs=1", "training.batch_size=20"]
    for run in plan(configs(*overrides), "data")[:3]:
        stage.run(run)
        assert run.summary().train_rows == 60
        assert (run.summary().seed, run.summary().repeat) == (run.seed, run.repeat)
        assert {path.name for path in run.folder.iterdir()} == LEFT - {
            "history.csv.partial",
            "checkpoint.npz.partial",
        } | {"durations.json"}
    first, repeat, other = seen
    np.testing.assert_array_equal(first.train.features, repeat.train.features)
    np.testing.assert_array_equal(first.validation.labels, repeat.validation.labels)
    taken = [set(data.train.features[:, 0]) | set(data.validation.features[:, 0]) for data in (first, other)]
    assert not taken[0] & taken[1]
    kernels = [keras.models.load_model(f"runs/l2/{name}/late.keras").layers[0].kernel.numpy() for name in ("0", "0.1")]
    assert np.abs(kernels[0] - kernels[1]).mean() > 0.1


class Killed(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("lost", [False, True], ids=["killed", "the machine went down"])
def test_a_resumed_training_leaves_the_history_of_one_that_was_not(tmp_path, lost):
    def session(name, *callbacks):
        checkpoint = Checkpoint(tmp_path / f"{name}.npz", "run", interval=0.0)
        with Journal(tmp_path / f"{name}.csv", COLUMNS) as journal:
            found = train_small(callbacks=[*callbacks, journal.callback()], checkpoint=checkpoint)
            journal.complete(found.history)

    def history(name):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    session("whole")
    with pytest.raises(KeyboardInterrupt):
        session("resumed", Killed())
    assert history("resumed") == history("whole")[:2]
    if lost:
        (tmp_path / "resumed.csv").write_text("")
    session("resumed")
    assert history("resumed") == history("whole")
    assert len(history("whole")) == 4
