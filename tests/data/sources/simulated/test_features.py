from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.data.columns import COLUMNS, UNITS
from overfitting.data.physics import (
    TOP_MASS,
    W_MASS,
    Array,
    four_vectors,
    invariant_mass,
    neutrino,
    separation,
    transverse,
)
from overfitting.data.sources.simulated.features import columns, hadronic_w, reconstructed_masses

seeds = st.integers(0, 2**32 - 1)


def momenta(rng: np.random.Generator, shape: tuple[int, ...], mass: float = 0.0) -> Array:
    return four_vectors(
        rng.uniform(15, 200, shape), rng.uniform(-2.5, 2.5, shape), rng.uniform(-np.pi, np.pi, shape), mass
    )


def rotated(vectors: Array, angle: float) -> Array:
    """`vectors`, four-vectors or (px, py), rotated about the beam."""
    turned = vectors.copy()
    x = -3 if vectors.shape[-1] == 4 else 0
    px, py = vectors[..., x], vectors[..., x + 1]
    turned[..., x] = px * np.cos(angle) - py * np.sin(angle)
    turned[..., x + 1] = px * np.sin(angle) + py * np.cos(angle)
    return turned


@given(
    st.floats(1.0, 1e3),
    st.floats(-4.0, 4.0),
    st.floats(-3.14, 3.14),
    st.floats(1.0, 200.0),
)
def test_four_vector_gives_back_its_arguments(pt: float, eta: float, phi: float, mass: float) -> None:
    vector = four_vectors(np.array(pt), np.array(eta), np.array(phi), mass)
    assert transverse(vector) == pytest.approx((pt, eta, phi), abs=1e-9)
    assert invariant_mass(vector) == pytest.approx(mass, rel=1e-3)


def test_zero_vector_has_no_mass_and_no_direction() -> None:
    null = np.zeros((1, 4))
    assert invariant_mass(null) == 0.0
    assert all(value == 0.0 for value in transverse(null))


def test_difference_in_azimuth_is_at_most_pi() -> None:
    assert separation(*np.array([0.0, 3.1, 0.0, -3.1])) == pytest.approx(2 * np.pi - 6.2)


@given(seeds)
def test_neutrino_gives_the_w_mass_or_else_the_transverse_mass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lepton, missing = momenta(rng, (40,)), rng.normal(0, 60, (40, 2))
    found = neutrino(lepton, missing)
    pt, missing_pt = np.hypot(lepton[:, 1], lepton[:, 2]), np.hypot(missing[:, 0], missing[:, 1])
    along = (lepton[:, 1:3] * missing).sum(axis=1)
    transverse_mass = np.sqrt(2 * (pt * missing_pt - along))
    np.testing.assert_allclose(invariant_mass(lepton + found), np.maximum(transverse_mass, W_MASS), rtol=1e-5)
    np.testing.assert_allclose(invariant_mass(found), 0.0, atol=1e-3)
    np.testing.assert_array_equal(found[:, 1:3], missing)


def test_neutrino_is_the_solution_with_less_longitudinal_momentum() -> None:
    lepton = four_vectors(np.array([50.0]), np.array([1.0]), np.array([0.0]), 0.0)
    missing = np.array([[10.0, 20.0]])
    pz = neutrino(lepton, missing)[0, 3]
    grid = np.linspace(-abs(pz) + 1e-6, abs(pz) - 1e-6, 20_001)
    nearer = np.stack([np.sqrt(500.0 + grid**2), np.full_like(grid, 10.0), np.full_like(grid, 20.0), grid], axis=-1)
    off = invariant_mass(lepton + nearer) - W_MASS
    assert (np.sign(off) == np.sign(off[0])).all()


@given(seeds)
def test_hadronic_w_is_the_pair_closest_to_its_mass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jets, candidates = momenta(rng, (5, 6), 10.0), rng.random((5, 6)) < 0.6
    for event, allowed, found in zip(jets, candidates, hadronic_w(jets, candidates), strict=True):
        pairs = [event[i] + event[j] for i, j in combinations(np.flatnonzero(allowed), 2)]
        off = [abs(float(invariant_mass(pair)) - W_MASS) for pair in pairs]
        np.testing.assert_array_equal(found, pairs[int(np.argmin(off))] if pairs else np.zeros(4))


class TestReconstructedMasses:
    rng = np.random.default_rng(1)
    lepton, missing, jets = momenta(rng, (200,)), rng.normal(0, 50, (200, 2)), momenta(rng, (200, 5), 8.0)
    found = np.ones((200, 5), bool)
    tagged = np.tile([0, 2], (200, 1))
    masses = reconstructed_masses(lepton, missing, jets, found, tagged)

    def test_m_bb_is_the_mass_of_the_tagged_jets(self) -> None:
        np.testing.assert_allclose(self.masses[:, 4], invariant_mass(self.jets[:, 0] + self.jets[:, 2]))

    def test_m_jj_uses_untagged_jets_and_m_jjj_the_better_b(self) -> None:
        hadronic = hadronic_w(self.jets[:, [1, 3, 4]], self.found[:, :3])
        choices = np.stack([invariant_mass(hadronic + self.jets[:, b]) for b in (0, 2)])
        better = np.take_along_axis(choices, np.abs(choices - TOP_MASS).argmin(axis=0)[None], axis=0)[0]
        np.testing.assert_allclose(self.masses[:, 0], invariant_mass(hadronic))
        np.testing.assert_allclose(self.masses[:, 1], better)

    def test_m_jlv_uses_the_other_b(self) -> None:
        hadronic = hadronic_w(self.jets[:, [1, 3, 4]], self.found[:, :3])
        leptonic = self.lepton + neutrino(self.lepton, self.missing)
        first_is_better = np.isclose(self.masses[:, 1], invariant_mass(hadronic + self.jets[:, 0]))
        other = np.where(first_is_better[:, None], self.jets[:, 2], self.jets[:, 0])
        np.testing.assert_allclose(self.masses[:, 3], invariant_mass(leptonic + other))

    def test_a_system_is_heavier_than_its_parts(self) -> None:
        m_jj, m_jjj, m_lv, m_jlv, m_bb, m_wbb, m_wwbb = self.masses.T
        slack = 1e-6
        assert (m_wwbb >= m_wbb - slack).all()
        assert (m_wbb >= m_bb - slack).all()
        assert (m_jjj >= m_jj - slack).all()
        assert (m_jlv >= m_lv - slack).all()

    def test_masses_do_not_depend_on_rotation_or_order_of_tags(self) -> None:
        turned = (rotated(part, 1.2) for part in (self.lepton, self.missing, self.jets))
        np.testing.assert_allclose(
            reconstructed_masses(*turned, self.found, self.tagged[:, ::-1]), self.masses, rtol=1e-6
        )

    def test_jets_that_were_not_found_do_not_count(self) -> None:
        more = np.concatenate([self.jets, np.zeros((200, 3, 4))], axis=1)
        found = np.concatenate([self.found, np.zeros((200, 3), bool)], axis=1)
        np.testing.assert_array_equal(
            reconstructed_masses(self.lepton, self.missing, more, found, self.tagged), self.masses
        )


def test_columns_have_the_order_and_units_of_the_published_file() -> None:
    lepton, missing = np.array([[54.6, 0.0, np.pi]]), np.array([[0.0, 58.3]])
    jets = np.array([[[pt, 2.5, 0.0, tag] for pt, tag in ((108.8, 2), (79.2, 1), (56.8, 0), (41.05, 2))]])
    row = columns(lepton, missing, jets, np.ones((1, 7)))[0]
    assert row.dtype == np.float32
    by_name = dict(zip((column.name for column in COLUMNS), row.tolist(), strict=True))
    assert by_name["lepton_pt"] == by_name["missing_energy"] == by_name["jet_4_pt"] == 1.0
    assert by_name["lepton_phi"] == pytest.approx(1.743)
    assert by_name["missing_energy_phi"] == pytest.approx(1.743 / 2)
    # values in the published file
    assert [by_name[f"jet_{n}_btag"] for n in (1, 2, 3, 4)] == pytest.approx([2.173076153, 1.107436061, 0, 3.101961374])
    assert [by_name[f"jet_{n}_eta"] for n in (1, 2, 3, 4)] == pytest.approx([2.9697, 2.9132, 2.730, 2.498])
    assert [by_name[name] for name in ("m_bb", "m_wwbb")] == pytest.approx([1 / 125.7, 1 / 498])


def test_every_column_has_a_unit() -> None:
    assert list(UNITS) == [column.name for column in COLUMNS]
    assert min(UNITS.values()) > 0
