"""A parametrised detector: smears collisions, selects events and tags b-jets.

The parameters were fitted to the distributions of single columns in genuine rows, which are not among the rows of the
project's benchmarks. The detector of HIGGS itself was simulated with Delphes.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overfitting.data.physics import W_MASS, Array, four_vectors, invariant_mass, separation, transverse
from overfitting.data.sources.simulated import features
from overfitting.data.sources.simulated.collisions import Collisions

# Digits of the LHC Olympics format, visible in genuine rows: a grid of 0.01 GeV for momenta and 0.001 for angles.
MOMENTUM_DIGITS, ANGLE_DIGITS = 2, 3


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Resolutions, thresholds and efficiencies; momenta in GeV."""

    min_pt: float = 15.0  # of the lepton and of jets; the paper says 20, the genuine rows start at 15
    max_eta: float = 2.5  # of the lepton and of jets
    isolation: float = 0.53  # least distance between the lepton and a jet
    isolation_jet_pt: float = 10.0  # jets softer than this before smearing do not affect isolation
    lepton_resolution: float = 0.02  # relative
    jet_stochastic: float = 1.29  # relative resolution times sqrt(pt / GeV)
    jet_constant: float = 0.03  # relative resolution at high pt
    jet_scale: float = 0.964  # response to jets
    beauty_scale: float = 1.02  # response to b-jets, relative to other jets
    missing_noise: float = 2.7  # of each component of the missing momentum
    missing_per_jet_error: float = 1.19  # missing momentum per unit of the jets' mismeasurement
    mass_shift: float = 0.51  # mean logarithm of the factor on the mass, for jets other than b-jets
    mass_spread: float = 0.77  # deviation of that logarithm, for all jets
    max_mass_over_pt: float = 0.7
    order_spread: float = 0.27  # deviation of the logarithm of the pt by which jets are ranked
    beauty_order: float = 0.893  # factor on that pt for b-jets
    tag_efficiency: float = 0.62  # of b-jets, at the plateau in pt
    tag_turn_on: float = 22.6  # pt at half the plateau
    tag_turn_on_width: float = 2.0
    tag_fall_from: float = 150.0  # pt above which efficiencies fall exponentially
    tag_fall_length: float = 400.0  # increase in pt for a fall by 1 / e
    charm_mistag: float = 0.065  # at the plateau
    light_mistag: float = 0.003  # at the plateau
    tag_max_eta: float = 1.453
    tag_eta_ramp: float = 0.39  # distance from tag_max_eta over which efficiencies rise from 0 to full
    two_tags_scale: float = 0.45  # probability of two tags from which an event is always kept
    tight_tags: float = 0.8155  # share of tags with value 2; the others have value 1
    w_mass_jitter: float = 0.0032  # relative spread of m_lv in events in which the W mass could be imposed
    w_mass_jitter_freedom: float = 2.2  # degrees of freedom of its distribution, Student's t, which has long tails
    w_mass_jitter_limit: float = 12.0  # at which these tails are cut, in units of the spread


class Jets(NamedTuple):
    """Measured jets of n events, all arrays (n, k), momenta in GeV; `found` marks the jets that pass the thresholds."""

    pt: Array
    eta: Array
    phi: Array
    mass: Array
    true_pt: Array
    beauty: NDArray[np.bool_]
    charm: NDArray[np.bool_]
    found: NDArray[np.bool_]

    def vectors(self) -> Array:
        """Four-vectors (n, k, 4), zero if the jet was not found."""
        return four_vectors(self.pt, self.eta, self.phi, self.mass) * self.found[..., None]


def measure_lepton(truth: Array, rng: np.random.Generator, detector: Detector) -> Array:
    """pt, pseudorapidity and azimuth (n, 3) of the lepton `truth` (n, 4)."""
    pt, eta, phi = transverse(truth)
    pt = pt * (1.0 + detector.lepton_resolution * rng.standard_normal(len(pt)))
    return np.column_stack([pt.round(MOMENTUM_DIGITS), eta.round(ANGLE_DIGITS), phi.round(ANGLE_DIGITS)])


def measure_jets(truth: Collisions, rng: np.random.Generator, detector: Detector) -> Jets:
    """Jets with smeared momenta and masses, in the order of `truth`."""
    true_pt, eta, phi = transverse(truth.jets)
    resolution = np.hypot(detector.jet_stochastic / np.sqrt(np.maximum(true_pt, 5.0)), detector.jet_constant)
    response = np.exp(resolution * rng.standard_normal(true_pt.shape) - resolution**2 / 2)
    response *= detector.jet_scale * np.where(truth.beauty, detector.beauty_scale, 1.0)
    shift = np.where(truth.beauty, 0.0, detector.mass_shift)
    mass = invariant_mass(truth.jets) * np.exp(shift + detector.mass_spread * rng.standard_normal(true_pt.shape))
    mass = np.minimum(mass, detector.max_mass_over_pt * true_pt) * response
    pt = (true_pt * response).round(MOMENTUM_DIGITS)
    found = (pt > detector.min_pt) & (np.abs(eta) < detector.max_eta)
    return Jets(
        pt=pt,
        eta=eta.round(ANGLE_DIGITS),
        phi=phi.round(ANGLE_DIGITS),
        mass=mass.round(MOMENTUM_DIGITS),
        true_pt=true_pt,
        beauty=truth.beauty,
        charm=truth.charm & ~truth.beauty,
        found=found,
    )


def measure_missing(truth: Collisions, jets: Jets, rng: np.random.Generator, detector: Detector) -> Array:
    """Missing transverse momentum (n, 2), GeV: that of the neutrinos, minus the jets' mismeasurement, plus noise."""
    measured = four_vectors(jets.pt, jets.eta, jets.phi, jets.mass)
    gained = (measured - truth.jets)[..., 1:3].sum(axis=1)
    noise = detector.missing_noise * rng.standard_normal(truth.missing.shape)
    return np.asarray(truth.missing - detector.missing_per_jet_error * gained + noise)


def rank(jets: Jets, rng: np.random.Generator, detector: Detector) -> Jets:
    """Sort jets: found jets first, by roughly falling pt, because HIGGS does not sort exactly by the published pt."""
    rated = jets.true_pt * np.where(jets.beauty, detector.beauty_order, 1.0)
    rated = rated * np.exp(detector.order_spread * rng.standard_normal(rated.shape))
    order = np.argsort(np.where(jets.found, -rated, np.inf), axis=1, kind="stable")
    return Jets._make(np.take_along_axis(values, order, axis=1) for values in jets)


def tag_probabilities(jets: Jets, detector: Detector) -> Array:
    """Probability (n, k) that each jet is tagged as a b-jet."""
    rise = 1.0 / (1.0 + np.exp(-(jets.pt - detector.tag_turn_on) / detector.tag_turn_on_width))
    fall = np.exp(-np.maximum(jets.pt - detector.tag_fall_from, 0.0) / detector.tag_fall_length)
    central = np.clip((detector.tag_max_eta - np.abs(jets.eta)) / detector.tag_eta_ramp, 0.0, 1.0)
    mistag = np.where(jets.charm, detector.charm_mistag, detector.light_mistag)
    return np.where(jets.beauty, detector.tag_efficiency, mistag) * rise * fall * central * jets.found


def choose_two_tags(probabilities: Array, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Probability (n,) that exactly two of k jets are tagged, and the positions (n, 2) of a pair, given two tags.

    Choosing a pair, instead of tagging each jet independently, keeps most events that could have two tags.
    """
    pairs = np.array(list(combinations(range(probabilities.shape[1]), 2)))
    odds = probabilities / (1.0 - probabilities)
    weights = odds[:, pairs[:, 0]] * odds[:, pairs[:, 1]] * np.prod(1.0 - probabilities, axis=1)[:, None]
    total = weights.sum(axis=1)
    below = np.cumsum(weights, axis=1) < (rng.random(len(total)) * total)[:, None]
    return total, pairs[below.sum(axis=1).clip(0, len(pairs) - 1)]


def select(
    lepton: Array, jets: Jets, two_tags: Array, rng: np.random.Generator, detector: Detector
) -> NDArray[np.bool_]:
    """Mask (n,) of events with an isolated lepton and at least four jets, drawn by their probability of two b-tags."""
    pt, eta, phi = lepton.T
    distance = separation(jets.eta, jets.phi, eta[:, None], phi[:, None])
    spoilt = ((jets.true_pt > detector.isolation_jet_pt) & (distance < detector.isolation)).any(axis=1)
    accepted = (pt > detector.min_pt) & (np.abs(eta) < detector.max_eta) & ~spoilt
    kept = rng.random(len(pt)) < two_tags / detector.two_tags_scale
    return np.asarray(accepted & kept & (jets.found.sum(axis=1) >= 4))


def observe(truth: Collisions, rng: np.random.Generator, detector: Detector | None = None) -> NDArray[np.float32]:
    """The 28 columns of the selected events, (n_selected, 28) in the units of HIGGS.

    Selected are events with one isolated lepton and at least four jets, two of them tagged. All randomness comes from
    `rng`.
    """
    detector = detector or Detector()
    rows = np.arange(len(truth.lepton))
    lepton = measure_lepton(truth.lepton, rng, detector)
    measured = measure_jets(truth, rng, detector)
    missing = measure_missing(truth, measured, rng, detector)
    jets = rank(measured, rng, detector)
    two_tags, tagged = choose_two_tags(tag_probabilities(jets, detector), rng)
    selected = select(lepton, jets, two_tags, rng, detector)
    tags = np.zeros(jets.pt.shape)
    tags[rows[:, None], tagged] = np.where(rng.random(tagged.shape) < detector.tight_tags, 2.0, 1.0)
    massless = four_vectors(lepton[:, 0], lepton[:, 1], lepton[:, 2], 0.0)
    masses = features.reconstructed_masses(massless, missing, jets.vectors(), jets.found, tagged)
    masses[:, 2] *= imposed_mass_jitter(masses[:, 2], rng, detector)
    shown = np.stack([jets.pt, jets.eta, jets.phi, tags], axis=-1)[:, :4]
    return features.columns(lepton, missing, shown, masses)[selected]


def imposed_mass_jitter(m_lv: Array, rng: np.random.Generator, detector: Detector) -> Array:
    """Factors (n,) on `m_lv`: near 1 if it was set to the W mass, exactly 1 if it is the transverse mass."""
    spread = rng.standard_t(detector.w_mass_jitter_freedom, len(m_lv))
    spread = spread.clip(-detector.w_mass_jitter_limit, detector.w_mass_jitter_limit)
    return np.where(m_lv < W_MASS + 0.2, 1.0 + detector.w_mass_jitter * spread, 1.0)
