"""Closed forms of derived columns: symmetries of a collision, and the masses of resonances that were built."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.data import physics
from overfitting.data.columns import NAMES, UNITS
from overfitting.data.physics import (
    JETS,
    TOP_MASS,
    W_MASS,
    Array,
    Physics,
    cosine_at_rest,
    derived,
    four_vectors,
    invariant_mass,
    neutrino,
    transverse,
)

ROWS = 30
few = settings(max_examples=20)
seeds = st.integers(0, 2**32 - 1)


def collisions(seed: int) -> dict[str, Array]:
    """Columns (ROWS,) of random events, in GeV and radians."""
    rng, found = np.random.default_rng(seed), dict[str, Array]()
    for name in NAMES:
        if name.endswith("_phi"):
            found[name] = rng.uniform(-np.pi, np.pi, ROWS)
        elif name.endswith("_eta"):
            found[name] = rng.uniform(-2.4, 2.4, ROWS)
        elif name.endswith("_btag"):
            found[name] = rng.integers(0, 3, ROWS).astype(float)
        else:
            found[name] = rng.uniform(25, 200, ROWS)
    return found


def assert_same(one: dict[str, Array], other: dict[str, Array], names: list[str] | None = None) -> None:
    assert list(one) == list(other)
    for name in names or one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-4, err_msg=name)


@few
@given(seeds, st.floats(-3.1, 3.1))
def test_nothing_changes_if_an_event_is_rotated_about_the_beam(seed: int, angle: float) -> None:
    raw = collisions(seed)
    turned = {name: (v + angle + np.pi) % (2 * np.pi) - np.pi if "_phi" in name else v for name, v in raw.items()}
    assert_same(derived(raw), derived(turned))


@few
@given(seeds, st.sampled_from(["_phi", "_eta"]))
def test_nothing_changes_if_an_event_is_reflected(seed: int, angle: str) -> None:
    raw = collisions(seed)
    assert_same(derived(raw), derived({name: -v if name.endswith(angle) else v for name, v in raw.items()}))


@few
@given(seeds, st.floats(-1.0, 1.0))
def test_what_needs_no_neutrino_keeps_its_value_in_a_boost_along_the_beam(seed: int, boost: float) -> None:
    raw = collisions(seed)
    before = derived(raw)
    names = [name for name in before if "neutrino" not in name and not name.startswith(("top", "higgs", "centr"))]
    names = [name for name in names if name != "pt(all)"]
    assert len(names) > 60
    # pseudorapidities of massless particles grow by the boost's rapidity
    assert_same(before, derived({name: v + boost if name.endswith("_eta") else v for name, v in raw.items()}), names)


@few
@given(seeds, st.permutations(JETS))
def test_hypotheses_do_not_depend_on_the_order_of_jets(seed: int, order: list[str]) -> None:
    raw = collisions(seed)
    other = {**raw, **{f"{a}_{key}": raw[f"{b}_{key}"] for a, b in zip(JETS, order, strict=True) for key in KEYS}}
    before = derived(raw)
    names = [name for name in before if name.startswith(("top", "higgs"))]
    assert_same(before, derived(other), [*names, "ht", "st", "centrality", "pt(jets)"])


KEYS = ("pt", "eta", "phi", "btag")


def partner(system: Array, mass: float, rng: np.random.Generator) -> Array:
    """Massless particles (n, 4) in random directions with which `system` (n, 4) has the `mass`."""
    direction = four_vectors(
        np.ones(len(system)), rng.uniform(-2, 2, len(system)), rng.uniform(-3, 3, len(system)), 0.0
    )
    direction /= direction[:, :1]
    product = system[:, 0] - (system[:, 1:] * direction[:, 1:]).sum(axis=1)
    return direction * ((mass**2 - invariant_mass(system) ** 2) / (2 * product))[:, None]


@few
@given(seeds)
def test_a_pair_of_top_quarks_is_found_with_its_masses(seed: int) -> None:
    rng, raw = np.random.default_rng(seed), collisions(seed)
    lepton = four_vectors(raw["lepton_pt"], raw["lepton_eta"], raw["lepton_phi"], 0.0)
    pt, phi = raw["missing_energy"], raw["missing_energy_phi"]
    leptonic = lepton + neutrino(lepton, np.stack([pt * np.cos(phi), pt * np.sin(phi)], axis=1))
    on_shell = np.abs(invariant_mass(leptonic) - W_MASS) < 1e-3  # else the transverse mass is larger
    quark = four_vectors(raw["jet_1_pt"], raw["jet_1_eta"], raw["jet_1_phi"], 0.0)
    other = partner(quark, W_MASS, rng)
    jets = [partner(quark + other, TOP_MASS, rng), quark, partner(leptonic, TOP_MASS, rng), other]
    for name, vector in zip(JETS, jets, strict=True):
        raw[f"{name}_pt"], raw[f"{name}_eta"], raw[f"{name}_phi"] = transverse(vector)
    found = {name: values[on_shell] for name, values in derived(raw).items()}
    np.testing.assert_allclose(found["top_m_w"], W_MASS, rtol=1e-4)
    np.testing.assert_allclose(found["top_m_hadronic"], TOP_MASS, rtol=1e-4)
    np.testing.assert_allclose(found["top_m_leptonic"], TOP_MASS, rtol=1e-4)
    np.testing.assert_allclose(found["top_chi2"], np.log(1e-3), atol=1e-2)
    np.testing.assert_allclose(found["m(jet_2 jet_4)"], W_MASS, rtol=1e-4)


@few
@given(st.floats(-0.99, 0.99), st.floats(0.1, 0.95), st.floats(1.0, 200.0))
def test_the_cosine_in_the_rest_frame_is_that_of_the_decay(cosine: float, speed: float, mass: float) -> None:
    gamma, half, sine = 1 / np.sqrt(1 - speed**2), mass / 2, np.sqrt(1 - cosine**2)
    boosted = half * np.array([gamma * (1 + speed * cosine), sine, 0.0, gamma * (cosine + speed)])
    system = mass * gamma * np.array([1.0, 0.0, 0.0, speed])
    assert cosine_at_rest(boosted[None], system[None])[0] == pytest.approx(cosine, abs=1e-6)
    at_rest = np.array([[mass, 0.0, 0.0, 0.0]])
    assert cosine_at_rest(boosted[None], at_rest)[0] == 0.0


def test_transverse_mass_and_missing_angle_have_their_closed_forms() -> None:
    raw = collisions(0)
    phi = raw["lepton_phi"] - raw["missing_energy_phi"]
    expected = np.sqrt(2 * raw["lepton_pt"] * raw["missing_energy"] * (1 - np.cos(phi)))
    found = derived(raw)
    np.testing.assert_allclose(found["mt(lepton)"], expected, rtol=1e-9)
    np.testing.assert_allclose(np.cos(found["phi(lepton missing)"]), np.cos(phi), rtol=1e-9)
    np.testing.assert_allclose(found["ht"], sum(raw[f"{jet}_pt"] for jet in JETS), rtol=1e-9)


def test_raw_columns_are_found_by_name_and_have_units() -> None:
    encoder = Physics(list(NAMES), list(UNITS.values()))
    raw = collisions(1)
    table = pd.DataFrame({name: raw[name] / unit for name, unit in UNITS.items()})[[*reversed(NAMES)]]
    found = encoder.apply(table.assign(other=0.0))
    assert found.shape == (ROWS, len(encoder.features))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(list(derived(raw).values()), axis=1), rtol=1e-4, atol=1e-3)
    assert Physics(**encoder.as_dict()) == encoder
    assert not {"lepton_phi", "jet_1_eta"} & set(encoder.features)


def test_the_file_runs_without_this_package() -> None:
    assert "overfitting" not in Path(physics.__file__).read_text()


@pytest.mark.higgs
def test_the_neutrino_is_that_of_the_published_columns(higgs_sample: Path) -> None:
    table = pd.read_csv(higgs_sample, header=None, names=["label", *NAMES])
    raw = {name: table[name].to_numpy() * unit for name, unit in UNITS.items()}
    distance = np.abs(derived(raw)["m(lepton neutrino)"] - raw["m_lv"])
    assert np.median(distance) < 0.15  # GeV
    assert np.quantile(distance, 0.99) < 1.5
