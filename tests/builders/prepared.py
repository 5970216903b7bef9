"""Files of data/prepared/ with a manifest that describes them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from overfitting.base import files
from overfitting.data.manifest import Manifest
from tests.builders.metrics import invented_data


def write_rows(arrays: Mapping[str, np.ndarray], scaling: Mapping[str, Any] | None = None, **manifest: Any) -> Manifest:
    """Write arrays, such as `pool_labels`, as float32, `scaling` and a manifest; the other files there stay."""
    files.PREPARED.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(files.PREPARED / f"{name}.npy", np.asarray(array, np.float32))
    if scaling is not None:
        files.write_json(files.SCALING, scaling)
    others = [path for path in files.PREPARED.iterdir() if path != files.MANIFEST]
    digests = {path.name: files.file_digest(path) for path in others}
    written = Manifest.model_validate({**invented_data(), **manifest, "files": digests})
    written.write(files.MANIFEST)
    return written
