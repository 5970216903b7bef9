"""Stage baseline: it fits what was planned, and nothing else."""

import dataclasses

import pytest

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_baselines
from overfitting.evaluation.baselines import Baseline, plan
from overfitting.stages import baseline as stage


@pytest.fixture
def planned(project):
    return plan(compose_baselines(["baselines=[logistic_regression]"]), "da7a")[0]


def test_a_planned_baseline_is_fitted(planned, monkeypatch):
    fitted = []
    monkeypatch.setattr(Baseline, "fit", lambda self: fitted.append(self))
    stage.run(planned)
    assert fitted == [planned]


def test_code_that_changed_after_the_plan_is_refused(planned, monkeypatch):
    monkeypatch.setattr(Baseline, "fit", lambda self: pytest.fail("fitted"))
    with pytest.raises(UserError, match="source code changed"):
        stage.run(dataclasses.replace(planned, fingerprint="of other code"))
