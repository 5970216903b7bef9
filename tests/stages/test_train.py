"""Stage train: which runs it keeps and removes, and the history after a kill."""

import csv
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.config.schema import Config
from overfitting.stages import train as stage
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.history import COLUMNS, Journal
from overfitting.training.identity import Code, Run, plan
from tests.builders.training import budget, write_summary
from tests.builders.training import trained as train_small

LEFT = {"summary.json", "model.keras", "history.csv", "history.csv.partial", "checkpoint.npz.partial"}


@pytest.fixture
def trained(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
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
    return {"l2": compose_config(["variant=l2", "seeds=[0,1]", *overrides])}


def second_run() -> Run:
    """The run of seed 1."""
    return plan(configs(), "data")[1]


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (LEFT, set()),
        ({*LEFT, "checkpoint.npz"}, {"checkpoint.npz", "history.csv"}),
    ],
)
def test_only_files_from_which_a_run_can_resume_are_left(trained, left, kept):
    folder = Path("runs/l2/1")
    fill(folder, left, "another")
    stage.run(second_run())
    assert trained == ["runs/l2/1"]
    assert {path.name for path in folder.iterdir()} == kept


def test_a_finished_run_is_kept_and_other_seeds_go(trained, capsys):
    fill(Path("runs/l2/1"), LEFT, second_run().fingerprint)
    fill(Path("runs/l2/7"), LEFT, "a seed that is no longer listed")
    stage.prepare(configs())
    stage.run(second_run())
    assert trained == []
    assert {path.name for path in Path("runs/l2").iterdir()} == {"1"}
    assert {path.name for path in Path("runs/l2/1").iterdir()} == LEFT
    assert capsys.readouterr() == ("", "")  # the process that watches prints


def test_an_ensemble_trains_nothing_and_names_its_member(project):
    ensemble = {"ensemble": compose_config(["variant=ensemble"])}
    stage.prepare(ensemble)
    assert plan(ensemble, "data") == []
    assert files.read_json(Path("runs/ensemble/ensemble.json")) == {"ensemble_of": "large"}


def test_a_process_with_other_code_than_the_fingerprints_refuses_to_train(trained, monkeypatch):
    run = second_run()
    code = Code.read()
    monkeypatch.setattr(stage, "loaded_code", lambda: replace(code, engine=("old",)))
    with pytest.raises(UserError, match="l2 seed 1: the source code changed after the stage started"):
        stage.run(run)
    assert trained == []
    monkeypatch.setattr(stage, "loaded_code", lambda: replace(code, remedies={**code.remedies, "dropout": ("old",)}))
    stage.run(run)  # code that the run does not use
    assert trained == ["runs/l2/1"]


@pytest.mark.parametrize("lost", [False, True], ids=["killed", "the machine went down"])
@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_resumed_training_leaves_the_history_of_one_that_was_not(tmp_path, after, lost):
    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == after:
                raise KeyboardInterrupt

    def session(name, *callbacks):
        checkpoint = Checkpoint(tmp_path / f"{name}.npz", "run", interval=0.0)
        with Journal(tmp_path / f"{name}.csv", COLUMNS) as journal:
            found = train_small(
                training=budget(epochs=5), callbacks=[*callbacks, journal.callback()], checkpoint=checkpoint
            )
            journal.complete(found.history)

    def history(name):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    session("whole")
    try:
        session("resumed", Killed())
    except KeyboardInterrupt:
        assert history("resumed") == history("whole")[:after]
    if lost:
        (tmp_path / "resumed.csv").write_text("")
    session("resumed")
    assert history("resumed") == history("whole")
    assert len(history("whole")) == 5
