"""Files that stages exchange: atomic writes, digests, and errors that name the command that mends a file."""

import os
from pathlib import Path

import numpy as np
import pytest

from overfitting.base import files
from overfitting.base.errors import UserError
from tests.builders.prepared import write_rows


def fail_after(path: Path, text: str) -> None:
    with files.replacing(path) as partial:
        partial.write_text(text)
        raise OSError("the disk is full")


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "a.txt"
    files.write_text(path, "first")
    for text in ("sec", "second, and too long"):
        with pytest.raises(OSError, match="full"):
            fail_after(path, text)
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_file_and_folder_reach_the_disk_in_this_order(tmp_path, monkeypatch):
    calls = []
    replace = Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append(os.readlink(f"/proc/self/fd/{handle}")))
    monkeypatch.setattr(Path, "replace", lambda path, target: calls.append("rename") or replace(path, target))
    files.write_text(tmp_path / "a.txt", "text")
    assert calls == [str(tmp_path / "a.txt.partial"), "rename", str(tmp_path)]


def test_a_file_left_by_a_kill_is_overwritten(tmp_path):
    (tmp_path / "a.txt.partial").write_text("left, and longer than the text")
    files.write_text(tmp_path / "a.txt", "text")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["text"]


def test_a_folder_in_the_place_of_a_file_is_an_error(tmp_path):
    (tmp_path / "a.txt").mkdir()
    for call in (files.read_text, files.read_json, lambda path: files.write_text(path, "")):
        with pytest.raises(UserError, match=r"a\.txt to be a file, found a folder; remove it"):
            call(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("data/raw/provenance.json", "dvc repro --force --single-item download"),
        ("data/prepared/scaling.json", "dvc repro --force --single-item preprocess"),
        ("runs/l2/0/summary.json", "dvc repro --force --single-item train@l2"),
        ("/a/b/runs/tuned/l2/0.1/early.keras", "dvc repro --force --single-item train@tuned/l2"),
        ("runs/ensemble/ensemble.json", "dvc repro --force --single-item train@ensemble"),
        ("runs/baselines/random_forest/logits.npy", "dvc repro --force --single-item baseline@random_forest"),
        ("results/metrics.json", "dvc repro --force --single-item evaluate"),
        ("results/tuning.csv", "git checkout -- results/tuning.csv"),
    ],
)
def test_each_file_has_a_command_that_mends_it(path, command):
    assert files.mending(Path(path)) == command


@pytest.fixture
def rows(project):
    write_rows({"pool_features": np.arange(200).reshape(100, 2), "pool_labels": np.arange(100) % 2})
    return files.PREPARED / "pool_features.npy"


def test_rows_are_those_of_the_manifest(rows):
    features, labels = files.read_rows("pool")
    assert features[3].tolist() == [6, 7]
    assert labels[:3].tolist() == [0, 1, 0]


@pytest.mark.parametrize("place", [5, 60, 200, -1])
def test_one_flipped_bit_in_the_rows_is_an_error(rows, place):
    content = bytearray(rows.read_bytes())
    content[place] ^= 1
    rows.write_bytes(content)
    with pytest.raises(UserError, match=r"(?s)pool_features\.npy: .*dvc repro --force --single-item preprocess"):
        files.read_rows("pool")


def test_digests_follow_the_content(tmp_path):
    path = tmp_path / "a"
    found = []
    for text in ("a", "bb"):
        files.write_text(path, text)
        found.append(files.file_digest(path))
    assert found[0] != found[1]
    assert files.damaged(tmp_path, {"a": found[1]}) == []
    assert files.damaged(tmp_path, {"a": found[0], "b": found[1]}) == ["a", "b"]
