"""Starts a peer with a plan and takes its rows."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import plan as planned  # noqa: E402

sys.path.insert(0, str(planned.MAKE))
import lib  # noqa: E402


class Missing(Exception):
    """A tool or a library is not there."""


def command_of(peer, kit):
    """How the peer is started, or Missing."""
    python = kit / "venv" / "bin" / "python"
    python = str(python) if os.access(python, os.X_OK) else sys.executable
    if peer in ("websockets", "aiohttp", "chromium"):
        module = "aiohttp" if peer == "aiohttp" else "websockets"
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode:
            raise Missing(f"no Python module {module} (run tests/peers/setup.sh)")
        if peer == "chromium":
            names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
            found = next((path for name in names if name and (path := shutil.which(name))), None)
            if not found:
                raise Missing("no chromium")
            return [python, str(HERE / "peer_chromium.py")], {"CHROMIUM": found}
        return [python, str(HERE / f"peer_{peer}.py")], {}
    if peer == "node":
        modules = kit / "node_modules"
        if not shutil.which("node"):
            raise Missing("no node")
        if not (modules / "ws").is_dir():
            raise Missing(f"no npm package ws in {modules} (run tests/peers/setup.sh)")
        return ["node", str(HERE / "peer_node.mjs")], {"NODE_MODULES": str(modules)}
    found = kit / "peer-tungstenite"
    if not found.exists():
        raise Missing(f"no {found} (run tests/peers/setup.sh)")
    return [str(found)], {}


def converse(command, plan):
    """Runs the peer with a plan; returns a Log of its rows."""
    command, environment = command
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(plan, file)
        file.flush()
        done = subprocess.run([*command, file.name], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise SystemExit(f"peer failed: {done.stderr}")
    log = lib.Log()
    for line in done.stdout.splitlines():
        log.load(json.loads(line))
    return log
