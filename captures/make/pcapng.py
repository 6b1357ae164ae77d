"""Reads what tcpdump wrote (classic pcap, either byte order, micro- or nanoseconds) and writes pcap or pcapng.

Only what the makers need. Nothing about the machine goes into the files: no host
name, no operating system, no hardware option.
"""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Packet:
    """One captured packet; `ns` counts nanoseconds since the epoch."""

    ns: int
    data: bytes
    orig_len: int
    comment: str = ""
    interface: int = 0
    linktype: int = 1


def read_pcap(path):
    """Returns (link type, packets); a packet cut off at the end is left out."""
    raw = Path(path).read_bytes()
    if len(raw) < 24:
        return 1, []
    magic = raw[:4]
    order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    linktype = struct.unpack_from(order + "I", raw, 20)[0] & 0x0FFFFFFF
    packets, at = [], 24
    while at + 16 <= len(raw):
        sec, frac, cap, orig = struct.unpack_from(order + "IIII", raw, at)
        if at + 16 + cap > len(raw):
            break
        data = raw[at + 16 : at + 16 + cap]
        packets.append(Packet(sec * 10**9 + frac * unit, data, orig, linktype=linktype))
        at += 16 + cap
    return linktype, packets


def _option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _block(kind, body):
    total = len(body) + 12
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


def write_pcapng(path, packets, linktype=1, interfaces=("lo",), comment="", nano=False, secrets=b""):
    """Writes one section; `nano` sets if_tsresol 9; `secrets` is a TLS key log. A name ending in .gz is gzipped."""
    end = struct.pack("<HH", 0, 0)
    head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    if comment:
        head += _option(1, comment.encode()) + end
    out = [_block(0x0A0D0D0A, head)]
    for name in interfaces:
        body = struct.pack("<HHI", linktype, 0, 262144) + _option(2, name.encode())
        if nano:
            body += _option(9, b"\x09")
        out.append(_block(1, body + end))
    if secrets:
        out.append(_block(10, struct.pack("<II", 0x544C534B, len(secrets)) + secrets + b"\0" * (-len(secrets) % 4)))
    for p in packets:
        ticks = p.ns if nano else p.ns // 1000
        body = struct.pack("<IIIII", p.interface, ticks >> 32, ticks & 0xFFFFFFFF, len(p.data), p.orig_len)
        body += p.data + b"\0" * (-len(p.data) % 4)
        if p.comment:
            body += _option(1, p.comment.encode()) + end
        out.append(_block(6, body))
    _write(path, b"".join(out))


def write_pcap(path, packets, linktype=1, nano=False):
    """Writes classic little-endian pcap."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144, linktype)]
    for p in packets:
        sec, ns = divmod(p.ns, 10**9)
        out.append(struct.pack("<IIII", sec, ns if nano else ns // 1000, len(p.data), p.orig_len) + p.data)
    _write(path, b"".join(out))


def _write(path, data):
    path = Path(path)
    if path.suffix == ".gz":
        data = gzip.compress(data, 9, mtime=0)
    path.write_bytes(data)


@dataclass
class Tcp:
    """The TCP fields a maker looks at."""

    src: tuple
    dst: tuple
    seq: int
    ack: int
    flags: int
    payload: bytes

    syn = property(lambda s: bool(s.flags & 2))
    fin = property(lambda s: bool(s.flags & 1))
    rst = property(lambda s: bool(s.flags & 4))


def tcp_of(packet):
    """TCP inside an Ethernet or "any device" packet (IPv4, or IPv6 without extension headers), else None."""
    data = packet.data
    kind, ip = (data[0:2], 20) if packet.linktype == 276 else (data[12:14], 14)
    if kind == b"\x08\x00" and len(data) >= ip + 20 and data[ip + 9] == 6:
        at = ip + (data[ip] & 15) * 4
        end = ip + int.from_bytes(data[ip + 2 : ip + 4], "big")
        src, dst = data[ip + 12 : ip + 16], data[ip + 16 : ip + 20]
    elif kind == b"\x86\xdd" and len(data) >= ip + 40 and data[ip + 6] == 6:
        at, end = ip + 40, ip + 40 + int.from_bytes(data[ip + 4 : ip + 6], "big")
        src, dst = data[ip + 8 : ip + 24], data[ip + 24 : ip + 40]
    else:
        return None
    if len(data) < at + 20:
        return None
    sport, dport, seq, ack, off, flags = struct.unpack_from(">HHIIBB", data, at)
    return Tcp((src.hex(), sport), (dst.hex(), dport), seq, ack, flags & 0x3F, data[at + (off >> 4) * 4 : end])
