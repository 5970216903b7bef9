"""Writes a network as a `.keras` file whose bytes follow from the network alone, and reads it."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from overfitting.base import files
from overfitting.training.backend import keras

DATE = (1980, 1, 1, 0, 0, 0)  # of each entry: the first that a ZIP archive can state


def save(model: keras.Model, path: Path) -> None:
    """Write `model` to `path`, atomically; Keras loads it as any other file.

    Keras writes the time, and memory addresses as the identity of objects that layers share. Here the date is fixed,
    shared objects are numbered in order, and so are the entries of the archive.
    """
    with tempfile.TemporaryDirectory(".partial", dir=path.parent) as folder:
        written = Path(folder) / "model.keras"
        model.save(written)
        with zipfile.ZipFile(written) as archive:
            entries = {name: archive.read(name) for name in sorted(archive.namelist())}
    entries["config.json"] = _numbered(entries["config.json"])
    metadata = {"keras_version": keras.__version__, "date_saved": "1980-01-01@00:00:00"}
    entries["metadata.json"] = json.dumps(metadata).encode()
    with files.replacing(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content)


def load(path: Path) -> keras.Model:
    """The network in a file that `save` wrote. Nothing in the file is executed.

    Raises:
        UserError: the file is damaged, or holds code, such as a Lambda layer.
    """
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever a damaged file leads to
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise files.unusable(path, f"expected a network without code, as `train` writes it; {first}") from error


def _numbered(config: bytes) -> bytes:
    """The configuration with the identities of shared objects counted from 1, in order of appearance."""
    numbers: dict[int, int] = {}

    def number(found: dict[str, Any]) -> dict[str, Any]:
        if "shared_object_id" in found:
            found["shared_object_id"] = numbers.setdefault(found["shared_object_id"], len(numbers) + 1)
        return found

    return json.dumps(json.loads(config, object_hook=number)).encode()
