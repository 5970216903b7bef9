"""What several tests share: the project's root, a scratch copy of it, and genuine HIGGS rows where there are any."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
for _name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(_name, None)  # of the `make test` that runs this; a `make` that a test runs is another one
COPIED = (
    "conf",
    "src",
    "data/own/README.md",
    "params.yaml",
    "dvc.yaml",
    ".dvc/config",
    ".gitignore",
    "results/tuning.csv",
)


def copy_project(destination: Path) -> Path:
    """Copy what a fresh clone would hold, less tests and results, to `destination`."""
    for name in COPIED:
        source, target = ROOT / name, destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return destination


def pytest_collection_finish() -> None:
    """Where collected tests use TensorFlow, it is started as the stages start it, before a test computes with it."""
    if "overfitting.training.backend" in sys.modules:
        from overfitting.training import backend

        backend.start(threads=1)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch copy of the project, which is the current folder for the length of the test."""
    copy_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def higgs_sample() -> Path:
    """Genuine HIGGS rows in the file's own format, named by HIGGS_SAMPLE; the test is skipped without."""
    sample = os.environ.get("HIGGS_SAMPLE")
    if not sample:
        pytest.skip("HIGGS_SAMPLE names no file of genuine HIGGS rows")
    return Path(sample).resolve()
