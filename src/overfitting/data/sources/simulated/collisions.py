"""Simulates proton collisions at 8 TeV with Pythia 8 and clusters jets with FastJet, before any detector.

Signal: gg -> H0(425) -> W H+-(325) -> W W h0(125) -> W W b bbar. Background: gg, q qbar -> t tbar -> W W b bbar.
One W decays to an electron or muon, the other to quarks. (Baldi, Sadowski, Whiteson 2014.)
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PYTHIA_VERSION = "8.317.2"
JET_RADIUS = 0.5  # anti-kt
JET_MIN_PT = 8.0  # GeV; well below the threshold of the detector, because smearing can lift a jet above it
JETS_KEPT = 10
CALORIMETER_ETA = 4.9
LEPTON_CONE = 0.95  # least cosine between the lepton as produced and as it leaves the collision
FLAVOUR_MIN_PT = 3.0  # GeV, of a quark that makes a jet a b- or c-jet
BATCH = 500  # events; limits memory only
MAX_SEED = 900_000_000  # of Pythia's Random:seed

_AXES = ("E", "px", "py", "pz")
_COMMON = (
    "Beams:eCM = 8000.",
    "Print:quiet = on",
    "Next:numberCount = 0",
    "Random:setSeed = on",
    "TimeShower:QEDshowerByL = off",  # the lepton keeps its photons, as a calorimeter would see it
    "PartonLevel:MPI = off",  # takes four times as long and is no closer to HIGGS
    # as with MadGraph, which simulated the collisions of HIGGS: its parton densities (CTEQ6L1), and showers that
    # start at the scale of the process
    *("PDF:pSet = 8", "SpaceShower:pTmaxMatch = 1", "TimeShower:pTmaxMatch = 1"),
    "24:onMode = off",
)
# Which W decays to the lepton: the positive or the negative one.
_LEPTONIC_W = (
    ("24:onPosIfAny = 11 13", "24:onNegIfAny = 1 2 3 4"),
    ("24:onPosIfAny = 1 2 3 4", "24:onNegIfAny = 11 13"),
)
_BACKGROUND = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
# Masses of the paper, narrow widths. `35:oneChannel` would remove the coupling to gluons, and so the production.
_SIGNAL = (
    "Higgs:useBSM = on",
    "HiggsBSM:gg2H2 = on",
    *("35:m0 = 425.", "35:doForceWidth = on", "35:mWidth = 1.", "35:mMin = 400.", "35:mMax = 450."),
    *("37:m0 = 325.", "37:doForceWidth = on", "37:mWidth = 1.", "37:mMin = 300.", "37:mMax = 350."),
    "25:m0 = 125.",
    *("HiggsH2:coup2HchgW = 1.", "HiggsHchg:coup2H1W = 1."),
    *("35:onMode = off", "35:onIfMatch = 24 -37"),
    *("37:onMode = off", "37:onIfMatch = 24 25"),
    *("25:onMode = off", "25:onIfMatch = 5 -5"),
)


class Collisions(NamedTuple):
    """`n` events before the detector; momenta in GeV, jets sorted by falling pt and padded with zeros.

    lepton: (n, 4) E, px, py, pz. missing: (n, 2) px, py of the neutrinos. jets: (n, JETS_KEPT, 4).
    beauty, charm: (n, JETS_KEPT) bool, whether a b or c quark lies within the jet.
    """

    lepton: NDArray[np.float64]
    missing: NDArray[np.float64]
    jets: NDArray[np.float64]
    beauty: NDArray[np.bool_]
    charm: NDArray[np.bool_]


def _keep_longitudinal_w(pythia: Any, rng: np.random.Generator) -> Any:
    """Make `pythia` keep an event with probability sin^2(theta*) per W boson; return the hook, to be kept alive.

    A W from the decay of a scalar to a W and a scalar is longitudinal, but Pythia decays it isotropically. theta* is
    the angle between a decay product and the direction of the W, in the rest frame of the W. Keeps 4 / 9 of all events.
    """
    import pythia8mc

    def veto(hook: Any, process: Any) -> bool:
        weight = 1.0
        for boson in (process[index] for index in range(process.size())):
            if boson.idAbs() == 24:
                product = pythia8mc.Vec4(process[boson.daughter1()].p())
                parent = pythia8mc.Vec4(process[boson.mother1()].p())
                product.bstback(boson.p())
                parent.bstback(boson.p())
                weight *= 1.0 - pythia8mc.costheta(product, parent) ** 2
        return bool(rng.random() > weight)

    methods = {"canVetoProcessLevel": lambda hook: True, "doVetoProcessLevel": veto}
    hook = type("LongitudinalW", (pythia8mc.UserHooks,), methods)()
    pythia.setUserHooksPtr(hook)
    return hook


def _flavoured(jets: Any, momenta: Any, quarks: Any) -> NDArray[np.bool_]:
    """Whether one of the `quarks` (a mask of `momenta`) lies within each jet: (n, JETS_KEPT)."""
    import awkward as ak

    pairs = ak.cartesian({"jet": jets, "quark": momenta[quarks & (momenta.pt > FLAVOUR_MIN_PT)]}, nested=True)
    return _padded(ak.any(pairs.jet.deltaR(pairs.quark) < JET_RADIUS, axis=2)).astype(bool)


def _padded(values: Any) -> NDArray[Any]:
    """A ragged array (n, any) as (n, JETS_KEPT), padded with zeros."""
    import awkward as ak

    return np.asarray(ak.to_numpy(ak.fill_none(ak.pad_none(values, JETS_KEPT, clip=True), 0), allow_missing=False))


def _observables(particles: Any) -> Collisions:
    """Reduce Pythia's event record (n events, ragged) to the input of the detector."""
    import awkward as ak
    import fastjet

    kind, status, p = abs(particles.id), particles.status, particles.p
    momenta = ak.zip({"px": p.px, "py": p.py, "pz": p.pz, "E": p.e}, with_name="Momentum4D")
    final = status > 0
    is_lepton = (kind == 11) | (kind == 13)
    produced = ak.firsts(momenta[(abs(status) == 23) & is_lepton])
    along = momenta.px * produced.px + momenta.py * produced.py + momenta.pz * produced.pz
    prompt = final & is_lepton & (along > LEPTON_CONE * momenta.p * produced.p)
    lepton = ak.argmax(ak.where(prompt, momenta.pt, -1.0), axis=1, keepdims=True)
    invisible = final & ((kind == 12) | (kind == 14) | (kind == 16))
    seen = final & ~invisible & (ak.local_index(status) != ak.flatten(lepton))
    seen = seen & (abs(momenta.pz) < momenta.pt * np.sinh(CALORIMETER_ETA))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, JET_RADIUS)
    jets = fastjet.ClusterSequence(momenta[seen], definition).inclusive_jets(min_pt=JET_MIN_PT)
    jets = ak.zip({name: jets[name] for name in _AXES}, with_name="Momentum4D")
    jets = jets[ak.argsort(jets.pt, axis=1, ascending=False)][:, :JETS_KEPT]
    # all partons of the record, not only the last ones, as in Delphes
    partons = (abs(status) >= 21) & (abs(status) <= 79)
    return Collisions(
        lepton=np.stack(
            [ak.to_numpy(ak.flatten(momenta[lepton][name]), allow_missing=False) for name in _AXES], axis=-1
        ),
        missing=np.stack([ak.to_numpy(ak.sum(momenta[invisible][name], axis=1)) for name in ("px", "py")], axis=-1),
        jets=np.stack([_padded(jets[name]) for name in _AXES], axis=-1),
        beauty=_flavoured(jets, momenta, partons & (kind == 5)),
        charm=_flavoured(jets, momenta, partons & (kind == 4)),
    )


def collide(signal: bool, negative_lepton: bool, events: int, rng: np.random.Generator) -> Collisions:
    """Simulate `events` collisions of one class and one charge of the lepton; all randomness comes from `rng`.

    Raises:
        RuntimeError: the installed Pythia rejects the settings or does not start.
    """
    import pythia8mc
    import vector

    vector.register_awkward()
    pythia = pythia8mc.Pythia("", False)
    process, seed = _SIGNAL if signal else _BACKGROUND, f"Random:seed = {rng.integers(1, MAX_SEED + 1)}"
    for setting in (*_COMMON, *process, *_LEPTONIC_W[negative_lepton], seed):
        if not pythia.readString(setting):
            raise RuntimeError(f"expected Pythia {PYTHIA_VERSION}, but the installed version rejects {setting!r}")
    hook = _keep_longitudinal_w(pythia, rng) if signal else None
    if not pythia.init():
        raise RuntimeError("Pythia did not start")
    sizes = [min(BATCH, events - done) for done in range(0, events, BATCH)]
    batches = [_observables(pythia.nextBatch(size).prt) for size in sizes]
    del hook  # Pythia calls the hook without owning it
    return Collisions(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
