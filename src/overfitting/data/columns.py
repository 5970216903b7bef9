"""The 28 features of HIGGS-like events: names, roles, units."""

from collections.abc import Iterable
from typing import NamedTuple

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


def roles(names: Iterable[str]) -> list[str]:
    """Role of each column in the event; `other` for a column that HIGGS does not have."""
    known = {column.name: column.role for column in COLUMNS}
    return [known.get(name, "other") for name in names]
