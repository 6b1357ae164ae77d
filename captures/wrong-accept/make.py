"""A server that encodes the hex text of the digest, and a client that does not look. 127.0.0.1:18087."""

import base64
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18087


def handle(sock, port, _):
    peer = raw.Peer(sock, "server", port, log)
    key = raw.header(peer.reader.head(), "Sec-WebSocket-Key")
    digest = hashlib.sha1((key + raw.GUID).encode()).hexdigest()  # the mistake: hexdigest() for digest()
    sock.sendall(raw.response(base64.b64encode(digest.encode()).decode()))
    peer.receive()
    peer.send(raw.TEXT, "you did not check my Accept")
    peer.receive()
    peer.close(1000)
    sock.close()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle)
    peer = raw.client(PORT, log, "/", "c3SkgVxVCDhVCp69PJFf3A==")
    peer.send(raw.TEXT, "Hello")
    peer.receive()
    peer.close(1000)
    peer.receive()
    peer.sock.recv(1)
    peer.sock.close()
    server.join()
lib.finish("wrong-accept", capture, log, made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="Sec-WebSocket-Accept made from the hex text of the digest")
