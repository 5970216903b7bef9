"""Computes the 28 columns of HIGGS from a lepton, missing momentum and jets.

Four-vectors (E, px, py, pz) are in the last axis of an array, in GeV with c = 1; angles are in radians.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from overfitting.data.columns import UNITS
from overfitting.data.physics import TOP_MASS, W_MASS, Array, invariant_mass, neutrino


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
    return np.asarray(table / list(UNITS.values()), np.float32)
