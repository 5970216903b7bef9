"""Starts MLflow's web server for `make ui`."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.tracking import child_runs, comparison, live
from overfitting.tracking.address import tracking_uri, without_secrets
from overfitting.tracking.store import ENVIRONMENT, open_store

FOLLOW = "from overfitting.tracking import live; live.follow()"  # beside the server


def serve(root: Path, port: int) -> None:
    """Bring MLflow up to date and print its address; unless it is remote, serve it on 127.0.0.1 and follow the files.

    Raises UserError if the port is taken.
    """
    uri = tracking_uri(root)
    remote = uri.startswith("http")
    if not remote:
        _check_port(port)
    page = ""
    if live.bring_up_to_date(root) and (metrics := child_runs.read_metrics(root)):
        page = comparison.table_address(open_store(root, uri).experiment, metrics.run.fingerprint)
    print(f"MLflow: {without_secrets(uri) if remote else f'http://127.0.0.1:{port}'}/{page}", flush=True)
    if not remote:
        options = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        hosts = f"localhost:{port},127.0.0.1:{port}"  # others are refused, so no page of the web can reach it by a name
        quiet = ["--uvicorn-opts", "--log-level warning"]  # otherwise one line per request
        command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", *options, "--allowed-hosts", hosts, *quiet]
        subprocess.Popen([sys.executable, "-c", FOLLOW], cwd=root, stdin=subprocess.DEVNULL)
        variables = {"PYTHONWARNINGS": "ignore", **ENVIRONMENT, **os.environ}
        os.execve(sys.executable, command, variables)  # noqa: S606 - no shell


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(
                f"port {port} of 127.0.0.1 is taken; choose another port: make ui PORT={port + 1}"
            ) from None
