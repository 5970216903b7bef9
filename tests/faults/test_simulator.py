"""A share of what `make faults` tries."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.skipif(sys.platform != "linux", reason="preloads a library")
def test_an_interrupted_stage_ends_with_the_same_bytes_when_it_runs_again():
    command = [sys.executable, "-m", "tests.faults.simulator", "50", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"50 interruptions with seed 1: 50 survived, 0 not\n$", done.stdout)
