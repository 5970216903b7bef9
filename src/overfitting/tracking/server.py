"""Starts MLflow's web server for `make ui`."""

import os
import socket
import sys
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.tracking import child_runs, parent_run
from overfitting.tracking.store import ENVIRONMENT, open_store, tracking_uri, without_password
from overfitting.tracking.sync import sync


def serve(root: Path, port: int) -> None:
    """Bring MLflow up to date, print its address and become its web server on 127.0.0.1, unless the server is remote.

    Raises:
        UserError: the port is taken.
    """
    uri = tracking_uri(root)
    remote = uri.startswith("http")
    if not remote:
        _check_port(port)
    page = ""
    if sync(root) and (metrics := child_runs.read_metrics(root)):
        page = parent_run.table_address(open_store(root, uri).experiment, metrics.run.fingerprint)
    print(f"MLflow: {without_password(uri) if remote else f'http://127.0.0.1:{port}'}/{page}", flush=True)
    if not remote:
        options = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        quiet = ["--uvicorn-opts", "--log-level warning"]  # otherwise one line per request
        command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", *options, *quiet]
        os.execve(sys.executable, command, {"PYTHONWARNINGS": "ignore", **ENVIRONMENT, **os.environ})


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            problem = f"port {port} of 127.0.0.1 is taken; choose another port: make ui PORT={port + 1}"
            raise UserError(problem) from None
