"""The remedies as a whole: what they declare, and variants that the data does not support."""

import re

import keras
import numpy as np
import pytest

from overfitting.base.errors import UserError
from overfitting.config.schema import Variant
from overfitting.config.strengths import STRENGTHS
from overfitting.data.columns import NAMES
from overfitting.data.manifest import Manifest
from overfitting.training.remedies import REMEDIES, active, check_variants
from overfitting.training.remedy import Remedy, Stream
from tests.builders.metrics import invented_data
from tests.builders.training import counter
from tests.conftest import ROOT

PLACES = {"network", "loss", "optimizer", "rows", "ensemble"}
SYMMETRIC = {"large": Variant(), "symmetry": Variant(symmetry=True)}


def manifest(**values):
    return Manifest.model_validate({**invented_data(), "columns": list(NAMES), "scaling": "standard", **values})


def test_every_file_declares_one_remedy_that_is_explained():
    assert set(REMEDIES) == set(STRENGTHS)
    for name, remedy in REMEDIES.items():
        assert remedy.name == name
        assert remedy.acts_on in PLACES
        assert len(STRENGTHS[name].about) > 20
        STRENGTHS[name].kind.validate_python(STRENGTHS[name].off)


def test_the_architecture_page_lists_where_each_remedy_acts():
    page = (ROOT / "docs/architecture.md").read_text()
    table = re.findall(r"^\| ([a-z ]+) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    listed = {
        name: (place, methods)
        for place, methods, names in table
        if place in PLACES
        for name in re.findall(r"`(\w+)`", names)
    }
    assert {name: place for name, (place, _) in listed.items()} == {
        name: remedy.acts_on for name, remedy in REMEDIES.items()
    }
    for name, (_, methods) in listed.items():
        own = {method for method in vars(REMEDIES[name]) if method in vars(Remedy) and not method.startswith("_")}
        assert own - {"name", "acts_on", "stream", "lacks"} <= set(re.findall(r"`(\w+)`", methods)), name


def test_a_remedy_that_is_off_is_not_part_of_a_variant():
    assert Variant(l2=0.0, max_norm=None) == Variant()
    assert active(Variant(l2=0.0)) == []
    assert [remedy.name for remedy in active(Variant(l2=0.1, dropout=0.5))] == ["dropout", "l2"]


def test_batches_are_transformed_in_the_order_of_their_streams_which_are_distinct():
    remedies = active(Variant(mixup=0.2, symmetry=True))
    assert [remedy.name for remedy in remedies] == ["symmetry", "mixup"]
    assert len({remedy.stream for remedy in remedies}) == 2


def test_without_remedies_nothing_is_transformed():
    stream = Stream(0, counter())
    for name, remedy in REMEDIES.items():
        if remedy.acts_on != "rows":
            assert remedy(STRENGTHS[name].off).transform(None, stream) is None


def test_every_strength_can_be_read_by_its_name():
    variant = Variant(l2=0.1)
    assert (variant.strength("l2"), variant.strength("dropout"), variant.strength("max_norm")) == (0.1, 0.0, None)
    assert variant.differences() == {"l2": 0.1}
    assert set(variant.settings()) == {"hidden_units", "activation", *STRENGTHS}


def test_targets_are_the_labels_unless_a_remedy_changes_them():
    labels = keras.ops.convert_to_tensor(np.array([0.0, 1.0], np.float32))
    for name, remedy in REMEDIES.items():
        changed = remedy(0.2).targets(labels) is not labels
        assert changed == (name == "label_smoothing")


def test_collisions_support_all_remedies_and_other_tables_all_but_symmetry():
    check_variants(SYMMETRIC, manifest())
    check_variants({"large": Variant(), "l2": Variant(l2=0.1)}, manifest(columns=["age"], scaling="none"))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"columns": ["age", "height"]}, "needs columns of collisions"),
        ({"scaling": "piecewise"}, "needs preprocessing=standard.*piecewise hides the angles"),
    ],
)
def test_what_is_missing_is_reported_with_the_variants_to_remove(found, reason):
    message = rf"symmetry: variant\.symmetry {reason}.*remove `- symmetry` from `variants` in params\.yaml"
    with pytest.raises(UserError, match=message):
        check_variants(SYMMETRIC, manifest(**found))
