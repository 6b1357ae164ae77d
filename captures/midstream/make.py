"""The capture begins when the connections are already there: many-connections without its beginnings.

Of each connection everything up to its second packet with frames is left out: the SYN, the
opening handshake, the first messages. Half of the connections compress, so what their
later messages refer to may lie before the cut; zlib says which of them can be read.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "make"))
import check  # noqa: E402
import lib  # noqa: E402
import pcapng  # noqa: E402

SOURCE = HERE.parent / "many-connections"
PORT = 18102
LEFT_OUT = 2


def packets_of(path):
    """The packets of a pcapng made here, with their times (microseconds)."""
    times, data, at = [], path.read_bytes(), 0
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        if kind == 6:
            high, low = struct.unpack_from("<II", data, at + 12)
            times.append((high << 32 | low) * 1000)
        at += total
    packets = check.packets_of(path)
    for packet, time in zip(packets, times, strict=True):
        packet.ns = time
    return packets


def readable(payloads):
    """Of compressed payloads, which can be inflated without what came before the first."""
    inflater, out = zlib.decompressobj(-15), []
    for payload in payloads:
        try:
            inflater.decompress(payload + b"\0\0\xff\xff")
            out.append(True)
        except zlib.error:
            inflater = zlib.decompressobj(-15)
            out.append(False)
    return out


def frames(stream):
    """(is compressed data, unmasked payload) of each frame; all messages are of one frame here."""
    at = 0
    while at < len(stream):
        a, b = stream[at], stream[at + 1]
        n, start = b & 127, at + 2
        if n == 126:
            n, start = int.from_bytes(stream[start : start + 2], "big"), start + 2
        mask, start = (stream[start : start + 4], start + 4) if b & 128 else (bytes(4), start)
        payload = bytes(c ^ mask[i % 4] for i, c in enumerate(stream[start : start + n]))
        assert a & 128, "one frame for each message"
        yield bool(a & 0x40), payload
        at = start + n


kept, seen, streams = [], {}, {}
for packet in packets_of(SOURCE / "capture.pcapng"):
    tcp = pcapng.tcp_of(packet)
    client = tcp.src[1] if tcp.dst[1] == PORT else tcp.dst[1]
    head = tcp.payload.startswith((b"GET ", b"HTTP/1.1 "))
    if tcp.payload and not head:
        seen[client] = seen.get(client, 0) + 1
    if seen.get(client, 0) > LEFT_OUT:
        kept.append(packet)
        way = "c2s" if tcp.dst[1] == PORT else "s2c"
        streams[client, way] = streams.get((client, way), b"") + tcp.payload

rows = [json.loads(line) for line in (SOURCE / "messages.ndjson").read_text("utf-8").splitlines()]
for (client, way) in {(row["port"], row["dir"]) for row in rows}:
    mine = [row for row in rows if (row["port"], row["dir"]) == (client, way)]
    found = list(frames(streams.get((client, way), b"")))
    for row in mine[: len(mine) - len(found)]:
        row["missing"] = "all"
    packed = iter(readable([payload for compressed, payload in found if compressed]))
    for row, (compressed, _) in zip(mine[len(mine) - len(found) :], found, strict=True):
        if compressed and not next(packed):
            row["missing"] = "history"

pcapng.write_pcapng(HERE / "capture.pcapng", kept, comment="the beginnings of many-connections are left out")
lib.write_messages(HERE / "messages.ndjson", rows)
print(f"{len(kept)} packets, {len(rows)} messages, {sum('missing' in row for row in rows)} of them not to be read")
