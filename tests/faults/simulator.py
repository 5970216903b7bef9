"""Interrupts stages at every kind of operation on files: `python -m tests.faults.simulator 500`, or `make faults`.

A stage runs in a fork of this process, in which a preloaded library (interrupt.c) counts writes, renames, fsyncs,
removals and process starts, and interrupts one of them: the process is killed, the disk is full from then on, the disk
fails once, or half of the data is written before the process is killed. Then the stage runs again, in another fork. It
has to end with the bytes of a stage that nothing disturbed.
"""

import argparse
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT
from tests.faults import project

FAULTS = {"killed": 1, "disk full": 2, "I/O error": 3, "torn write": 4}
# shares of the stages; a training takes three seconds, most of them for TensorFlow
SHARES = {"download": 0.25, "preprocess": 0.35, "train": 0.1, "baseline": 0.1, "evaluate": 0.1, "report": 0.1}


class Outcome(NamedTuple):
    """How a process ended: by a signal (negative) or with a status, what it said, and its operations on files."""

    status: int
    message: str
    operations: int


def library(folder: Path) -> Path:
    """The compiled library."""
    built = folder / "interrupt.so"
    source = Path(__file__).with_name("interrupt.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
    return built


def fork(root: Path, work: Callable[[], None], place: int = 0, fault: int = 0) -> Outcome:
    """Run `work` in a fork of this process, interrupted at the operation `place` (0: never)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        interrupt = ctypes.CDLL(os.environ["LD_PRELOAD"])
        interrupt.interrupt_arm(ctypes.c_long(place), fault)
        status, message = project.ended(root, work)
        os.write(writing, json.dumps([status, message, interrupt.interrupt_count()]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    _, ended = os.waitpid(child, 0)
    signalled = os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else 0
    return Outcome(*json.loads(said)) if said else Outcome(-signalled, "", 0)


def prepare(root: Path) -> dict[str, tuple[Path, dict[str, bytes], int]]:
    """For each stage: the project before it, its outputs, and the number of its operations."""
    current, found = root / "start", {}
    project.make(current)
    for name, stage in project.STAGES.items():
        before, current = current, root / name
        shutil.copytree(before, current)
        done = fork(current, stage)
        assert done.status == project.OK, (name, done)
        found[name] = (before, project.outputs(current, name), done.operations)
    return found


def interrupted(before: Path, name: str, expected: dict[str, bytes], place: int, fault: str, scratch: Path) -> str:
    """Interrupt a stage and run it again; returns how the first ended, or raises an AssertionError."""
    case = f"{name}: {fault} at operation {place}"
    shutil.copytree(before, scratch)
    try:
        first = fork(scratch, project.STAGES[name], place, FAULTS[fault])
        if first.status == project.OK:  # an operation that does not count, such as a removal that failed
            assert project.outputs(scratch, name) == expected, f"{case}: other bytes without an error"
        else:
            assert first.status in (-signal.SIGKILL, project.CLEAR), f"{case}: {first}"
            may_leave = first.status < 0 or fault == "I/O error"  # which a removal can meet, too
            assert may_leave or not left(scratch), f"{case}: left {left(scratch)}"
        second = fork(scratch, project.STAGES[name])
        assert second.status == project.OK, f"{case}: cannot be run again: {second}"
        changed = differing(project.outputs(scratch, name), expected)
        assert not changed, f"{case}: other bytes in {changed} when run again"
        assert not left(scratch), f"{case}: left {left(scratch)} when run again"
    finally:
        shutil.rmtree(scratch)
    return {0: "no effect", project.CLEAR: "one clear error"}.get(first.status, "killed")


def left(root: Path) -> list[str]:
    """Temporary files, which a stage removes."""
    return [str(path.relative_to(root)) for path in root.rglob("*.partial")]


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def run(count: int, seed: int, folder: Path) -> int:
    """Try `count` interruptions; print how they ended and return the number of failures."""
    for name in ("loop", "checkpoint", "keras_file"):
        __import__(f"overfitting.training.{name}")  # what a fork need not load again
    for name in ("download", "preprocess", "train", "baseline", "evaluate", "report"):
        __import__(f"overfitting.stages.{name}")
    for name in ("overfitting.data.sources.table.source", "overfitting.evaluation.classifiers"):
        __import__(name)
    subprocess._USE_VFORK = False  # type: ignore[attr-defined]  # `vfork` cannot be interrupted
    stages = prepare(folder / "made")
    print("operations on files:", ", ".join(f"{name} {found[2]}" for name, found in stages.items()), flush=True)
    generator, ends, failures = random.Random(seed), Counter[tuple[str, str]](), []
    for number in range(count):
        name = generator.choices(list(SHARES), list(SHARES.values()))[0]
        before, expected, operations = stages[name]
        fault, place = generator.choice(list(FAULTS)), generator.randint(1, operations)
        try:
            ends[name, f"{fault}: {interrupted(before, name, expected, place, fault, folder / 'case')}"] += 1
        except AssertionError as error:
            failures.append(str(error))
            print(f"FAILED {error}", flush=True)
        if (number + 1) % 20 == 0:
            print(f"{number + 1} of {count}", flush=True)
    for (name, end), found in sorted(ends.items()):
        print(f"{name:11} {end:28} {found:4}")
    print(f"{count} interruptions with seed {seed}: {count - len(failures)} survived, {len(failures)} not")
    return len(failures)


def main() -> None:
    """Build the library, start again with it, and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if "interrupt.so" in os.environ.get("LD_PRELOAD", ""):
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(run(chosen.count, chosen.seed, Path(folder)) > 0)
    with tempfile.TemporaryDirectory() as folder:
        copied = shutil.copytree(ROOT / "src", Path(folder) / "src")  # so that an edit meanwhile changes no fingerprint
        more = {"LD_PRELOAD": str(library(Path(folder))), "PYTHONPATH": str(copied), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "tests.faults.simulator", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env={**os.environ, **more}, check=False).returncode)


if __name__ == "__main__":
    main()
