"""A history that is written and followed at once: every row arrives once and in order, whatever happens to the file."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.training.history import Follower, Journal, Row

COLUMNS = ("epoch", "val_log_loss", "penalty")


def row(epoch: int, penalty: float = 0.25) -> Row:
    return {"epoch": epoch, "val_log_loss": 1 / epoch, "penalty": penalty}


def text(rows: list[Row]) -> bytes:
    """The file of `rows`, as the csv module writes it."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def epochs(rows: list[Row]) -> list[float]:
    return [row["epoch"] for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.csv"


def test_the_file_is_that_of_the_csv_module_and_grows_with_each_epoch(path: Path) -> None:
    rows = [row(epoch) for epoch in range(1, 6)]
    with Journal(path, COLUMNS) as journal:
        for epoch, values in enumerate(rows):
            journal.write(epoch, values)
            assert path.read_bytes() == text(rows[: epoch + 1])
        journal.complete(rows)
    assert path.read_bytes() == text(rows)
    assert list(path.parent.iterdir()) == [path]


def test_a_resumed_run_keeps_as_many_rows_as_it_had(path: Path) -> None:
    path.write_bytes(text([row(epoch, penalty=9.0) for epoch in range(1, 8)]) + b"8,0.1")
    with Journal(path, COLUMNS) as journal:
        for epoch in (4, 5):
            journal.write(epoch, row(epoch + 1))
    expected = [*(row(epoch, penalty=9.0) for epoch in range(1, 5)), row(5), row(6)]
    assert path.read_bytes() == text(expected)


def test_a_new_run_keeps_nothing_and_leaves_files_alone_that_share_the_bytes(path: Path) -> None:
    path.write_bytes(text([row(1), row(2)]))
    cached = path.with_name("cache")
    cached.hardlink_to(path)  # as DVC may do it
    with Journal(path, COLUMNS) as journal:
        journal.write(0, row(1, penalty=3.0))
    assert path.read_bytes() == text([row(1, penalty=3.0)])
    assert cached.read_bytes() == text([row(1), row(2)])


@pytest.mark.parametrize("left", [0, 2, 4])
@pytest.mark.parametrize("trained", [0, 3])
def test_rows_that_were_lost_are_there_in_the_end(path: Path, left: int, trained: int) -> None:
    path.write_bytes(text([row(epoch) for epoch in range(1, left + 1)]))
    history = [row(epoch) for epoch in range(1, 4 + trained + 1)]
    with Journal(path, COLUMNS) as journal:
        for epoch in range(4, 4 + trained):
            journal.write(epoch, row(epoch + 1))
        journal.complete(history)
    assert path.read_bytes() == text(history)


@pytest.mark.slow
def test_keras_calls_it(path: Path) -> None:
    import keras

    with Journal(path, COLUMNS) as journal:
        callbacks = keras.callbacks.CallbackList([journal.callback()], model=keras.Sequential())
        callbacks.on_train_begin()
        for epoch in range(3):
            callbacks.on_epoch_begin(epoch)
            callbacks.on_epoch_end(epoch, row(epoch + 1))
        callbacks.on_train_end()
    assert path.read_bytes() == text([row(1), row(2), row(3)])


@given(sizes=st.lists(st.integers(0, 120), max_size=40), count=st.integers(0, 30))
def test_every_row_arrives_once_however_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], count: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "history.csv"
    rows = [row(epoch, penalty=epoch / 7) for epoch in range(1, count + 1)]
    content = text(rows)
    follower = Follower(path)
    arrived = follower.new_rows()
    end = 0
    for size in [*sizes, len(content)]:
        end = min(end + size, len(content))
        path.write_bytes(content[:end])
        arrived += follower.new_rows()
        assert len(arrived) == max(content[:end].count(b"\n") - 1, 0)
    assert arrived == rows


@given(
    sessions=st.lists(st.tuples(st.floats(0, 1), st.lists(st.integers(1, 9), max_size=5)), min_size=1, max_size=5),
)
def test_every_row_arrives_once_however_often_the_training_is_resumed(
    tmp_path_factory: pytest.TempPathFactory, sessions: list[tuple[float, list[int]]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "history.csv"
    follower, arrived, done, most = Follower(path), [], 0, 0
    for session, (kept, looks) in enumerate(sessions):
        done = int(kept * done)  # where the checkpoint was taken
        with Journal(path, COLUMNS) as journal:
            for epochs_between in looks:
                for _ in range(epochs_between):
                    journal.write(done, row(done + 1, penalty=10.0**session))
                    done += 1
                arrived += follower.new_rows()
                most = max(most, done)
                assert epochs(arrived) == list(range(1, most + 1))


def test_what_lies_there_at_first_waits_until_it_changes(path: Path) -> None:
    path.write_bytes(text([row(epoch) for epoch in range(1, 8)]))
    follower = Follower(path)
    assert follower.new_rows() == []
    with Journal(path, COLUMNS) as journal:
        journal.write(3, row(4, penalty=2.0))
        assert follower.new_rows() == [row(1), row(2), row(3), row(4, penalty=2.0)]
        journal.write(4, row(5))
        assert follower.new_rows() == [row(5)]


def test_a_folder_that_is_removed_and_made_anew(path: Path) -> None:
    folder = path.parent / "0"
    folder.mkdir()
    (folder / "history.csv").write_bytes(text([row(1), row(2)]))
    follower = Follower(folder / "history.csv")
    shutil.rmtree(folder)
    assert follower.new_rows() == []
    folder.mkdir()
    with Journal(folder / "history.csv", COLUMNS) as journal:
        journal.write(0, row(1))
    assert follower.new_rows() == [row(1)]
