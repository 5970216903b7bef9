"""A tracking server as teams run it: MLflow over PostgreSQL, with a folder for artifacts."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSTGRES_USER = "postgres"  # created by Debian's package; PostgreSQL refuses to run as root


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres() -> Iterator[str]:
    """Address of an empty database in a new cluster."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = str(programs[-1] / "initdb") if programs else shutil.which("initdb")
    assert found, "no PostgreSQL; on Debian: apt install postgresql"
    folder, port = Path(tempfile.mkdtemp(prefix="overfitting-postgres-")), free_port()
    if os.getuid() == 0:
        shutil.chown(folder, POSTGRES_USER)
    options = f"-c listen_addresses=127.0.0.1 -c fsync=off -p {port} -k {folder}"
    control = [str(Path(found).with_name("pg_ctl")), "-D", str(folder / "data"), "-w", "-l", str(folder / "log")]
    try:
        _as_user([found, "-D", str(folder / "data"), "-A", "trust", "-U", "overfitting", "-E", "UTF8"])
        _as_user([*control, "-o", options, "start"])
        yield f"postgresql+psycopg2://overfitting@127.0.0.1:{port}/postgres"
    finally:
        _as_user([*control, "-m", "immediate", "stop"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def tracking_server(database: str, artifacts: Path) -> Iterator[str]:
    """Address of an MLflow server over `database` that stores its clients' artifacts in `artifacts`."""
    port = free_port()
    where = ["--backend-store-uri", database, "--artifacts-destination", artifacts.resolve().as_uri()]
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", *where, "--host", "127.0.0.1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, "--port", str(port), "--workers", "1"], env=environment, **quiet) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Return once the address answers; fails if the process ends."""
    for _ in range(600):
        assert process.poll() is None, "the server stopped"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(url)


def _as_user(command: list[str], check: bool = True) -> None:
    """Run a program of PostgreSQL without its output; as root, run it as PostgreSQL's user."""
    user = {"user": POSTGRES_USER, "group": POSTGRES_USER, "extra_groups": []} if os.getuid() == 0 else {}
    subprocess.run(command, cwd="/", check=check, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **user)
