"""Stage train: what it keeps, what it removes, and a history that a kill leaves whole."""

import csv
from pathlib import Path

import keras
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.composition import compose_config
from overfitting.stages import train as stage
from overfitting.training.checkpoint import Checkpoint
from overfitting.training.history import Journal
from overfitting.training.identity import run_fingerprint
from overfitting.training.loop import COLUMNS, train
from tests.training.test_loop import TINY, budget, rows

LEFT = {"summary.json", "model.keras", "history.csv", "history.partial", "checkpoint.partial.npz"}


@pytest.fixture
def trained(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders that are trained, with what lies in them by then; nothing really is."""
    found: list[str] = []
    monkeypatch.setattr(stage, "_train", lambda config, folder, identity: found.append(str(folder)))
    files.write_json(files.MANIFEST, {"fingerprint": "data"})
    return found


def fill(folder: Path, names: set[str], fingerprint: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("left")
    files.write_json(folder / "summary.json", {"fingerprint": fingerprint})


def run(seed: int) -> None:
    stage.run(compose_config(["variant=l2", f"seed={seed}", "seeds=[0,1]"]), "l2")


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (LEFT, set()),
        ({*LEFT, "checkpoint.npz"}, {"checkpoint.npz", "history.csv"}),
    ],
)
def test_only_what_a_training_can_go_on_from_is_left(trained, left, kept):
    folder = Path("runs/l2/1")
    fill(folder, left, "another")
    run(1)
    assert trained == ["runs/l2/1"]
    assert {path.name for path in folder.iterdir()} == kept


def test_a_finished_run_is_kept_and_other_seeds_go(trained, capsys):
    fill(Path("runs/l2/1"), LEFT, run_fingerprint(compose_config(["variant=l2"]), 1, "data"))
    fill(Path("runs/l2/7"), LEFT, "a seed that is no longer listed")
    run(1)
    assert trained == []
    assert {path.name for path in Path("runs/l2").iterdir()} == {"1"}
    assert {path.name for path in Path("runs/l2/1").iterdir()} == LEFT
    assert capsys.readouterr() == ("", "")  # the process that watches says so


def test_an_ensemble_trains_nothing_and_leaves_word(trained):
    stage.run(compose_config(["variant=ensemble", "seed=0"]), "ensemble")
    assert trained == []
    assert files.read_json(Path("runs/ensemble/ensemble.json")) == {"ensemble_of": "large"}


@pytest.mark.parametrize(("asked", "expected"), [(0, 1000), (200, 1200), (9000, 1500)])
def test_a_variant_trains_on_as_many_spare_rows_as_it_asks_for_and_there_are(project, asked, expected):
    config = compose_config([f"variant.extra_rows={asked}"])
    assert stage.train_rows(config, {"train_rows": 1000, "spare_rows": 500}) == expected


def test_more_data_without_spare_rows_is_an_error(project):
    config = compose_config(["variant=more_data"])
    with pytest.raises(UserError, match=r"variant.extra_rows: got 90,000, but the split leaves no spare rows; raise"):
        stage.train_rows(config, {"train_rows": 1000, "spare_rows": 0})


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
            trained = train(
                TINY, budget(epochs=5), rows(), rows(100), 0, [*callbacks, journal.callback()], checkpoint=checkpoint
            )
            journal.complete(trained.history)

    def history(name):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            return [{**row, "seconds": None} for row in csv.DictReader(file)]

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
