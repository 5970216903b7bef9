"""Variants that the data cannot serve are told before any training."""

import pytest

from overfitting.base.errors import UserError
from overfitting.config.composition import compose_variants
from overfitting.data.columns import NAMES
from overfitting.training.requirements import check_variants

HIGGS = {"columns": list(NAMES), "scaling": "standard", "spare_rows": 100}


def test_collisions_with_spare_rows_allow_all(project):
    check_variants(compose_variants(), HIGGS)


def test_all_that_is_missing_is_told_at_once(project):
    table = {"columns": ["age", "height"], "scaling": "standard", "spare_rows": 0}
    with pytest.raises(UserError) as error:
        check_variants(compose_variants(), table)
    message = str(error.value)
    assert "more_data: variant.extra_rows is 90,000, but the split leaves no spare rows" in message
    assert "cocktail: variant.symmetry needs columns of collisions" in message
    assert "remove `- more_data`, `- cocktail` from `variants` in params.yaml" in message


def test_pieces_hide_angles(project):
    with pytest.raises(UserError, match=r"cocktail: .*piecewise hides the angles"):
        check_variants(compose_variants(), {**HIGGS, "scaling": "piecewise"})


def test_an_ensemble_and_plain_networks_need_nothing(project):
    configs = {name: config for name, config in compose_variants().items() if name not in ("more_data", "cocktail")}
    check_variants(configs, {"columns": ["age"], "scaling": "none", "spare_rows": 0})
