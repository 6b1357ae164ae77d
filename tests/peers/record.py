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
import run  # noqa: E402

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
    """(does tcpdump open the loopback, what it said)."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["tcpdump", "-i", "lo", "-n", "-w", f"{folder}/none.pcap", "tcp port 1"]
        command[1:1] = ["-Z", "root"] if os.geteuid() == 0 else []
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        last = ""
        for last in process.stderr:
            if "listening on" in last:
                process.terminate()
                break
        process.wait()
        return "listening on" in last, last.strip()


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
        # Who may not capture here may do so in a user namespace with a network of its own.
        own = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]
        if "WSLENS_PEERS_NESTED" not in os.environ and shutil.which("unshare") and shutil.which("ip") \
                and subprocess.run([*own, "true"], capture_output=True).returncode == 0:
            script = 'ip link set lo up && exec "$@"'
            os.environ["WSLENS_PEERS_NESTED"] = "1"
            os.execvp("unshare", [*own, "sh", "-c", script, "sh", sys.executable, *sys.argv])
        skip(f"tcpdump may not capture on lo: {why}")
    try:
        command = run.command_of(arguments.peer, arguments.kit.resolve())
    except run.Missing as e:
        skip(e)
    plan = planned.conversation(f"{arguments.peer}-{arguments.seed}", messages=arguments.messages, **ABLE[arguments.peer])
    plan["port"] = free_port()
    with lib.Tcpdump(f"tcp port {plan['port']}") as capture:
        log = run.converse(command, plan)
    rows = log.truth(lib.client_ports(capture.packets))
    arguments.out.mkdir(parents=True, exist_ok=True)
    pcapng.write_pcap(arguments.out / "capture.pcap", capture.packets, capture.linktype)
    lib.write_messages(arguments.out / "messages.ndjson", rows)
    (arguments.out / "plan.json").write_text(json.dumps(plan, ensure_ascii=False, indent=1), "utf-8")
    print(f"{arguments.peer} seed {arguments.seed}: {len(capture.packets)} packets, {len(rows)} messages, deflate {plan['deflate']}")


main()
