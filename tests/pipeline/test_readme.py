"""Run the commands and the code of the README, unchanged, in a clone with tiny settings."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from overfitting.cli.scratch import TINY
from tests.conftest import ROOT
from tests.pipeline.conftest import end_queue_workers, run

pytestmark = pytest.mark.slow
README = (ROOT / "README.md").read_text()
# `make` must not install anything: the clone uses the environment of the tests
MAKE = "make -o .venv/main -o .venv/dev"
NOT_RUN = {
    "make bench": "takes an hour; benchmarks are not tests",
    "make test": "runs this test",
    "make check": "is part of .ci/run",
    "make ui": "serves until it is stopped; tested in tests/tracking/test_sync.py",
    "make learning-curve": "takes most of an hour; tested in test_learning_curve.py",
    "make tune": "takes half an hour; the line with SEARCH is run",
    "make .venv/gpu": "needs a GPU",
    "make verify": "judges a commit that holds its results; tested in test_repro.py",
}


def commands() -> list[str]:
    """Commands of the README in their order: the fenced ones, then those of the table."""
    fenced = [
        line.partition("#")[0].strip() for line in re.search(r"```sh\n(.*?)```", README, re.DOTALL)[1].splitlines()
    ]
    table = re.search(r"\| to \| type \|\n\|---\|---\|\n(.*?)\n\n", README, re.DOTALL)[1]
    typed = [command for row in table.splitlines() for command in re.findall(r"`([^`]+)`", row.split(" | ", 1)[1])]
    return list(dict.fromkeys([*fenced, *typed]))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new repository with one commit: all files that git would commit here, with tiny settings."""
    root = tmp_path_factory.mktemp("readme") / "overfitting"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith("results/figures"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    params = OmegaConf.merge(OmegaConf.load(root / "params.yaml"), OmegaConf.create(TINY))
    OmegaConf.save(
        OmegaConf.merge(params, {"variants": ["tiny", "large", "l2"], "baselines": ["logistic_regression"]}),
        root / "params.yaml",
    )
    search = yaml.safe_load((root / "conf/search.yaml").read_text())
    (root / "conf/search.yaml").write_text(yaml.safe_dump({**search, "trials": 2}))
    (root / ".venv").symlink_to(Path(sys.prefix))
    for command in (
        "init --quiet -b main",
        "config user.name test",
        "config user.email test@example.org",
        "add --all",
        "commit --quiet -m tiny",
    ):
        subprocess.run(["git", *command.split()], cwd=root, check=True)
    yield root
    end_queue_workers(root)


def environment(root: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root / "src"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db",
    }


def check(root: Path, command: str) -> None:
    code, output = run(["bash", "-c", re.sub(r"^make", MAKE, command)], root, environment(root))
    assert code == 0, f"{command}\n{output}"


def test_every_command_of_the_readme_works(clone):
    found = commands()
    assert found[:3] == ["make demo", "make repro", "make test"]
    assert set(NOT_RUN) - {"make .venv/gpu"} <= set(found)
    for command in found:
        if command not in NOT_RUN:
            check(clone, command)


def test_the_champion_loads_with_the_code_of_the_readme(clone):
    check(clone, "dvc repro")
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    program = (
        "import pandas as pd\n"
        "events = pd.read_parquet('data/raw/events.parquet').drop(columns='label').astype(float).head(100)\n"
        f"{code}\n"
        "assert len(probabilities) == 100 and 0 < probabilities.min() < probabilities.max() < 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=clone, env=environment(clone), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
