"""Timeline of `make repro` in a fresh clone: start, end and processor use of each step -> standard output, Markdown.

    python benchmarks/pages/timeline.py [COMMIT] [KEY=VALUE ...]

COMMIT is that of this repository by default. `KEY=VALUE` sets a value of conf/training/default.yaml, such as epochs=6,
for a comparison of two commits in less time. Nothing else should run meanwhile: processor use is that of the computer.
"""

import re
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
INTERVAL = 0.25  # seconds between two looks
STEP = re.compile(r"-m overfitting (\S+(?: (?:variant|baseline)=\S+)?)|((?:uv )?pip) install")


def step(process: psutil.Process) -> str:
    """What the newest descendant of `process` with a known command line does."""
    found = "start-up and `dvc`"
    for child in process.children(recursive=True):
        try:
            match = STEP.search(" ".join(child.cmdline()))
        except psutil.Error:
            continue
        if match:
            found = f"`{match[1]}`" if match[1] else "set-up"
    return found


def busy() -> float:
    """Seconds that all cores have worked."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def main() -> None:
    """Clone, run, look, print."""
    commit = next((text for text in sys.argv[1:] if "=" not in text), "HEAD")
    with tempfile.TemporaryDirectory(prefix="overfitting-timeline-") as folder:
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), folder], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder, check=True)
        training = Path(folder, "conf/training/default.yaml")
        for key, value in (text.split("=") for text in sys.argv[1:] if "=" in text):
            training.write_text(re.sub(rf"(?m)^{key}: .*", f"{key}: {value}", training.read_text()))
        began, worked = time.monotonic(), busy()
        marks = [("start", began, worked)]
        running = psutil.Popen(["make", "repro"], cwd=folder, stdout=sys.stderr)
        while running.poll() is None:
            name = step(running)
            if name != marks[-1][0]:
                marks.append((name, time.monotonic(), busy()))
            time.sleep(INTERVAL)
        marks.append(("end", time.monotonic(), busy()))
        changes = subprocess.run(["git", "status", "--short"], cwd=folder, capture_output=True, text=True, check=True)
    cores = psutil.cpu_count() or 1
    print("| step | start, s | end, s | processor use |\n|---|---|---|---|")
    for (name, start, before), (_, end, after) in pairwise(marks[1:]):
        seconds = end - start
        if seconds >= 1:
            use = (after - before) / seconds / cores
            print(f"| {name} | {start - began:.0f} | {end - began:.0f} | {use:.0%} |")
    _, end, after = marks[-1]
    print(f"| all | 0 | {end - began:.0f} | {(after - worked) / (end - began) / cores:.0%} |\n")
    print(f"exit status {running.returncode}; git status: {changes.stdout.strip() or 'clean'}")


if __name__ == "__main__":
    main()
