"""A variant whose loss becomes infinite: the comparison goes on without it, and says so everywhere."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from overfitting.base import files
from overfitting.evaluation.results import Metrics
from overfitting.training import loop
from overfitting.training.epoch import Spec
from overfitting.training.identity import FAILURE
from tests.faults import project

pytestmark = pytest.mark.slow
STAGES = ("download", "preprocess", "train", "baseline", "evaluate", "report")


DIVERGES = 0.5  # strength of L2 with which the loss is infinite here
REASON = "the loss is not finite in epoch 1; lower variant.l2"


@pytest.fixture(autouse=True)
def diverging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project in which trainings with that strength diverge, as tests/training/test_loop.py has a real one do."""
    train = loop.train

    def may_diverge(spec: Spec, *arguments: Any) -> loop.Trained:
        if spec.variant.strength("l2") == DIVERGES:
            raise loop.DivergedError(REASON)
        return train(spec, *arguments)

    monkeypatch.setattr(loop, "train", may_diverge)
    monkeypatch.chdir(tmp_path)
    project.make(tmp_path)


def change(file: str, **values: object) -> None:
    path = Path(file)
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))


def test_it_is_shown_as_failed_and_trained_again_only_if_it_is_changed(tmp_path, capsys):
    change("conf/variant/l2.yaml", l2=DIVERGES)
    for stage in STAGES:
        assert project.ended(tmp_path, project.STAGES[stage]) == (0, "")
    metrics = Metrics.read(files.METRICS)
    assert tuple(metrics.variants) == metrics.verdict.ranking == ("large",)
    reason = f"seed 0: {REASON}"
    assert metrics.failed == {"l2": reason}
    for file in ("report.md", "report.html"):
        assert f"l2 failed and is not ranked: {reason}." in (files.RESULTS / file).read_text()
    assert "| l2 | failed |" in (files.RESULTS / "report.md").read_text()
    assert f"l2 failed: {reason}\n" in capsys.readouterr().out

    failed = files.RUNS / "l2/0" / FAILURE
    before = failed.stat().st_mtime_ns
    assert project.ended(tmp_path, project.train) == (0, "")
    assert failed.stat().st_mtime_ns == before
    change("conf/variant/l2.yaml", l2=0.001)
    for stage in ("train", "evaluate"):
        assert project.ended(tmp_path, project.STAGES[stage]) == (0, "")
    assert not failed.exists()
    assert set(Metrics.read(files.METRICS).variants) == {"large", "l2"}


def test_without_any_variant_left_nothing_is_published(tmp_path):
    change("params.yaml", variants=["large"])
    change("conf/variant/large.yaml", l2=DIVERGES)
    for stage in STAGES[:4]:
        assert project.ended(tmp_path, project.STAGES[stage]) == (0, "")
    status, message = project.ended(tmp_path, project.evaluate)
    assert status == project.CLEAR
    assert message.startswith("expected a variant to compare, but the trainings of all failed:\n  large: seed 0: the")
    assert not files.METRICS.exists()
