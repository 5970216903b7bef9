"""Runs that `overfitting train` plans, and real trainings that it shows and sends to MLflow."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overfitting.cli import train
from overfitting.cli.scratch import TINY, copy_project, reproduce
from tests.builders.mlflow_files import WARNINGS
from tests.conftest import ROOT


def test_overrides_of_one_variant_do_not_enter_the_comparison():
    overrides = ["variant=l2", "variant.l2=0.1", "seed=3", "training.epochs=2"]
    assert train.shared(overrides) == ["training.epochs=2"]


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [(["variant=l2"], ["--multirun", "variant=l2"]), (["variant=l2", "seed=3"], ["variant=l2", "seed=3"])],
)
def test_all_seeds_are_trained_unless_one_is_named(arguments, passed):
    assert train._with_all_seeds(arguments) == passed


@pytest.mark.parametrize(
    ("overrides", "variants"),
    [
        ([], ["large"]),
        (["variant=tiny,tuned/l2"], ["tiny", "tuned/l2"]),
        (["variant=no_such"], []),
    ],
)
def test_variants_are_those_that_hydra_sweeps_over(project, overrides, variants):
    assert list(train._chosen(overrides)) == variants


PATCHED = """if True:
    import sys
    from overfitting.cli import commands
    from overfitting.tracking import live
    from overfitting.progress import display, watcher
    display.LINE_SECONDS = watcher.INTERVAL = 0.1
    live.CONNECTING = 0.0
    live.SHARE = 10.0
    sys.argv = ["overfitting", *sys.argv[1:]]
    commands.main()
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy with prepared rows."""
    root = tmp_path_factory.mktemp("watched")
    copy_project(ROOT, root, TINY)
    assert reproduce(root, "preprocess") == 0
    return root


def run_train(root: Path, *overrides: str, mlflow: str) -> list[str]:
    """Train `tiny` and return what it printed, which must all be on standard error."""
    shutil.rmtree(root / "runs", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "MLFLOW_TRACKING_URI": mlflow}
    command = [sys.executable, "-c", PATCHED, "train", "variant=tiny", *overrides]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


def check_history(root: Path, seed: int, epochs: int) -> None:
    lines = (root / f"runs/tiny/{seed}/history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", *map(str, range(1, epochs + 1))]


@pytest.mark.slow
@WARNINGS[0]
@WARNINGS[1]
@pytest.mark.parametrize("overrides", [(), ("seed=1",)], ids=["multirun", "by hand"])
def test_real_trainings_are_shown_and_logged(prepared: Path, overrides: tuple[str, ...]) -> None:
    database = f"sqlite:///{prepared}/{len(overrides)}.db"
    lines = run_train(prepared, "training.epochs=300", *overrides, mlflow=database)
    seeds = [1] if overrides else [0, 1]
    for seed in seeds:
        check_history(prepared, seed, 300)
        assert any(re.match(rf"tiny seed {seed}: validation log loss 0\.\d+ in epoch \d+ of 300", it) for it in lines)
        assert any(re.match(rf"tiny: .*seed {seed} epoch \d+/300, best 0\.\d{{4}}", it) for it in lines)
    from overfitting.tracking.store import Store

    store = Store(prepared, database)
    found = [run for run in store.search("") if "seed" in run.data.tags]
    assert {run.data.tags["seed"]: run.info.status for run in found} == dict.fromkeys(map(str, seeds), "FINISHED")
    for run in found:
        history = store.client.get_metric_history(run.info.run_id, "val_log_loss")
        assert [point.step for point in history] == list(range(1, 301))


@pytest.mark.slow
def test_real_trainings_go_on_without_mlflow(prepared: Path) -> None:
    lines = run_train(prepared, "training.epochs=300", mlflow="http://user:secret@127.0.0.1:9")
    for seed in (0, 1):
        check_history(prepared, seed, 300)
    assert len([line for line in lines if line.startswith("training goes on without MLflow")]) == 1
    assert not any("secret" in line for line in lines)
