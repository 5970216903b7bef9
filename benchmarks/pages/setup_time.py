"""Measure the set-up of fresh clones (`make .venv/main`), for docs/benchmarks.md.

    python -m benchmarks.pages.setup_time [WAY ...]

Each way sets up a clone twice: with an empty cache of downloads, as on a new machine, and with the cache that the first
time filled. Then a first import compiles what it loads. Processor seconds are of make and the programs that it starts;
unlike seconds they hardly depend on other work of the machine. Prints a line per way, in turns.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BEFORE = "0a84c46"  # all of TensorFlow, installed by pip
IMPORT = "import tensorflow, mlflow, dvc, sklearn"
# commit, whether uv is on PATH, variables of make; `false` stands for a uv that fails
WAYS = {
    "before": (BEFORE, False, ()),
    "pip": ("HEAD", False, ("UV=false",)),
    "pip installs uv": ("HEAD", False, ()),
    "uv": ("HEAD", True, ()),
}


def environment(cache: Path, uv: bool) -> dict[str, str]:
    """Variables of a shell without a virtual environment, whose PATH has uv or not and whose caches are in `cache`."""
    found = shutil.which("uv")
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder, "uv").exists()]
    if uv and found:
        (cache / "bin").mkdir(exist_ok=True)
        shutil.copy(found, cache / "bin/uv")
        folders.insert(0, str(cache / "bin"))
    return {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")},
        "PATH": os.pathsep.join(folders),
        "PIP_CACHE_DIR": str(cache / "pip"),
        "UV_CACHE_DIR": str(cache / "uv"),
        "PYTHON": getattr(sys, "_base_executable", sys.executable),
    }


def timed(*command: str, folder: Path, variables: dict[str, str]) -> tuple[float, float]:
    """Seconds and processor seconds of a command."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, used


def size(folder: Path) -> float:
    """Space that a folder takes on the disk, in GB."""
    done = subprocess.run(["du", "-sk", folder], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0]) * 1024 / 1e9


def measure(way: str, scratch: Path) -> None:
    """Set up a clone twice, and print one line of the table for each time."""
    commit, uv, settings = WAYS[way]
    cache = scratch / "cache"
    cache.mkdir()
    for state in ("empty", "full"):
        clone = scratch / "clone"
        subprocess.run(["git", "clone", "--quiet", "--shared", ".", clone], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=clone, check=True)
        variables = environment(cache, uv)
        seconds, used = timed("make", ".venv/main", *settings, folder=clone, variables=variables)
        disk = size(clone / ".venv")
        first, first_used = timed(".venv/bin/python", "-c", IMPORT, folder=clone, variables=variables)
        numbers = f"{seconds:.1f} | {used:.1f} | {first:.1f} | {first_used:.1f} | {used + first_used:.1f} | {disk:.2f}"
        print(f"| {way} | {state} | {numbers} |", flush=True)
        shutil.rmtree(clone)


def main() -> None:
    """Print the table."""
    print("| way | cache | s | processor s | import, s | import, processor s | processor s in all | .venv, GB |")
    print("|---|---|---|---|---|---|---|---|")
    for way in sys.argv[1:] or WAYS:
        with tempfile.TemporaryDirectory(prefix="overfitting-setup-") as scratch:
            measure(way, Path(scratch))


if __name__ == "__main__":
    main()
