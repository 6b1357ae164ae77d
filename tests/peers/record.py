#!/usr/bin/env python3
"""Records a seeded conversation of real peers: DIR/capture.pcap and DIR/messages.ndjson.

    record.py --peer websockets|aiohttp|node|tungstenite|chromium --out DIR [--seed N] [--kit DIR]

The capture is made with tcpdump on the loopback; messages.ndjson is what the peers
themselves say they sent, checked against what they say they received. Nothing is
installed: setup.sh puts the libraries into a folder (default target/peers).
Exit status 0 = recorded, 77 = skipped (the reason is on stderr), 1 = failed.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import plan as planned  # noqa: E402

sys.path.insert(0, str(planned.MAKE))
import lib  # noqa: E402
import pcapng  # noqa: E402

BITS = ("server_max_window_bits", "client_max_window_bits")
TAKEOVER = ("server_no_context_takeover", "client_no_context_takeover")
# What each peer is able to do: who can ping and fragment (client, server), what deflate it negotiates.
ABLE = {
    "websockets": {"deflate": (*BITS, *TAKEOVER)},
    "aiohttp": {"cuts": (False, False), "deflate": BITS[:1]},
    "node": {"deflate": (*BITS, *TAKEOVER)},
    "tungstenite": {},
    "chromium": {"pings": (False, True), "cuts": (False, True), "deflate": (*BITS, *TAKEOVER),
                 "codes": [1000, 3000, 3999, 4000, 4001, 4999]},
}


def skip(why):
    """Ends with the status for "could not be run here"."""
    print(f"skipped: {why}", file=sys.stderr)
    raise SystemExit(77)


def free_port():
    """A port that is free, and so is the next one."""
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            port = a.getsockname()[1]
            try:
                b.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue


def may_capture():
    """Does tcpdump open the loopback?"""
    command = ["tcpdump", "-i", "lo", "-n", "-c", "1", "-w", os.devnull, "tcp port 1"]
    command[1:1] = ["-Z", "root"] if os.geteuid() == 0 else []
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "listening on" in line:
            process.terminate()
            process.wait()
            return True, ""
        last = line.strip()
    process.wait()
    return False, last


def command_of(peer, kit):
    """How the peer is started, or a skip."""
    python = kit / "venv" / "bin" / "python"
    python = str(python) if python.exists() else sys.executable
    if peer in ("websockets", "aiohttp", "chromium"):
        module = "aiohttp" if peer == "aiohttp" else "websockets"
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode:
            skip(f"no Python module {module} (run tests/peers/setup.sh)")
        if peer == "chromium":
            names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
            if not any(name and shutil.which(name) for name in names):
                skip("no chromium")
        return [python, str(HERE / f"peer_{peer}.py")], {}
    if peer == "node":
        modules = kit / "node_modules"
        if not shutil.which("node"):
            skip("no node")
        if not (modules / "ws").is_dir():
            skip(f"no npm package ws in {modules} (run tests/peers/setup.sh)")
        return ["node", str(HERE / "peer_node.mjs")], {"NODE_MODULES": str(modules)}
    found = kit / "peer-tungstenite"
    if not found.exists():
        skip(f"no {found} (run tests/peers/setup.sh)")
    return [str(found)], {}


def converse(command, environment, plan):
    """Runs the peer; returns a Log of its rows."""
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


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--peer", required=True, choices=list(ABLE))
    arguments.add_argument("--out", required=True, type=Path)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--messages", type=int, default=24, help="at most so many per direction")
    arguments.add_argument("--kit", type=Path, default=HERE.parent.parent / "target" / "peers")
    arguments = arguments.parse_args()
    if not shutil.which("tcpdump"):
        skip("no tcpdump")
    allowed, why = may_capture()
    if not allowed:
        # Root of a user namespace may capture in a network of its own.
        if "WSLENS_PEERS_NESTED" not in os.environ and shutil.which("unshare") and shutil.which("ip") \
                and subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0:
            script = 'ip link set lo up && exec "$@"'
            os.environ["WSLENS_PEERS_NESTED"] = "1"
            os.execvp("unshare", ["unshare", "-rn", "sh", "-c", script, "sh", sys.executable, *sys.argv])
        skip(f"tcpdump may not capture on lo: {why}")
    command, environment = command_of(arguments.peer, arguments.kit.resolve())
    plan = planned.conversation(f"{arguments.peer}-{arguments.seed}", messages=arguments.messages, **ABLE[arguments.peer])
    plan["port"] = free_port()
    with lib.Tcpdump(f"tcp port {plan['port']}") as capture:
        log = converse(command, environment, plan)
    rows = log.truth(lib.client_ports(capture.packets))
    arguments.out.mkdir(parents=True, exist_ok=True)
    pcapng.write_pcap(arguments.out / "capture.pcap", capture.packets, capture.linktype)
    lib.write_messages(arguments.out / "messages.ndjson", rows)
    (arguments.out / "plan.json").write_text(json.dumps(plan, ensure_ascii=False, indent=1), "utf-8")
    print(f"{arguments.peer} seed {arguments.seed}: {len(capture.packets)} packets, {len(rows)} messages, deflate {plan['deflate']}")


main()
