"""PROXY protocol v1 and v2 before the opening handshake, as a load balancer sends it. 127.0.0.1:18099."""

import ipaddress
import struct

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import raw  # noqa: E402

PORT = 18099
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(source, target, ports, family, tlv=b""):
    """Binary header: version 2, command PROXY."""
    body = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + struct.pack(">HH", *ports) + tlv
    return SIGNATURE + bytes([0x21, family]) + struct.pack(">H", len(body)) + body


AUTHORITY = b"chat.example.test"
CASES = [
    ("/v1-tcp4", b"PROXY TCP4 192.0.2.10 198.51.100.20 40001 443\r\n"),
    ("/v1-tcp6", b"PROXY TCP6 2001:db8::10 2001:db8::20 40002 443\r\n"),
    ("/v1-unknown", b"PROXY UNKNOWN\r\n"),
    ("/v2-tcp4", v2("192.0.2.10", "198.51.100.20", (40004, 443), 0x11)),
    ("/v2-tcp6", v2("2001:db8::10", "2001:db8::20", (40005, 443), 0x21, struct.pack(">BH", 2, len(AUTHORITY)) + AUTHORITY)),
    ("/v2-local", SIGNATURE + b"\x20\x00\x00\x00"),
]


def skip_proxy(reader):
    """Takes the header off, either version."""
    while len(reader.buffer) < 16 and b"\r\n" not in reader.buffer[2:]:
        reader.more()
    if reader.buffer.startswith(SIGNATURE):
        head = reader.exact(16)
        reader.exact(struct.unpack(">H", head[14:])[0])
    else:
        while b"\r\n" not in reader.buffer:
            reader.more()
        reader.exact(reader.buffer.index(b"\r\n") + 2)


def handle(sock, port, _):
    peer = raw.Peer(sock, "server", port, log)
    skip_proxy(peer.reader)
    sock.sendall(raw.response(raw.accept_of(raw.header(peer.reader.head(), "Sec-WebSocket-Key"))))
    peer.receive()
    peer.send(raw.TEXT, "I know where you come from")
    peer.receive()
    peer.close(1000)
    sock.close()


lib.private_network()
log = lib.Log()
with lib.Tcpdump(f"tcp port {PORT}") as capture:
    server = raw.serve(PORT, handle, len(CASES))
    for i, (path, header) in enumerate(CASES):
        peer = raw.Peer(raw.connect(PORT), "client", 0, log)
        peer.port = peer.sock.getsockname()[1]
        request = raw.request(PORT, path, raw.new_key())
        if i % 2:  # header and request in one segment, or in two
            peer.sock.sendall(header + request)
        else:
            peer.sock.sendall(header)
            peer.sock.sendall(request)
        peer.reader.head()
        peer.send(raw.TEXT, "through a load balancer")
        peer.receive()
        peer.close(1000)
        peer.receive()
        peer.sock.recv(1)
        peer.sock.close()
    server.join()
lib.finish("proxy-protocol", capture, log, made_with=f"plain TCP sockets, {lib.python_version()}",
           comment="PROXY protocol v1 and v2 before the upgrade")
