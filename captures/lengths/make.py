"""Payloads of 0, 1, 125, 126, 127, 65 535 and 65 536 bytes in both directions. 127.0.0.1:18084, 1500-byte MTU.

By hand, because only so the last frame is the unmasked 64 KiB example of RFC 6455
section 5.7: 82 7f 00 00 00 00 00 01 00 00. The payloads repeat, so the gzipped file is small.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18084
SIZES = [0, 1, 125, 126, 127, 65535, 65536]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def text(n):
    return (ALPHABET * (n // 26 + 1))[:n]


def handle(sock, port, _):
    peer = raw.server(sock, port, log)
    for n in SIZES[:-1]:
        peer.receive()
        peer.send(raw.TEXT, text(n))
    peer.receive()
    payload = bytes(range(256)) * 256
    peer.send(raw.BINARY, payload, raw=bytes.fromhex("827f0000000000010000") + payload)
    peer.receive()
    peer.close(1000)
    sock.close()


lib.private_network(mtu=1500)
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle)
    peer = raw.client(PORT, log)
    for n in SIZES:
        peer.send(raw.TEXT, text(n))
        peer.receive()
    peer.close(1000)
    peer.receive()
    peer.sock.recv(1)
    peer.sock.close()
    server.join()
lib.finish("lengths", capture, log, file="capture.pcapng.gz", made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="payload lengths around the borders of the three length forms")
