"""How far results move on other arithmetic -> docs/reproducibility.md, from which `make verify` has its tolerance.

    python benchmarks/pages/reproducibility.py [NAME=PYTHON ...]

Trains some variants of the comparison again under each environment below, on the prepared rows of the current folder,
and compares test log loss and AUC with the first environment. `NAME=PYTHON` adds another interpreter, such as one with
other library versions. Takes about four minutes per environment on two cores. Finished environments are kept in
scratch/reproducibility.json.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from overfitting.base import files

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reproducibility.md"
START, END = "<!-- measured -->\n", "<!-- /measured -->\n"
KEPT = ROOT / "scratch/reproducibility.json"
VARIANTS = ("tiny", "medium", "large", "l2", "l2_dropout")
SEEDS = (0, 1)
ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {  # the first is the reference
    "as in the comparison": {},
    "the same again": {},
    "2 threads": {"THREADS": "2"},
    "oneDNN's operations on": {"TF_ENABLE_ONEDNN_OPTS": "1"},
    "oneDNN's operations off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN limited to AVX": {"ONEDNN_MAX_CPU_ISA": "AVX"},
}


def train(variant: str, seed: int) -> dict[str, object]:
    """Train one run in this process; test log loss, AUC, best epoch and weights' digest."""
    import hashlib

    import numpy as np

    from overfitting.config.composition import compose_config
    from overfitting.data.manifest import Manifest
    from overfitting.data.replicates import sample
    from overfitting.evaluation.metrics import auc_rows
    from overfitting.training import backend, loop, network, rows
    from overfitting.training.epoch import Spec
    from overfitting.training.loss import log_loss_rows

    backend.start(threads=int(os.environ.get("THREADS", "1")))
    config = compose_config([f"variant={variant}"])
    spec = Spec(config.variant, config.training, seed)
    trained = loop.train(spec, rows.read(sample(Manifest.read(files.MANIFEST), seed)))
    features, labels = files.read_rows("test")
    logits = network.predict(trained.early, features)[None]
    labels = np.asarray(labels, np.float64)
    return {
        "log_loss": float(log_loss_rows(labels, logits).mean()),
        "auc": float(auc_rows(labels, logits).mean()),
        "best_epoch": trained.outcome.best_epoch,
        "weights": hashlib.sha256(b"".join(w.tobytes() for w in trained.early.get_weights())).hexdigest(),
    }


def measured(python: str, settings: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Results of all runs under an interpreter and settings, two processes at a time."""
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT / "src")}
    jobs = [(variant, seed) for seed in SEEDS for variant in VARIANTS]
    with tempfile.TemporaryDirectory() as folder:

        def process(names: list[tuple[str, int]], number: int) -> "subprocess.Popen[bytes]":
            command = [python, __file__, "--train", f"{folder}/{number}", *(f"{v}/{s}" for v, s in names)]
            return subprocess.Popen(command, env=environment)

        running = [process(jobs[number::2], number) for number in (0, 1)]
        if any(found.wait() for found in running):
            sys.exit(f"a training failed under {python} with {dict(settings)}")
        found = [json.loads(Path(folder, str(number)).read_text()) for number in (0, 1)]
    return {**found[0], **found[1]}


def compared(reference: Mapping[str, dict[str, object]], found: Mapping[str, dict[str, object]]) -> list[str]:
    """Cells of an environment: equal runs and best epochs, largest differences of one run and of a variant's mean."""
    equal = sum(found[name]["weights"] == reference[name]["weights"] for name in reference)
    epochs = sum(found[name]["best_epoch"] == reference[name]["best_epoch"] for name in reference)
    cells = [f"{equal} of {len(reference)}", f"{epochs} of {len(reference)}"]
    for key in ("log_loss", "auc"):
        difference = {name: float(found[name][key]) - float(reference[name][key]) for name in reference}  # type: ignore[arg-type]
        means = [sum(difference[f"{variant}/{seed}"] for seed in SEEDS) / len(SEEDS) for variant in VARIANTS]
        cells += [f"{max(map(abs, difference.values())):.1e}", f"{max(map(abs, means)):.1e}"]
    return cells


def main() -> None:
    """Measure all environments and write the page."""
    if sys.argv[1:2] == ["--train"]:
        _, _, file, *names = sys.argv
        results = {name: train(name.partition("/")[0], int(name.partition("/")[2])) for name in names}
        Path(file).write_text(json.dumps(results))
        return
    environments = {name: (sys.executable, settings) for name, settings in ENVIRONMENTS.items()}
    environments |= {name: (python, {}) for name, _, python in (text.partition("=") for text in sys.argv[1:])}
    found = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    for name, (python, settings) in environments.items():
        if name not in found:
            found[name] = measured(python, settings)
            files.write_json(KEPT, found)
    first, *others = environments
    header = ["environment", "runs with equal weights", "equal best epochs"]
    header += ["test log loss: one run", "mean of a variant", "AUC: one run", "mean of a variant"]
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join([name, *compared(found[first], found[name])])} |" for name in others]
    text = PAGE.read_text()
    start, end = text.index(START) + len(START), text.index(END)
    PAGE.write_text(text[:start] + "\n".join(lines) + "\n" + text[end:])


if __name__ == "__main__":
    main()
