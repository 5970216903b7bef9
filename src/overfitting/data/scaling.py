"""Raw columns -> what a network sees: logarithms, columns that the symmetries leave alone, mean 0 and deviation 1.

MLflow keeps this file beside a model and runs it where that is loaded, so it imports nothing of this package.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]

PHI_LIMIT = 1.743  # what an angle of pi became in the columns of HIGGS


@dataclass(frozen=True)
class Scaling:
    """x' = ((log(max(x, floor)) if logarithm else x) - mean) / deviation, for each column of `features`.

    `columns` are the raw ones, with their `roles` (see `overfitting.data.columns`). `features` are the same, or where
    `symmetry` is set what `symmetric_columns` makes of them, and where there are `edges`, a list a column, the `pieces`
    of those.
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
        """The content of data/prepared/scaling.json, from which `Scaling(**content)` makes it again."""
        return dataclasses.asdict(self)


def symmetric_columns(
    values: NDArray[np.float64], names: Sequence[str], roles: Sequence[str]
) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Columns that no rotation about the beam and no reflection changes, with their names and roles.

    Collisions know no direction around the beam (phi), nor left from right of it, nor one beam from the other (eta). So
    angles are taken from the first object's (the lepton's), as cosine and sine; all etas change sign where the first is
    negative, all sines where the first of them is. `values` is (n_rows, n_columns).
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
    """Piecewise linear encoding (Gorishniy, Rubachev, Babenko 2022): how much of each interval a value has passed.

    A column with the edges e_0 < ... < e_k becomes k columns, (x - e_j) / (e_(j+1) - e_j), within 0 and 1. On them a
    network bends where the data lie, which it otherwise has to learn. `values` is (n_rows, n_columns).
    """
    encoded = []
    for column, found in zip(values.T, edges, strict=True):
        low, high = np.array(found[:-1]), np.array(found[1:])
        encoded.append(np.clip((column[:, None] - low) / (high - low), 0.0, 1.0))
    return np.concatenate(encoded, axis=1)


def _sign(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values < 0, -1.0, 1.0)
