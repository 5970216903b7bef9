"""Searches: what conf/search.yaml may say, and what becomes of it."""

from pathlib import Path

import pytest
import yaml

from overfitting.base.errors import UserError
from overfitting.search.space import Range, read_searches
from tests.conftest import ROOT


def test_a_path_is_spread_evenly():
    assert Range(low=1e-5, high=1e-2, log=True).evenly(4) == [1e-5, 1e-4, 1e-3, 1e-2]
    assert Range(low=0.0, high=0.8).evenly(5) == [0.0, 0.2, 0.4, 0.6, 0.8]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"trials": 0}, r"trials: got 0; .*greater than 0"),
        ({"searches": {"l2": {"l2": {"low": 1.0, "high": 0.1}}}}, r"searches\.l2\.l2.*low < high"),
        ({"searches": {"l2": {"l2": {"low": 0.0, "high": 0.1, "log": True}}}}, r"low > 0 with log"),
        ({"searches": {"l2": {}}}, r"searches\.l2: .*at least 1 item"),
        ({"budget": 3}, r"budget: unknown key"),
    ],
)
def test_a_mistake_in_the_file_is_told_by_its_key(project, edit, message):
    path = Path("conf/search.yaml")
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **edit}, sort_keys=False))
    with pytest.raises(UserError, match=message):
        read_searches()


def test_every_remedy_with_a_strength_is_searched():
    searches = read_searches(ROOT / "conf/search.yaml")
    assert set(searches.searches) == {"l1", "l1_proximal", "l2", "dropout", "l2_dropout"}
    for name, space in searches.searches.items():
        assert "_".join(space) == name
