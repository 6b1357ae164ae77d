"""What every maker needs: a private loopback, tcpdump around the traffic, the peers' own log.

A maker runs as root (or with the rights for a network namespace and raw sockets).
It moves itself into a network namespace of its own, so that the fixed ports are free,
nothing else is on the wire and nothing of the machine gets into the file. Where the
kernel refuses a namespace the machine's own loopback is used.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pcapng  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT.parent / "tests" / "peers"


def private_network(mtu=None):
    """Enters a new network namespace and brings its loopback up.

    With `mtu` the loopback gets that MTU and no segmentation offload, so that
    segments have the size they would have on a cable.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:
        print("no private network namespace; using the loopback of this machine", file=sys.stderr)
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if mtu:
        subprocess.run(["ip", "link", "set", "lo", "mtu", str(mtu)], check=True)
        offload_off("lo", checksums=False)


def offload_off(name, checksums=True):
    """ETHTOOL ioctls: segmentation and receive offload off, with `checksums` also checksum offload."""
    import fcntl
    import socket
    import struct

    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    commands = [0x1F, 0x24, 0x2C] + ([0x17, 0x15] if checksums else [])  # STSO SGSO SGRO, STXCSUM SRXCSUM
    for command in commands:
        value = ctypes.create_string_buffer(struct.pack("II", command, 0))
        request = struct.pack("16sP", name.encode(), ctypes.addressof(value))
        try:
            fcntl.ioctl(s.fileno(), 0x8946, request)  # SIOCETHTOOL
        except OSError as e:
            print(f"offload {command:#x} on {name}: {e}", file=sys.stderr)
    s.close()


class Tcpdump:
    """tcpdump on one interface from `with` to the end of every TCP connection it saw."""

    def __init__(self, expression, interface="lo", nano=False, prefix=(), wait=True):
        self.dir = tempfile.mkdtemp(prefix="wslens-capture-")
        self.file = os.path.join(self.dir, "c.pcap")
        self.wait = wait
        command = [*prefix, "tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", "0", "-B", "16384"]
        command += ["-Z", "root"] if os.geteuid() == 0 else []
        command += ["--time-stamp-precision=nano"] if nano else []
        self.command = [*command, "-w", self.file, expression]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on" in line:
                break
        else:
            raise SystemExit("tcpdump did not start: " + " ".join(self.command))
        self.noise = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.noise.start()
        return self

    def __exit__(self, kind, *_):
        deadline = time.monotonic() + (5 if kind is None and self.wait else 0)
        while time.monotonic() < deadline and not ended(self.read()[1]):
            time.sleep(0.05)
        time.sleep(0.15)  # the last ACK
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        self.linktype, self.packets = self.read()
        shutil.rmtree(self.dir, ignore_errors=True)

    def read(self):
        """(link type, packets) so far."""
        return pcapng.read_pcap(self.file) if os.path.exists(self.file) else (1, [])


def ended(packets):
    """Did every TCP connection see both FINs or a reset?"""
    flows = {}
    for p in packets:
        t = pcapng.tcp_of(p)
        if t is None:
            continue
        key = frozenset((t.src, t.dst))
        state = flows.setdefault(key, set())
        if t.syn:
            state.clear()
        if t.rst:
            state.update((t.src, t.dst))
        if t.fin:
            state.add(t.src)
    return bool(flows) and all(len(s) == 2 for s in flows.values())


class Log:
    """The application's own log: what the peers themselves sent and received.

    `c2s` rows of side `client` are what was sent, of side `server` what arrived (and the
    other way round). What was sent becomes messages.ndjson; what arrived must agree. A
    message counts as sent when its last frame is, so a ping inside a fragmented message
    comes before it.
    """

    def __init__(self):
        self.rows = []
        self.lock = threading.Lock()

    def add(self, side, sender, op, payload=b"", *, port=0, code=None, reason="", frames=None, note=None, at=None):
        """`sender` is "client" or "server"; `port` is the client's, it tells connections apart."""
        row = {"dir": "c2s" if sender == "client" else "s2c", "op": op}
        if op == "close":
            if code is not None:
                row |= {"code": code, "reason": reason}
        else:
            payload = payload.encode() if isinstance(payload, str) else bytes(payload)
            try:
                if op != "text":
                    raise ValueError
                row["text"] = payload.decode("utf-8")
            except ValueError:
                row["hex"] = payload.hex()
        with self.lock:
            extra = ({"frames": frames} if frames else {}) | ({"note": note} if note else {})
            self.rows.append((at or time.time(), port, side == sender, row, extra))

    def load(self, row):
        """A row that a peer in another process wrote."""
        payload = bytes.fromhex(row["hex"]) if "hex" in row else row.get("text", "")
        self.add(row["side"], row["sender"], row["op"], payload, port=row["port"], code=row.get("code"),
                 reason=row.get("reason", ""), frames=row.get("frames"), at=row.get("at"))

    def arrival_order(self):
        """Gives what was sent the time of its arrival.

        For libraries that may put a Pong on the wire before a message that was handed to them
        earlier (one that is compressed in another thread): who receives knows the order.
        """
        rows = list(self.rows)
        for direction in ("c2s", "s2c"):
            for control in (False, True):
                mine = [i for i, r in enumerate(rows) if r[3]["dir"] == direction
                        and (r[3]["op"] in ("ping", "pong", "close")) == control]
                sent, got = ([i for i in mine if rows[i][2] == side] for side in (True, False))
                for i, j in zip(sent, got):
                    rows[i] = (rows[j][0], *rows[i][1:])
        self.rows = rows

    def dump(self):
        """The rows in the form that `load` takes."""
        for at, port, sent, row, extra in self.rows:
            sender = "client" if row["dir"] == "c2s" else "server"
            side = sender if sent else "server" if sender == "client" else "client"
            yield {"side": side, "sender": sender, "port": port, "at": at, **{k: v for k, v in row.items() if k != "dir"}, **extra}

    def truth(self, order, check=True):
        """Rows as sent, in time order; `order` lists the client ports in order of their SYNs."""
        number = {port: i + 1 for i, port in enumerate(order)}
        ordered = sorted(self.rows, key=lambda r: r[0])
        sent = [r for r in ordered if r[2]]
        for port, direction in {(r[1], r[3]["dir"]) for r in self.rows} if check else ():
            for control in (False, True):
                there, here = ([r[3] for r in ordered if r[1] == port and r[3]["dir"] == direction and r[2] == side
                                and (r[3]["op"] in ("ping", "pong", "close")) == control] for side in (True, False))
                if there != here:
                    raise SystemExit(f"port {port} {direction}: sent\n{brief(there)}\nbut received\n{brief(here)}")
        return [{"conn": number[r[1]], "port": r[1], **r[3], **r[4]} for r in sent]


def brief(rows):
    """Rows for an error message."""
    return "\n".join(f"  {json.dumps(r, ensure_ascii=False)[:120]}" for r in rows)


def client_ports(packets):
    """Source ports of the SYNs without ACK, in order."""
    out = []
    for p in packets:
        t = pcapng.tcp_of(p)
        if t and t.syn and not t.flags & 16 and t.src[1] not in out:
            out.append(t.src[1])
    return out


def write_messages(path, rows):
    """One JSON object a line."""
    Path(path).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")


def peers(plan, peer, expression=None, interface="lo", nano=False):
    """Captures a planned conversation of one of the live peers of tests/peers; returns (capture, log)."""
    sys.path.insert(0, str(PEERS))
    import run

    command = run.command_of(peer, kit())
    with Tcpdump(expression or f"tcp port {plan['port']}", interface=interface, nano=nano) as capture:
        log = run.converse(command, plan)
    return capture, log


def kit():
    """The folder that tests/peers/setup.sh filled."""
    return Path(os.environ.get("PEERS_KIT", ROOT.parent / "target" / "peers")).resolve()


def version_of(command, pattern=r"([0-9][0-9.]*)"):
    """The first thing like a version in what a command prints."""
    out = subprocess.run(command, capture_output=True, text=True)
    found = re.search(pattern, out.stdout + out.stderr)
    return found[1] if found else "?"


def python_package(name):
    """The version of a package in the peers' Python."""
    python = kit() / "venv" / "bin" / "python"
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return version_of([str(python) if python.exists() else sys.executable, "-c", code])


def finish(name, capture, log, *, made_with, file="capture.pcapng", comment="", nano=False, check=True, packets=None,
           linktype=None, interfaces=("lo",), annotate=None, secrets=b""):
    """Writes captures/NAME/{capture,messages.ndjson} and the "Made with" line of its README."""
    folder = ROOT / name
    packets = capture.packets if packets is None else packets
    order = client_ports(capture.packets)
    rows = log.truth(order, check)
    if annotate:
        annotate(rows)
    path = folder / file
    linktype = capture.linktype if linktype is None else linktype
    if ".pcapng" in file:
        pcapng.write_pcapng(path, packets, linktype, interfaces, comment, nano, secrets)
    else:
        pcapng.write_pcap(path, packets, linktype, nano)
    write_messages(folder / "messages.ndjson", rows)
    readme = folder / "README.md"
    line = f"Made with: {made_with}; {tcpdump_version()}."
    if readme.exists():
        text = re.sub(r"(?m)^Made with:.*$", lambda _: line, readme.read_text("utf-8"))
        readme.write_text(text, "utf-8")
    print(f"{name}: {len(packets)} packets, {path.stat().st_size} bytes, {len(order)} connections, {len(rows)} messages")


def tcpdump_version():
    """`tcpdump 4.99.3, libpcap 1.10.3`, without build details."""
    text = subprocess.run(["tcpdump", "--version"], capture_output=True, text=True)
    text = text.stdout + text.stderr
    out = re.search(r"tcpdump version (\S+)", text)
    lib = re.search(r"libpcap version (\S+)", text)
    return f"tcpdump {out[1]}, libpcap {lib[1]}"


def python_version():
    """`Python 3.11.7`."""
    return "Python " + sys.version.split()[0]
