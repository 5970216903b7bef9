"""Runs of a configuration: seeds and repeats, folders, random seeds, fingerprints."""

from dataclasses import replace

import pytest

from overfitting.config.composition import compose_config
from overfitting.training.identity import comparison_fingerprint, plan


@pytest.fixture
def configs(project):
    chosen = ["seeds=[0,3]", "repeats={large: 3}"]
    return {name: compose_config([*chosen, f"variant={name}"]) for name in ("large", "l2", "ensemble")}


def test_all_repeats_of_all_seeds_are_planned_and_ensembles_are_not(configs):
    found = plan(configs, "data")
    assert [run.folder.as_posix() for run in found] == [
        *("runs/large/0", "runs/large/0.1", "runs/large/0.2", "runs/large/3", "runs/large/3.1", "runs/large/3.2"),
        *("runs/l2/0", "runs/l2/3"),
    ]
    assert [run.name for run in found[:2]] == ["large seed 0", "large seed 0 repeat 1"]
    one = {name: replace(config, seed=3) for name, config in configs.items()}
    assert plan(one, "data") == [replace(run, config=one[run.variant]) for run in found if run.seed == 3]


def test_repeats_have_random_seeds_and_fingerprints_of_their_own(configs):
    found = plan({"large": replace(configs["large"], repeats={"large": 50})}, "data")
    assert [run.random_seed for run in found if run.repeat == 0] == [0, 3]
    assert len({run.random_seed for run in found}) == len({run.fingerprint for run in found}) == 100
    assert all(0 <= run.random_seed < 2**31 for run in found)
    alone = plan({"large": replace(configs["large"], repeats={})}, "data")
    assert alone[0].fingerprint == found[0].fingerprint  # more repeats train nothing again


def test_the_fingerprint_of_a_comparison_covers_all_runs_ensembles_and_baselines(configs):
    def changed(baselines=("forest",), data="data", **values):
        return comparison_fingerprint(
            {name: replace(config, **values) for name, config in configs.items()}, data, baselines
        )

    whole = changed()
    assert changed(seed=3) == whole  # trains one seed of the same comparison
    others = [changed(baselines=()), changed(data="other"), changed(repeats={"large": 2}), changed(seeds=(0, 4))]
    assert len({whole, *others}) == 5
    without = {name: config for name, config in configs.items() if name != "ensemble"}
    assert comparison_fingerprint(without, "data", ["forest"]) != whole
