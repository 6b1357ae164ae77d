"""The examples of RFC 6455 section 5.7, byte for byte, on 127.0.0.1:18081."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18081
UNMASKED_HELLO = bytes.fromhex("810548656c6c6f")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")
FRAGMENTS = bytes.fromhex("010348656c"), bytes.fromhex("80026c6f")
PING, MASKED_PONG = bytes.fromhex("890548656c6c6f"), bytes.fromhex("8a8537fa213d7f9f4d5158")
BINARY = bytes.fromhex("827e0100") + bytes(range(256))


def handle(sock, port, _):
    peer = raw.server(sock, port, log)
    peer.send(raw.TEXT, "Hello", raw=UNMASKED_HELLO)
    peer.receive()  # the masked Hello
    peer.put("server", raw.TEXT, b"Hello", frames=2)
    for part in FRAGMENTS:
        sock.sendall(part)
    peer.send(raw.PING, b"Hello", raw=PING)
    peer.receive()  # the masked Pong
    peer.send(raw.BINARY, bytes(range(256)), raw=BINARY)
    peer.receive()
    peer.close(1000)
    sock.close()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle)
    peer = raw.client(PORT, log, "/chat", raw.RFC_KEY, extra=["Origin: http://example.com"])
    peer.receive()
    peer.send(raw.TEXT, "Hello", raw=MASKED_HELLO)
    peer.receive()
    peer.receive()
    peer.send(raw.PONG, b"Hello", raw=MASKED_PONG)
    peer.receive()
    peer.close(1000)
    peer.receive()
    peer.sock.recv(1)
    peer.sock.close()
    server.join()
lib.finish("rfc-5-7", capture, log, made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="the examples of RFC 6455 section 5.7")
