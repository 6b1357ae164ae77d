"""What RFC 6455 forbids, one violation per connection (the path names it). 127.0.0.1:18101."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18101
f, m = raw.frame, raw.masked
# path, who, frames as (op, payload, bytes on the wire), RFC 6455 section
CASES = [
    ("/unmasked-client", "client", [(raw.TEXT, b"no mask", f(raw.TEXT, b"no mask"))], "5.1"),
    ("/masked-server", "server", [(raw.TEXT, b"masked", m(raw.TEXT, b"masked"))], "5.1"),
    ("/zero-mask", "client", [(raw.TEXT, b"key 0", f(raw.TEXT, b"key 0", mask=bytes(4)))], "5.3"),
    ("/length-16-for-5", "client", [(raw.TEXT, b"Hello", m(raw.TEXT, b"Hello", form=16))], "5.2"),
    ("/length-64-for-300", "server", [(raw.BINARY, bytes(300), f(raw.BINARY, bytes(300), form=64))], "5.2"),
    ("/invalid-utf-8", "client", [(raw.TEXT, b"caf\xe9 \xff\xfe", m(raw.TEXT, b"caf\xe9 \xff\xfe"))], "5.6, 8.1"),
    ("/surrogate", "server", [(raw.TEXT, b"\xed\xa0\x80", f(raw.TEXT, b"\xed\xa0\x80"))], "5.6, 8.1"),
    ("/opcode-3", "client", [(3, b"what?", m(3, b"what?"))], "5.2"),
    ("/opcode-11", "server", [(11, b"what?", f(11, b"what?"))], "5.2"),
    ("/ping-130", "server", [(raw.PING, b"p" * 130, f(raw.PING, b"p" * 130))], "5.5"),
    ("/fragmented-ping", "client", [(raw.PING, b"frag", m(raw.PING, b"frag", fin=0))], "5.5"),
    ("/rsv1-not-negotiated", "client", [(raw.TEXT, b"rsv1", m(raw.TEXT, b"rsv1", rsv=4))], "5.2"),
    ("/rsv2", "server", [(raw.TEXT, b"rsv2", f(raw.TEXT, b"rsv2", rsv=2))], "5.2"),
    ("/lone-continuation", "client", [(raw.CONT, b"lone", m(raw.CONT, b"lone"))], "5.4"),
    ("/text-inside-message", "server", [(raw.TEXT, b"first, never ended", f(raw.TEXT, b"first, never ended", fin=0)),
                                        (raw.TEXT, b"second", f(raw.TEXT, b"second"))], "5.4"),
    ("/close-1005", "client", [(raw.CLOSE, raw.close_body(1005), m(raw.CLOSE, raw.close_body(1005)))], "7.4.1"),
    ("/close-999", "server", [(raw.CLOSE, raw.close_body(999, "too low"), f(raw.CLOSE, raw.close_body(999, "too low")))], "7.4.2"),
    ("/close-one-byte", "client", [(raw.CLOSE, b"\x03", m(raw.CLOSE, b"\x03"))], "5.5.1"),
    ("/close-bad-reason", "server", [(raw.CLOSE, b"\x03\xe8\xff\xff", f(raw.CLOSE, b"\x03\xe8\xff\xff"))], "5.5.1"),
    ("/data-after-close", "client", [(raw.CLOSE, raw.close_body(1000), m(raw.CLOSE, raw.close_body(1000))),
                                     (raw.TEXT, b"one more thing", m(raw.TEXT, b"one more thing"))], "5.5.1"),
    ("/length-top-bit", "client", [(raw.BINARY, b"", bytes.fromhex("82ff8000000000000001") + os.urandom(4))], "5.2"),
]


def record(peer, op, payload, note):
    """What is sent goes into the log as it is, whatever it is."""
    if op == raw.CLOSE and (len(payload) == 1 or b"\xff" in payload):
        log.add(peer.side, peer.side, "close", port=peer.port, note=note + " body " + payload.hex())
    elif op == raw.CONT:
        log.add(peer.side, peer.side, "continuation", payload, port=peer.port, note=note)
    else:
        peer.put(peer.side, op, payload, note=note)


def offend(peer, case):
    path, _, frames, section = case
    peer.send(raw.TEXT, "before")
    for i, (op, payload, wire) in enumerate(frames):
        # In the two cases of two frames the second one is the offender.
        record(peer, op, payload, f"violates RFC 6455 section {section}" if i == len(frames) - 1 else None)
        peer.sock.sendall(wire)
    closed = any(op == raw.CLOSE for op, *_ in frames)
    if not closed and path != "/length-top-bit":
        peer.send(raw.TEXT, "after")
        peer.close(1000)
    peer.sock.shutdown(1)


def endure(peer):
    """Reads whatever comes, does not judge; answers a Close if it can."""
    while True:
        try:
            got = peer.sock.recv(65536)
        except OSError:
            return
        if not got:
            peer.sock.close()
            return


def handle(sock, port, i):
    peer = raw.server(sock, port, log)
    (offend if CASES[i][1] == "server" else endure)(*([peer, CASES[i]] if CASES[i][1] == "server" else [peer]))
    endure(peer)
    sock.close()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle, len(CASES))
    for case in CASES:
        peer = raw.client(PORT, log, case[0])
        if case[1] == "client":
            offend(peer, case)
        endure(peer)
        peer.sock.close()
    server.join()
lib.finish("violations", capture, log, check=False, made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="one violation of RFC 6455 per connection")
