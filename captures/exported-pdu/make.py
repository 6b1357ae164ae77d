"""PDUs as Wireshark exports them from a decrypted wss:// connection (link type 252). Addresses 192.0.2.7:50123 to 198.51.100.9:443."""

import ipaddress
import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "make"))
import pcapng  # noqa: E402

CLIENT, SERVER = ("192.0.2.7", 50123), ("198.51.100.9", 443)
BEGIN = 1_767_225_600_000_000_000
KEY = bytes.fromhex("37fa213d")

REQUEST = (
    b"GET /live HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def tag(number, value):
    """A tag, filled up to a multiple of four as Wireshark does."""
    value += b"\0" * (-len(value) % 4)
    return struct.pack(">HH", number, len(value)) + value


def pdu(dissector, source, target, payload, frame):
    """Tags, and the payload behind them."""
    tags = tag(12, dissector)
    tags += tag(20, ipaddress.ip_address(source[0]).packed) + tag(21, ipaddress.ip_address(target[0]).packed)
    tags += tag(24, struct.pack(">I", 2)) + tag(25, struct.pack(">I", source[1])) + tag(26, struct.pack(">I", target[1]))
    return tags + tag(30, struct.pack(">I", frame)) + tag(0, b"") + payload


def frame(opcode, payload, key=b""):
    """A frame, masked where there is a key."""
    head = bytes([0x80 | opcode])
    mask = 0x80 if key else 0
    head += bytes([mask | len(payload)]) if len(payload) < 126 else bytes([mask | 126]) + struct.pack(">H", len(payload))
    body = bytes(b ^ key[i % 4] for i, b in enumerate(payload)) if key else payload
    return head + key + body


LONG = ("line of the feed, as long as a record of TLS and more; " * 400).encode()
HELLO, TICK = "hello from the client", "tick"
BYE = struct.pack(">H", 1000) + b"done"
long_frame = frame(1, LONG)
UP, DOWN = (CLIENT, SERVER), (SERVER, CLIENT)
PDUS = [
    (b"http-over-tls", *UP, REQUEST),
    (b"http-over-tls", *DOWN, RESPONSE),
    (b"http-over-tls", *UP, frame(1, HELLO.encode(), KEY)),
    # The same short frame twice, the second time with another one behind it: nothing of that came again.
    (b"http-over-tls", *DOWN, frame(1, TICK.encode())),
    (b"http-over-tls", *DOWN, frame(1, TICK.encode()) + frame(9, b"p")),
    (b"http-over-tls", *UP, frame(10, b"p", KEY)),
    # A frame that does not fit into one record is exported as far as it came, and then once more as a whole.
    (b"http-over-tls", *DOWN, long_frame[:16384]),
    (b"http-over-tls", *DOWN, long_frame),
    (b"json", *DOWN, b'{"of": "the dissector above"}'),
    (b"http-over-tls", *DOWN, frame(8, BYE)),
    (b"http-over-tls", *UP, frame(8, BYE, KEY)),
]
SAID = [
    ("c2s", "text", {"text": HELLO}),
    ("s2c", "text", {"text": TICK}),
    ("s2c", "text", {"text": TICK}),
    ("s2c", "ping", {"hex": b"p".hex()}),
    ("c2s", "pong", {"hex": b"p".hex()}),
    ("s2c", "text", {"text": LONG.decode()}),
    ("s2c", "close", {"code": 1000, "reason": "done"}),
    ("c2s", "close", {"code": 1000, "reason": "done"}),
]

packets = []
for number, (dissector, source, target, payload) in enumerate(PDUS, 1):
    data = pdu(dissector, source, target, payload, 2 * number)
    packets.append(pcapng.Packet(BEGIN + number * 1_000_000, data, len(data)))
pcapng.write_pcapng(HERE / "capture.pcapng", packets, linktype=252, interfaces=("exported",))
with open(HERE / "messages.ndjson", "w", encoding="utf-8") as log:
    for direction, op, what in SAID:
        row = {"conn": 1, "port": CLIENT[1], "dir": direction, "op": op, **what}
        log.write(json.dumps(row) + "\n")
