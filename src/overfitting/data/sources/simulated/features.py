"""Computes the 28 columns of HIGGS from a lepton, missing momentum and jets.

Four-vectors (E, px, py, pz) are in the last axis of an array, in GeV with c = 1; angles are in radians.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from overfitting.data.scaling import PHI_LIMIT

Array = NDArray[np.float64]

W_MASS = 80.4  # GeV, Particle Data Group 2012
TOP_MASS = 173.0  # GeV, Particle Data Group 2012

# Units of the published file, recovered from genuine rows. The file divides positive columns by their mean over all
# events (here in GeV), angles by half of their range, and b-tags by their mean.
_LEPTON_PT, _MISSING_PT, _JET_PT = 54.6, 58.3, (108.8, 79.2, 56.8, 41.05)
_LEPTON_ETA, *_JET_ETA = (2.5 / highest for highest in (2.434, 2.9697, 2.9132, 2.730, 2.498))
_PHI = np.pi / PHI_LIMIT
_JET_BTAG = tuple(2.0 / tight for tight in (2.173076153, 2.214872122, 2.548224449, 3.101961374))
_MASSES = (88.6, 179.5, 81.46, 194.4, 125.7, 331.0, 498.0)
UNITS = np.array(
    [_LEPTON_PT, _LEPTON_ETA, _PHI, _MISSING_PT, _PHI]
    + [unit for pt, eta, btag in zip(_JET_PT, _JET_ETA, _JET_BTAG, strict=True) for unit in (pt, eta, _PHI, btag)]
    + list(_MASSES)
)


def four_vectors(pt: Array, eta: Array, phi: Array, mass: Array | float) -> Array:
    """Four-vectors (..., 4) from transverse momentum, pseudorapidity, azimuth and mass, all of shape (...)."""
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + np.square(mass))
    return np.stack([energy, pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=-1)


def transverse(vectors: Array) -> tuple[Array, Array, Array]:
    """Transverse momentum (GeV), pseudorapidity and azimuth of `vectors` (..., 4); all 0 for the zero vector."""
    pt = np.hypot(vectors[..., 1], vectors[..., 2])
    eta = np.arcsinh(vectors[..., 3] / np.maximum(pt, 1e-9))
    return pt, eta, np.arctan2(vectors[..., 2], vectors[..., 1])


def invariant_mass(vectors: Array) -> Array:
    """Invariant mass (...), GeV, of `vectors` (..., 4); 0 if rounding makes a vector space-like."""
    squared: Array = vectors[..., 0] ** 2 - (vectors[..., 1:] ** 2).sum(axis=-1)
    return np.sqrt(np.maximum(squared, 0.0))


def separation(eta: Array, phi: Array, other_eta: Array, other_phi: Array) -> Array:
    """Distance in pseudorapidity and azimuth; the difference in azimuth is at most pi."""
    return np.hypot(eta - other_eta, (phi - other_phi + np.pi) % (2 * np.pi) - np.pi)


def neutrino(lepton: Array, missing: Array) -> Array:
    """Neutrino (n, 4) with which `lepton` (n, 4, massless) has the mass of a W; `missing` (n, 2) is its px, py in GeV.

    Of two solutions, the one with the smaller |pz| is returned. If none exists, because the transverse mass exceeds the
    W mass, pz minimises the mass of the pair, which then equals its transverse mass.
    """
    lepton_pt2 = (lepton[:, 1:3] ** 2).sum(axis=1)
    missing2 = (missing**2).sum(axis=1)
    half = W_MASS**2 / 2 + (lepton[:, 1:3] * missing).sum(axis=1)
    discriminant = half**2 * lepton[:, 3] ** 2 - lepton_pt2 * (lepton[:, 0] ** 2 * missing2 - half**2)
    root = np.sqrt(np.maximum(discriminant, 0.0))
    upper, lower = (half * lepton[:, 3] + root) / lepton_pt2, (half * lepton[:, 3] - root) / lepton_pt2
    smaller = np.where(np.abs(upper) < np.abs(lower), upper, lower)
    least_mass = np.sqrt(missing2 / lepton_pt2) * lepton[:, 3]
    pz = np.where(discriminant > 0, smaller, least_mass)
    return np.stack([np.sqrt(missing2 + pz**2), missing[:, 0], missing[:, 1], pz], axis=-1)


def hadronic_w(jets: Array, candidates: NDArray[np.bool_]) -> Array:
    """Sum (n, 4) of the pair of `candidates` (n, k) among `jets` (n, k, 4) with the mass closest to that of the W."""
    best = np.zeros((len(jets), 4))
    distance = np.full(len(jets), np.inf)
    for first, second in combinations(range(jets.shape[1]), 2):
        pair = jets[:, first] + jets[:, second]
        off = np.abs(invariant_mass(pair) - W_MASS)
        closer = candidates[:, first] & candidates[:, second] & (off < distance)
        distance[closer], best[closer] = off[closer], pair[closer]
    return best


def reconstructed_masses(
    lepton: Array, missing: Array, jets: Array, found: NDArray[np.bool_], tagged: NDArray[np.intp]
) -> Array:
    """m_jj, m_jjj, m_lv, m_jlv, m_bb, m_wbb, m_wwbb: (n, 7), GeV.

    `found` (n, k) marks the `jets` (n, k, 4) in use; `tagged` (n, 2) holds the positions of the two b-jets.
    The assignment of jets in HIGGS is not published. These rules were recovered from genuine rows: m_jjj uses the b-jet
    that brings it closer to the mass of the top quark, m_jlv the other one, and m_wbb is the larger of both choices.
    """
    rows = np.arange(len(jets))
    untagged = found.copy()
    untagged[rows[:, None], tagged] = False
    first_b, second_b = jets[rows, tagged[:, 0]], jets[rows, tagged[:, 1]]
    leptonic = lepton + neutrino(lepton, missing)
    hadronic = hadronic_w(jets, untagged)
    first_off, second_off = (np.abs(invariant_mass(hadronic + b) - TOP_MASS) for b in (first_b, second_b))
    first_is_hadronic = (first_off < second_off)[:, None]
    hadronic_b = np.where(first_is_hadronic, first_b, second_b)
    leptonic_b = np.where(first_is_hadronic, second_b, first_b)
    both_b = first_b + second_b
    systems = (hadronic, hadronic + hadronic_b, leptonic, leptonic + leptonic_b, both_b)
    wbb = np.maximum(invariant_mass(leptonic + both_b), invariant_mass(hadronic + both_b))
    wwbb = invariant_mass(leptonic + hadronic + both_b)
    return np.column_stack([*(invariant_mass(system) for system in systems), wbb, wwbb])


def columns(lepton: Array, missing: Array, jets: Array, masses: Array) -> NDArray[np.float32]:
    """The 28 columns (n, 28), in the units of the published file.

    lepton: (n, 3) pt, eta, phi. missing: (n, 2) px, py. jets: (n, 4, 4) pt, eta, phi, b-tag in {0, 1, 2} of the
    first four jets. masses: (n, 7). GeV and radians.
    """
    missing_pt = np.hypot(missing[:, 0], missing[:, 1])
    missing_phi = np.arctan2(missing[:, 1], missing[:, 0])
    table = np.column_stack([lepton, missing_pt, missing_phi, jets.reshape(len(jets), 16), masses])
    return np.asarray(table / UNITS, np.float32)
