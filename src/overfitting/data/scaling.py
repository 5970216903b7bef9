"""Scales raw columns for the networks: logarithms, symmetric columns or pieces, then mean 0 and deviation 1.

MLflow stores this file with each model and runs it without this package, so it imports nothing from the package.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]

PHI_LIMIT = 1.743  # value of an angle of pi in the columns of HIGGS


@dataclass(frozen=True)
class Scaling:
    """x' = ((log(max(x, floor)) if logarithm else x) - mean) / deviation, for each column of `features`.

    `columns` are the raw columns, with their `roles` (see `overfitting.data.columns`). `features` are these columns; or
    their `symmetric_columns`, if `symmetry` is set; or their `pieces`, if there are `edges`, one list per column.
    """

    columns: list[str]
    roles: list[str]
    symmetry: bool
    edges: list[list[float]]
    features: list[str]
    feature_roles: list[str]
    logarithm: list[bool]
    floor: list[float]
    mean: list[float]
    deviation: list[float]

    def apply(self, raw: Features) -> Features:
        """Scale raw rows (n_rows, n_columns) -> (n_rows, n_features) float32."""
        values = raw.astype(np.float64)
        if self.symmetry:
            values, _, _ = symmetric_columns(values, self.columns, self.roles)
        if self.edges:
            values = pieces(values, self.edges)
        chosen = np.array(self.logarithm)
        values[:, chosen] = np.log(np.maximum(values[:, chosen], np.array(self.floor)[chosen]))
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Content of data/prepared/scaling.json; `Scaling(**content)` restores the scaling."""
        return dataclasses.asdict(self)


def symmetric_columns(
    values: NDArray[np.float64], names: Sequence[str], roles: Sequence[str]
) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Columns that do not change if an event is rotated about the beam or reflected, with their names and roles.

    The physics of collisions does not depend on the direction around the beam (phi), nor on reflections in phi, nor on
    the exchange of the two beams (eta). So each angle is measured from that of the first object (the lepton), and given
    as cosine and sine. All etas change sign if the first eta is negative, all sines if the first sine is negative.
    `values` is (n_rows, n_columns).
    """
    of = {role: [index for index, found in enumerate(roles) if found == role] for role in ("phi", "eta")}
    first, *others = of["phi"]
    angles = (values[:, others] - values[:, [first]]) * (math.pi / PHI_LIMIT)
    cosines, sines = np.cos(angles), np.sin(angles)
    sines *= _sign(sines[:, :1])
    same = [index for index in range(len(roles)) if index not in of["phi"]]
    kept = values[:, same]
    etas = [same.index(index) for index in of["eta"]]
    kept[:, etas] *= _sign(values[:, of["eta"][:1]])
    turned = [names[index] for index in others]
    return (
        np.concatenate([kept, cosines, sines], axis=1),
        [*(names[i] for i in same), *(f"cos_{name}" for name in turned), *(f"sin_{name}" for name in turned)],
        [*(roles[i] for i in same), *["cosine"] * len(turned), *["sine"] * len(turned)],
    )


def pieces(values: NDArray[np.float64], edges: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Piecewise linear encoding (Gorishniy, Rubachev, Babenko 2022): the part of each interval below a value.

    A column with edges e_0 < ... < e_k becomes k columns (x - e_j) / (e_(j+1) - e_j), clipped to 0 and 1. So a network
    can change its slope where the data are dense. `values` is (n_rows, n_columns), `edges` has one list per column.
    """
    encoded = []
    for column, found in zip(values.T, edges, strict=True):
        low, high = np.array(found[:-1]), np.array(found[1:])
        encoded.append(np.clip((column[:, None] - low) / (high - low), 0.0, 1.0))
    return np.concatenate(encoded, axis=1)


def _sign(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values < 0, -1.0, 1.0)
