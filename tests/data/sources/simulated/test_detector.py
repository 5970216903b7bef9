from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from overfitting.data.columns import COLUMNS, UNITS
from overfitting.data.physics import four_vectors, transverse
from overfitting.data.sources.simulated.collisions import JETS_KEPT, Collisions
from overfitting.data.sources.simulated.detector import (
    Detector,
    Jets,
    choose_two_tags,
    imposed_mass_jitter,
    measure_jets,
    measure_lepton,
    measure_missing,
    observe,
    rank,
    select,
    tag_probabilities,
)

PERFECT = Detector(
    lepton_resolution=0.0,
    jet_stochastic=0.0,
    jet_constant=0.0,
    jet_scale=1.0,
    beauty_scale=1.0,
    missing_noise=0.0,
    mass_shift=0.0,
    mass_spread=0.0,
    max_mass_over_pt=1e6,
    order_spread=0.0,
    beauty_order=1.0,
)


def invented(n: int = 400, seed: int = 0, jets: int = 6) -> Collisions:
    """Events with `jets` jets sorted by falling pt, padded with zeros; the second and third are b-jets."""
    rng = np.random.default_rng(seed)
    pt = -np.sort(-rng.uniform(20, 200, (n, JETS_KEPT)), axis=1)
    vectors = four_vectors(pt, rng.uniform(-2, 2, pt.shape), rng.uniform(-np.pi, np.pi, pt.shape), 10.0)
    vectors[:, jets:] = 0.0
    lepton = four_vectors(rng.uniform(20, 90, n), rng.uniform(-2, 2, n), rng.uniform(-np.pi, np.pi, n), 0.0)
    beauty, charm = np.zeros((2, n, JETS_KEPT), bool)
    beauty[:, 1:3], charm[:, 2:4] = True, True
    return Collisions(lepton, rng.normal(0, 40, (n, 2)), vectors, beauty, charm)


def measured(truth: Collisions, detector: Detector = PERFECT) -> Jets:
    return measure_jets(truth, np.random.default_rng(0), detector)


def test_perfect_detector_measures_the_truth_up_to_rounding() -> None:
    truth = invented()
    jets = measured(truth)
    pt, eta, phi = transverse(truth.jets)
    np.testing.assert_allclose(jets.pt, pt, atol=0.0051)
    np.testing.assert_allclose(jets.eta, eta, atol=0.00051)
    np.testing.assert_allclose(jets.phi, phi, atol=0.00051)
    np.testing.assert_allclose(jets.mass[:, :6], 10.0, atol=0.0051)
    lepton = measure_lepton(truth.lepton, np.random.default_rng(0), PERFECT)
    np.testing.assert_allclose(lepton, np.column_stack(transverse(truth.lepton)), atol=0.0051)
    missing = measure_missing(truth, jets, np.random.default_rng(0), PERFECT)
    np.testing.assert_allclose(missing, truth.missing, atol=1.0)  # six jets, each rounded


def test_mismeasured_jets_appear_as_missing_momentum() -> None:
    truth = invented()
    detector = replace(Detector(), missing_noise=0.0, missing_per_jet_error=1.0)
    jets = measured(truth, detector)
    missing = measure_missing(truth, jets, np.random.default_rng(1), detector)
    seen = four_vectors(jets.pt, jets.eta, jets.phi, jets.mass)[..., 1:3].sum(axis=1)
    np.testing.assert_allclose(seen + missing, truth.jets[..., 1:3].sum(axis=1) + truth.missing)


def test_resolution_and_response_match_their_parameters() -> None:
    truth = invented(20_000)
    jets = measured(truth, Detector())
    ratio = (jets.pt / np.where(jets.true_pt > 0, jets.true_pt, 1.0))[:, 0]
    assert ratio.mean() == pytest.approx(Detector().jet_scale, abs=0.005)
    expected = np.sqrt((1.29**2 / jets.true_pt[:, 0] + 0.03**2).mean())
    assert np.log(ratio).std() == pytest.approx(expected, rel=0.03)


def test_found_jets_are_hard_and_central() -> None:
    jets = measured(invented(), replace(PERFECT, min_pt=60.0, max_eta=1.0))
    clear = np.abs(np.abs(jets.eta) - 1.0) > 0.001  # of rounding
    np.testing.assert_array_equal(jets.found[clear], ((jets.pt > 60.0) & (np.abs(jets.eta) < 1.0))[clear])
    assert jets.found.any()
    assert not jets.vectors()[~jets.found].any()


def test_b_jet_with_a_charm_quark_counts_as_b_jet() -> None:
    jets = measured(invented())
    assert not (jets.beauty & jets.charm).any()
    assert jets.charm[:, 3].all()


def test_ranking_puts_found_jets_first_by_falling_pt() -> None:
    jets = rank(measured(invented(), replace(PERFECT, min_pt=60.0)), np.random.default_rng(0), PERFECT)
    for pt, found in zip(jets.pt, jets.found, strict=True):
        count = int(found.sum())
        assert found[:count].all()
        assert (np.diff(pt[:count]) <= 0).all()


def test_ranking_keeps_the_values_of_each_jet_together() -> None:
    before = measured(invented(), Detector())
    after = rank(before, np.random.default_rng(0), Detector())
    assert not np.array_equal(before.pt, after.pt)
    for field in ("mass", "true_pt", "beauty", "found"):
        pairs = zip(before.pt, getattr(before, field), after.pt, getattr(after, field), strict=True)
        assert all(sorted(zip(a, b, strict=True)) == sorted(zip(c, d, strict=True)) for a, b, c, d in pairs)


def test_tags_are_central_and_prefer_b_to_c_to_light_jets() -> None:
    jets = measured(invented(2000))
    probabilities = tag_probabilities(jets, Detector())
    assert not probabilities[~jets.found].any()
    assert not probabilities[np.abs(jets.eta) > Detector().tag_max_eta].any()
    plateau = jets.found & (np.abs(jets.eta) < 1.0) & (jets.pt > 60) & (jets.pt < 150)
    for kind, rate in ((jets.beauty, 0.62), (jets.charm, 0.065), (~jets.beauty & ~jets.charm, 0.003)):
        np.testing.assert_allclose(probabilities[plateau & kind], rate, rtol=1e-6)
    assert probabilities.max() < 1.0


@given(st.lists(st.floats(0.0, 0.9), min_size=4, max_size=6))
def test_probability_of_two_tags_is_exact(rates: list[float]) -> None:
    total, pair = choose_two_tags(np.array([rates]), np.random.default_rng(0))
    p = np.array(rates)
    outcomes = np.array([[(bits >> jet) & 1 for jet in range(len(p))] for bits in range(2 ** len(p))])
    chances = np.where(outcomes == 1, p, 1 - p).prod(axis=1)
    assert total[0] == pytest.approx(chances[outcomes.sum(axis=1) == 2].sum(), abs=1e-12)
    assert 0 <= pair[0, 0] < pair[0, 1] < len(p)


def test_pairs_have_the_frequency_of_independent_tags() -> None:
    p = np.array([0.6, 0.5, 0.1, 0.05])
    _, pairs = choose_two_tags(np.tile(p, (50_000, 1)), np.random.default_rng(3))
    odds = p / (1 - p)
    expected = np.array([odds[i] * odds[j] for i, j in combinations(range(4), 2)])
    observed = np.array([(pairs == pair).all(axis=1).sum() for pair in combinations(range(4), 2)])
    assert chisquare(observed, expected / expected.sum() * 50_000).pvalue > 1e-3


def test_jets_that_cannot_be_tagged_are_not_chosen() -> None:
    total, pairs = choose_two_tags(np.tile([0.0, 0.5, 0.0, 0.5], (1000, 1)), np.random.default_rng(0))
    np.testing.assert_allclose(total, 0.25)
    np.testing.assert_array_equal(pairs, np.tile([1, 3], (1000, 1)))


class TestSelection:
    truth = invented(1000)
    jets = rank(measured(truth), np.random.default_rng(0), PERFECT)
    lepton = measure_lepton(truth.lepton, np.random.default_rng(0), PERFECT)
    sure = np.full(1000, 1.0)

    def chosen(self, **changes: float) -> np.ndarray:
        detector = replace(PERFECT, **changes)
        return select(self.lepton, self.jets, self.sure, np.random.default_rng(0), detector)

    def test_leptons_near_a_jet_are_rejected(self) -> None:
        isolated = self.chosen()
        distance = np.hypot(
            self.jets.eta - self.lepton[:, 1:2],
            np.angle(np.exp(1j * (self.jets.phi - self.lepton[:, 2:]))),
        )
        near = ((distance < PERFECT.isolation) & (self.jets.true_pt > 10)).any(axis=1)
        np.testing.assert_array_equal(isolated, ~near)

    def test_leptons_must_be_hard_and_central(self) -> None:
        everything = self.chosen(isolation=0.0)
        assert everything.all()
        np.testing.assert_array_equal(self.chosen(isolation=0.0, max_eta=1.0), np.abs(self.lepton[:, 1]) < 1.0)
        np.testing.assert_array_equal(self.chosen(isolation=0.0, min_pt=50.0), self.lepton[:, 0] > 50.0)

    def test_four_jets_are_required(self) -> None:
        few = rank(measured(invented(1000, jets=3)), np.random.default_rng(0), PERFECT)
        assert not select(self.lepton, few, self.sure, np.random.default_rng(0), PERFECT).any()

    def test_events_are_kept_in_proportion_to_their_probability_of_two_tags(self) -> None:
        chance = np.full(1000, 0.5 * PERFECT.two_tags_scale)
        open_detector = replace(PERFECT, isolation=0.0)
        kept = select(self.lepton, self.jets, chance, np.random.default_rng(0), open_detector)
        assert kept.mean() == pytest.approx(0.5, abs=0.06)


def test_only_an_imposed_w_mass_is_smeared() -> None:
    m_lv = np.array([80.4, 120.0] * 5000)
    factors = imposed_mass_jitter(m_lv, np.random.default_rng(0), Detector())
    assert (factors[1::2] == 1.0).all()
    assert np.abs(factors[::2] - 1.0).max() <= 0.0032 * 12 + 1e-12
    assert np.median(np.abs(factors[::2] - 1.0)) == pytest.approx(0.0032 * 0.80, rel=0.1)


class TestObserve:
    truth = invented(3000)
    rows = observe(truth, np.random.default_rng(5))

    def column(self, name: str) -> np.ndarray:
        return self.rows[:, [column.name for column in COLUMNS].index(name)]

    def test_shape_and_type(self) -> None:
        assert self.rows.dtype == np.float32
        assert self.rows.shape[1] == 28
        assert 0 < len(self.rows) < 3000
        assert np.isfinite(self.rows).all()

    def test_same_generator_gives_the_same_events(self) -> None:
        np.testing.assert_array_equal(observe(self.truth, np.random.default_rng(5)), self.rows)
        assert observe(self.truth, np.random.default_rng(6)).tobytes() != self.rows.tobytes()

    def test_momenta_pass_the_threshold_and_lie_on_the_grid(self) -> None:
        for column, unit in zip(COLUMNS, UNITS.values(), strict=True):
            if column.role == "pt" and column.name != "missing_energy":
                momenta = self.column(column.name).astype(float) * unit
                assert momenta.min() > 15.0 - 1e-4
                np.testing.assert_allclose(momenta, momenta.round(2), atol=1e-4)

    def of_jets(self, key: str) -> np.ndarray:
        names = [f"jet_{number}_{key}" for number in (1, 2, 3, 4)]
        return np.column_stack([self.column(name).astype(float) * UNITS[name] for name in names])

    def test_tags_are_0_1_or_2_on_at_most_two_central_jets(self) -> None:
        tags = self.of_jets("btag")
        assert set(tags.round(6).ravel()) == {0.0, 1.0, 2.0}
        assert ((tags > 0).sum(axis=1) <= 2).all()
        etas = self.of_jets("eta")
        assert np.abs(etas[tags > 0]).max() < 1.4535

    def test_azimuths_fill_the_circle(self) -> None:
        for column in COLUMNS:
            if column.role == "phi":
                phi = self.column(column.name)
                assert np.abs(phi).max() < 1.7434
                assert phi.std() == pytest.approx(1.743 / np.sqrt(3), rel=0.1)
