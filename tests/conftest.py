"""Shared by tests: the root of the project, a scratch copy of it, and genuine HIGGS rows if there are any."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from overfitting.cli.scratch import TINY, copy_files, copy_project, reproduce
from tests.builders.shared import made_once

settings.register_profile("project", deadline=None)  # on a busy machine any example may take long
settings.load_profile("project")
ROOT = Path(__file__).parents[1]
for _name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(_name, None)  # set by `make test`; a `make` that a test runs must not inherit them


def pytest_collection_finish() -> None:
    """Start TensorFlow as the stages do, before any test computes with it, if a collected test uses it."""
    if "overfitting.training.backend" in sys.modules:
        from overfitting.training import backend

        backend.start(threads=1)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch copy of the project, which is the current folder during the test."""
    copy_files(ROOT, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scratch copy of the project for all tests of a module, which is the current folder during them."""
    root = tmp_path_factory.mktemp("project")
    copy_files(ROOT, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield root


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy with tiny settings and prepared rows. Tests copy it and do not change it."""

    def make(root: Path) -> None:
        copy_project(ROOT, root, TINY)
        assert reproduce(root, "preprocess") == 0

    return made_once(tmp_path_factory, "prepared", make)


@pytest.fixture(scope="session")
def higgs_sample() -> Path:
    """Genuine HIGGS rows in UCI's format, from the file in HIGGS_SAMPLE; the test is skipped if that is not set."""
    sample = os.environ.get("HIGGS_SAMPLE")
    if not sample:
        pytest.skip("HIGGS_SAMPLE names no file of genuine HIGGS rows")
    return Path(sample).resolve()
