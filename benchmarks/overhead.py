"""What is paid beside the training: logging to MLflow, the display of progress, a `dvc repro` with nothing to do."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from overfitting.scratch import DVC, TINY, copy_project, environment, reproduce


@contextmanager
def nothing_to_do(root: Path) -> Iterator[dict[str, Callable[[], float]]]:
    """Seconds of `dvc repro` and of `dvc status` in a scratch copy of `root` that is up to date."""
    with tempfile.TemporaryDirectory(prefix="overfitting-bench-") as scratch:
        project = Path(scratch)
        copy_project(root, project, {**TINY, "variants": ["tiny", "large"], "seeds": [0]})
        if reproduce(project):
            raise SystemExit("the pipeline failed")

        def seconds(command: str) -> float:
            began = time.perf_counter()
            subprocess.run(
                [*DVC, command], cwd=project, env=environment(project), check=True, stdout=subprocess.DEVNULL
            )
            return time.perf_counter() - began

        yield {command: lambda command=command: seconds(command) for command in ("repro", "status")}
