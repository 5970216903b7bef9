"""Columns derived from the particles of a collision: masses, momenta, angles and hypotheses about their origin.

MLflow stores this file with each model and runs it without this package, so it imports nothing from the package.
Four-vectors (E, px, py, pz) are in the last axis of an array, in GeV with c = 1; angles are in radians.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

# GeV. W and top quark: Particle Data Group 2012. The others are those of the signal of HIGGS, a heavy Higgs boson
# that decays to W and a charged one, which decays to W and a light one, which decays to two b quarks (Baldi, Sadowski,
# Whiteson, Nature Communications 5, 4308, 2014).
W_MASS, TOP_MASS = 80.4, 173.0
LIGHT_HIGGS, CHARGED_HIGGS, HEAVY_HIGGS = 125.0, 325.0, 425.0
W_WIDTH, TOP_WIDTH, HIGGS_WIDTH = 12.0, 20.0, 18.0  # GeV; how well jets measure these masses, as deviations
JETS = ("jet_1", "jet_2", "jet_3", "jet_4")
PARTICLES = (  # the columns that are read
    *(f"{name}_{key}" for name in ("lepton", *JETS) for key in ("pt", "eta", "phi")),
    "missing_energy",
    "missing_energy_phi",
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


def cosine_at_rest(particle: Array, system: Array) -> Array:
    """Cosine (n,) of the angle between `particle`, in the rest frame of `system`, and the direction of `system`.

    Both are (n, 4). 0 if the system has no mass or does not move.
    """
    mass, momentum = invariant_mass(system), np.sqrt((system[:, 1:] ** 2).sum(axis=1))
    defined = (mass > 1e-6) & (momentum > 1e-6)
    mass, momentum = np.where(defined, mass, 1.0), np.where(defined, momentum, 1.0)
    along = (particle[:, 1:] * system[:, 1:]).sum(axis=1) / momentum
    energy = (system[:, 0] * particle[:, 0] - momentum * along) / mass
    along = (system[:, 0] * along - momentum * particle[:, 0]) / mass
    size = np.sqrt(np.maximum(energy**2 - invariant_mass(particle) ** 2, 1e-12))
    return np.where(defined, np.clip(along / size, -1.0, 1.0), 0.0)


@dataclass(frozen=True)
class Physics:
    """Derives columns from those of HIGGS: `PARTICLES`, and others, which stay as they are.

    The raw `columns` times their `units` are GeV and radians. The derived columns do not change if an event is rotated
    about the beam or reflected.
    """

    columns: list[str]
    units: list[float]

    @property
    def features(self) -> list[str]:
        """Names of the derived columns."""
        return list(derived(dict(zip(self.columns, np.ones((len(self.columns), 1)), strict=True))))

    def apply(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Derived columns (n_rows, n_features) of raw rows, columns found by name."""
        raw = {
            name: table[name].to_numpy(np.float64) * unit for name, unit in zip(self.columns, self.units, strict=True)
        }
        return np.stack(list(derived(raw).values()), axis=1).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Content of data/prepared/physics.json; `Physics(**content)` restores the object."""
        return dataclasses.asdict(self)


def derived(raw: Mapping[str, Array]) -> dict[str, Array]:
    """Derived columns (n,), by name, of the columns (n,) of HIGGS in GeV and radians.

    Momenta, b-tags and masses stay; angles are replaced by what follows from them.
    """
    lepton = four_vectors(raw["lepton_pt"], raw["lepton_eta"], raw["lepton_phi"], 0.0)
    missing_pt, missing_phi = raw["missing_energy"], raw["missing_energy_phi"]
    missing = np.stack([missing_pt * np.cos(missing_phi), missing_pt * np.sin(missing_phi)], axis=1)
    jets = {jet: four_vectors(raw[f"{jet}_pt"], raw[f"{jet}_eta"], raw[f"{jet}_phi"], 0.0) for jet in JETS}
    particles = {"lepton": lepton, "neutrino": neutrino(lepton, missing), **jets}
    visible = {name: vector for name, vector in particles.items() if name != "neutrino"}
    return {
        **{name: values for name, values in raw.items() if not name.endswith(("_phi", "_eta"))},
        **_masses(particles),
        **_momenta(particles),
        **_angles(visible, missing),
        **_top_pair(particles),
        **_higgs(particles),
    }


def _masses(particles: Mapping[str, Array]) -> dict[str, Array]:
    """Invariant masses of all pairs and triples."""
    return {
        f"m({' '.join(chosen)})": invariant_mass(_system(particles, chosen))
        for size in (2, 3)
        for chosen in combinations(particles, size)
    }


def _momenta(particles: Mapping[str, Array]) -> dict[str, Array]:
    """Transverse momenta of systems, their scalar sums, and the share of the energy that is transverse."""
    systems = {"lepton neutrino": ("lepton", "neutrino"), "jets": JETS, "all": tuple(particles)}
    systems |= {" ".join(pair): pair for pair in combinations(JETS, 2)}
    pt = {name: transverse(vector)[0] for name, vector in particles.items()}
    of_jets = np.sum([pt[jet] for jet in JETS], axis=0)
    energy = _system(particles, ("lepton", *JETS))[:, 0]
    return {
        **{f"pt({name})": transverse(_system(particles, chosen))[0] for name, chosen in systems.items()},
        "ht": of_jets,
        "st": of_jets + pt["lepton"] + pt["neutrino"],
        "centrality": (of_jets + pt["lepton"]) / energy,
    }


def _angles(visible: Mapping[str, Array], missing: Array) -> dict[str, Array]:
    """Distances of visible particles, and how each lies to the missing momentum: azimuth and transverse mass."""
    found, of = dict[str, Array](), {name: transverse(vector) for name, vector in visible.items()}
    for one, other in combinations(visible, 2):
        found[f"r({one} {other})"] = separation(*of[one][1:], *of[other][1:])
        found[f"eta({one} {other})"] = np.abs(of[one][1] - of[other][1])
    missing_pt, missing_phi = np.hypot(*missing.T), np.arctan2(missing[:, 1], missing[:, 0])
    for name, (pt, _, phi) in of.items():
        found[f"phi({name} missing)"] = separation(np.zeros_like(phi), phi, np.zeros_like(phi), missing_phi)
        found[f"mt({name})"] = np.sqrt(2 * pt * missing_pt * (1 - np.cos(phi - missing_phi)))
    return found


def _top_pair(particles: Mapping[str, Array]) -> dict[str, Array]:
    """The assignment of jets that fits a pair of top quarks best, as in the background: its chi-square and masses."""
    leptonic = particles["lepton"] + particles["neutrino"]
    options = []
    for of_lepton, of_jets in permutations(JETS, 2):
        first, second = (particles[jet] for jet in JETS if jet not in (of_lepton, of_jets))
        hadronic = first + second
        tops = leptonic + particles[of_lepton], hadronic + particles[of_jets]
        masses = [invariant_mass(system) for system in (hadronic, *tops)]
        chi2 = _chi2(masses, (W_MASS, TOP_MASS, TOP_MASS), (W_WIDTH, TOP_WIDTH, TOP_WIDTH))
        cosines = cosine_at_rest(first, hadronic) ** 2, cosine_at_rest(particles["lepton"], leptonic)
        options.append([chi2, *masses, invariant_mass(tops[0] + tops[1]), *cosines])
    names = ("chi2", "m_w", "m_leptonic", "m_hadronic", "m_pair", "cosine_jet", "cosine_lepton")
    return _best("top", names, options)


def _higgs(particles: Mapping[str, Array]) -> dict[str, Array]:
    """The assignment of jets that fits the signal's chain of Higgs bosons best: its chi-square and masses."""
    leptonic = particles["lepton"] + particles["neutrino"]
    options = []
    for pair in combinations(JETS, 2):
        first, second = (particles[jet] for jet in pair)
        hadronic = _system(particles, [jet for jet in JETS if jet not in pair])
        light = first + second
        whole = invariant_mass(leptonic + hadronic + light)
        for w in (leptonic, hadronic):
            masses = [invariant_mass(system) for system in (light, hadronic, light + w)] + [whole]
            chi2 = _chi2(
                masses,
                (LIGHT_HIGGS, W_MASS, CHARGED_HIGGS, HEAVY_HIGGS),
                (HIGGS_WIDTH, W_WIDTH, 2 * HIGGS_WIDTH, 2 * HIGGS_WIDTH),
            )
            options.append([chi2, *masses[:3], cosine_at_rest(first, light) ** 2, cosine_at_rest(light, light + w)])
    return _best("higgs", ("chi2", "m_bb", "m_w", "m_charged", "cosine_b", "cosine_light"), options)


def _system(particles: Mapping[str, Array], names: Iterable[str]) -> Array:
    total: Array = np.sum([particles[name] for name in names], axis=0)
    return total


def _chi2(masses: Sequence[Array], expected: Sequence[float], widths: Sequence[float]) -> Array:
    deviations = [(mass - center) / width for mass, center, width in zip(masses, expected, widths, strict=True)]
    total: Array = np.sum(np.square(deviations), axis=0)
    return total


def _best(of: str, names: tuple[str, ...], options: list[list[Array]]) -> dict[str, Array]:
    """The columns of the option with the smallest first value, in each row; that value as a logarithm."""
    table = np.array(options)  # (n_options, n_names, n)
    chosen = table[table[:, 0].argmin(axis=0), :, np.arange(table.shape[2])]
    chosen[:, 0] = np.log(chosen[:, 0] + 1e-3)
    return {f"{of}_{name}": column for name, column in zip(names, chosen.T, strict=True)}
