"""Ten ways for a connection to end, each its own connection to 127.0.0.1:18085."""

import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18085
RESET = struct.pack("ii", 1, 0)  # SO_LINGER 0: close() sends RST


def echo_close(peer):
    """Waits for a Close and answers it as RFC 6455 section 5.5.1 wants."""
    op, body = peer.receive()
    assert op == raw.CLOSE
    code = struct.unpack(">H", body[:2])[0] if body else None
    peer.close(code, body[2:].decode())


def by_client(code=None, reason=""):
    def client(peer):
        peer.close(code, reason)
        peer.receive()
        peer.sock.recv(1)
    return client, lambda peer: echo_close(peer)


def by_server(code=None, reason=""):
    def client(peer):
        echo_close(peer)
        peer.sock.recv(1)

    def server(peer):
        peer.close(code, reason)
        peer.receive()
    return client, server


def vanish(side, reset):
    """One side ends TCP without a Close frame."""
    def leave(peer):
        if reset:
            time.sleep(0.02)
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        peer.sock.close()

    def stay(peer):
        try:
            peer.reader.more()
        except (EOFError, ConnectionResetError):
            pass
    return (leave, stay) if side == "client" else (stay, leave)


def both():
    """Both send a Close at the same time; their codes differ."""
    return (lambda p: (p.close(1000, "client is done"), p.receive(), p.sock.recv(1)),
            lambda p: (p.close(1001, "server goes down"), p.receive()))


def unanswered():
    """The client's Close is not answered; the server just ends TCP."""
    return lambda p: (p.close(1000, "anyone there?"), p.sock.recv(1)), lambda p: p.receive()


CASES = [
    ("/client-1000", by_client(1000, "normal")), ("/server-1001", by_server(1001, "going away")),
    ("/no-code", by_client()), ("/app-4001", by_server(4001, "session expired")),
    ("/fin-by-client", vanish("client", False)), ("/fin-by-server", vanish("server", False)),
    ("/reset-by-client", vanish("client", True)), ("/reset-by-server", vanish("server", True)),
    ("/both", both()), ("/unanswered", unanswered()),
]


def handle(sock, port, i):
    peer = raw.server(sock, port, log)
    peer.receive()
    peer.send(raw.TEXT, f"welcome to {CASES[i][0]}")
    CASES[i][1][1](peer)
    sock.close()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle, len(CASES))
    for path, (ends, _) in CASES:
        peer = raw.client(PORT, log, path)
        peer.send(raw.TEXT, "hello")
        peer.receive()
        ends(peer)
        peer.sock.close()
        time.sleep(0.03)
    server.join()
lib.finish("close-codes", capture, log, made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="ten ways for a WebSocket connection to end")
