"""The 28 features of HIGGS-like events: names, roles, units."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from overfitting.data.scaling import PHI_LIMIT

LABEL = "label"  # name of the label in every table of events: 1 = signal, 0 = background


class Column(NamedTuple):
    """A feature: its name, its role in the event (`pt`, `eta`, `phi`, `btag`, `mass`), and its unit."""

    name: str
    role: str
    unit: str


def _object(name: str) -> list[Column]:
    return [
        Column(f"{name}_pt", "pt", "GeV / mean"),
        Column(f"{name}_eta", "eta", "pseudorapidity, scaled"),
        Column(f"{name}_phi", "phi", "rad x 1.743 / pi"),
    ]


# Order and meaning: Baldi, Sadowski, Whiteson, Nature Communications 5, 4308 (2014), and the UCI page of HIGGS.
COLUMNS: tuple[Column, ...] = (
    *_object("lepton"),
    Column("missing_energy", "pt", "GeV / mean"),
    Column("missing_energy_phi", "phi", "rad x 1.743 / pi"),
    *(
        column
        for jet in ("jet_1", "jet_2", "jet_3", "jet_4")
        for column in (*_object(jet), Column(f"{jet}_btag", "btag", "{0, 1, 2} / mean"))
    ),
    *(Column(name, "mass", "GeV / mean") for name in ("m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb")),
)
NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)

# Units of the published file, recovered from genuine rows: a value times its unit is in GeV or radians. The file has
# positive columns divided by their mean over all events (here in GeV), angles by half of their range, b-tags by theirs.
_LEPTON_PT, _MISSING_PT, _JET_PT = 54.6, 58.3, (108.8, 79.2, 56.8, 41.05)
_LEPTON_ETA, *_JET_ETA = (2.5 / highest for highest in (2.434, 2.9697, 2.9132, 2.730, 2.498))
_PHI = math.pi / PHI_LIMIT
_JET_BTAG = tuple(2.0 / tight for tight in (2.173076153, 2.214872122, 2.548224449, 3.101961374))
_MASSES = (88.6, 179.5, 81.46, 194.4, 125.7, 331.0, 498.0)
UNITS: dict[str, float] = dict(
    zip(
        NAMES,
        [_LEPTON_PT, _LEPTON_ETA, _PHI, _MISSING_PT, _PHI]
        + [unit for pt, eta, btag in zip(_JET_PT, _JET_ETA, _JET_BTAG, strict=True) for unit in (pt, eta, _PHI, btag)]
        + list(_MASSES),
        strict=True,
    )
)


def roles(names: Iterable[str]) -> list[str]:
    """Role of each column in the event; `other` for a column that HIGGS does not have."""
    known = {column.name: column.role for column in COLUMNS}
    return [known.get(name, "other") for name in names]
