"""Runs that `overfitting train` plans."""

import pytest

from overfitting.cli import train


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
