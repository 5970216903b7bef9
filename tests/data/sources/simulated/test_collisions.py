import numpy as np
import pytest

from overfitting.data.physics import invariant_mass, neutrino, transverse
from overfitting.data.sources.simulated.collisions import JETS_KEPT, Collisions, collide

pytestmark = pytest.mark.simulate
EVENTS = 400


@pytest.fixture(scope="module", params=[True, False], ids=["signal", "background"])
def collisions(request: pytest.FixtureRequest) -> Collisions:
    return collide(request.param, False, EVENTS, np.random.default_rng(0))


def test_every_event_has_a_lepton_missing_momentum_and_jets(collisions: Collisions) -> None:
    shapes = [part.shape for part in collisions]
    assert shapes == [(EVENTS, 4), (EVENTS, 2), (EVENTS, JETS_KEPT, 4), (EVENTS, JETS_KEPT), (EVENTS, JETS_KEPT)]
    assert not any(isinstance(part, np.ma.MaskedArray) for part in collisions)
    np.testing.assert_allclose(invariant_mass(collisions.lepton), 0.0, atol=0.2)  # at most the muon's 0.106 GeV
    assert (np.hypot(*collisions.missing.T) > 0).all()


def test_jets_are_sorted_by_pt_down_to_a_threshold(collisions: Collisions) -> None:
    pt, _, _ = transverse(collisions.jets)
    assert (np.diff(pt, axis=1) <= 0).all()
    assert pt[pt > 0].min() >= 8.0
    assert not (collisions.beauty | collisions.charm)[pt == 0].any()


def test_most_events_have_two_b_jets(collisions: Collisions) -> None:
    assert np.median(collisions.beauty.sum(axis=1)) == 2


def test_lepton_and_missing_momentum_come_from_a_w(collisions: Collisions) -> None:
    mass = invariant_mass(collisions.lepton + neutrino(collisions.lepton, collisions.missing))
    assert np.median(mass) == pytest.approx(80.4, abs=0.5)


def test_b_jets_of_the_signal_come_from_a_higgs_of_125_gev() -> None:
    signal = collide(True, True, EVENTS, np.random.default_rng(1))
    two = signal.beauty.sum(axis=1) == 2
    pairs = (signal.jets * signal.beauty[..., None]).sum(axis=1)[two]
    assert np.median(invariant_mass(pairs)) == pytest.approx(118, abs=10)  # neutrinos and gluons carry some mass away


def test_all_randomness_comes_from_the_generator() -> None:
    first, again, other = (collide(False, False, 20, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.lepton, other.lepton)
