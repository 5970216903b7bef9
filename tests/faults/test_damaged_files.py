"""Damaged files between stages: a stage says so in one clear error, or makes the file again; it never believes it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from overfitting.base import files
from tests.faults import project

pytestmark = pytest.mark.slow
CONFLICT = b"<<<<<<< HEAD\n%s\n=======\n%s\n>>>>>>> branch\n"


def flipped(content: bytes) -> bytes:
    """One bit in the middle of the content is flipped."""
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def digit(content: bytes) -> bytes:
    """Another last digit of the last number, which is still a number."""
    places = [place for place, byte in enumerate(content) if 48 <= byte <= 57]
    changed = bytearray(content)
    changed[places[len(places) // 2]] = 48 + (content[places[len(places) // 2]] - 47) % 10
    return bytes(changed)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").touch()


def change(how: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(how(path.read_bytes())) and None


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": change(flipped),
    "another digit": change(digit),
    "truncated": change(lambda content: content[: len(content) // 2]),
    "short of a byte": change(lambda content: content[:-2]),
    "empty": change(lambda content: b""),
    "zeros": change(lambda content: bytes(len(content))),
    "not UTF-8": change(lambda content: b"\xff\xfe" + content),
    "conflict markers": change(lambda content: CONFLICT % (content, content)),
    "of another version": change(lambda content: b'{"version": 1}\n'),
    "of another file": change(lambda content: b"PAR1" + content[::-1]),
    "deleted": Path.unlink,
    "a folder": folder,
}
# each file, and the stage that reads it; `train` reads its own results, too
READ = {
    "data/raw/events.parquet": "preprocess",
    "data/raw/provenance.json": "preprocess",
    "data/prepared/manifest.json": "train",
    "data/prepared/pool_features.npy": "train",
    "data/prepared/pool_labels.npy": "baseline",
    "data/prepared/scaling.json": "train",
    "data/prepared/test_features.npy": "evaluate",
    "data/prepared/test_labels.npy": "evaluate",
    "runs/l2/0/summary.json": "evaluate",
    "runs/l2/0/history.csv": "evaluate",
    "runs/l2/0/early.keras": "evaluate",
    "runs/l2/0/late.keras": "evaluate",
    "runs/baselines/logistic_regression/baseline.json": "evaluate",
    "runs/baselines/logistic_regression/logits.npy": "evaluate",
    "results/metrics.json": "report",
    "results/curves.csv": "report",
}
RUNS = [name for name in READ if name.startswith("runs/")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after all stages, which no test changes."""
    root = tmp_path_factory.mktemp("faults") / "finished"
    project.make(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for stage in project.STAGES.values():
            stage()
    return root


@pytest.fixture
def copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    shutil.copytree(finished, root)
    monkeypatch.chdir(root)
    return root


def error(stage: str) -> str:
    """The message in which a stage ends."""
    status, message = project.ended(Path.cwd(), project.STAGES[stage])
    assert status == project.CLEAR, message or f"{stage} believed the file"
    return message


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", READ)
def test_a_damaged_file_is_not_believed(copy: Path, name: str, damage: str, finished: Path) -> None:
    DAMAGES[damage](copy / name)
    if READ[name] in ("train", "baseline"):
        shutil.rmtree(copy / "runs")  # who has finished reads nothing
    before = {path: path.read_bytes() for path in (copy / "results").rglob("*") if path.is_file()}
    message = error(READ[name])
    assert len(message) < 700
    assert "Traceback" not in message
    assert Path(name).name in message or "large" in message or "l2" in message or "logistic" in message, message
    assert "dvc repro" in message, message
    assert before == {path: path.read_bytes() for path in (copy / "results").rglob("*") if path.is_file()}


@pytest.mark.parametrize("damage", ["flipped", "another digit", "empty", "deleted", "a folder"])
@pytest.mark.parametrize("name", RUNS)
def test_a_damaged_run_or_baseline_is_made_again(copy: Path, name: str, damage: str, finished: Path) -> None:
    stage = "baseline" if "baselines" in name else "train"
    DAMAGES[damage](copy / name)
    project.STAGES[stage]()
    assert project.outputs(copy, stage) == project.outputs(finished, stage)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("stage", ["download", "preprocess", "evaluate", "report"])
def test_a_stage_replaces_its_own_damaged_outputs(copy: Path, stage: str, damage: str, finished: Path) -> None:
    for name in project.outputs(finished, stage):
        if damage != "a folder" and b"0" in (copy / name).read_bytes():
            DAMAGES[damage](copy / name)
    project.STAGES[stage]()
    assert project.outputs(copy, stage) == project.outputs(finished, stage)


def test_durations_and_errors_are_never_in_the_way(copy: Path) -> None:
    for damage in DAMAGES:
        shutil.copy(copy / "runs/large/0/durations.json", copy / "runs/l2/0/other.json")
        path = copy / "runs/l2/0/durations.json"
        files.remove(path)
        shutil.copy(copy / "runs/l2/0/other.json", path)
        DAMAGES[damage](path)
        project.STAGES["report"]()
