"""Rust tungstenite at both ends on 127.0.0.1:18096, captured on the "any" device (Linux cooked v2)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402

PLAN = {
    "host": "127.0.0.1", "port": 18096, "path": "/rust", "subprotocols": ["chat.v1"], "deflate": None,
    "client": [
        {"op": "text", "text": "Hello from Rust"},
        {"op": "binary", "hex": "00ff" * 100},
        {"op": "text", "text": "split in three 分三段", "cut": [6, 3]},
        {"op": "ping", "hex": "01020304"},
    ],
    "server": [
        {"op": "text", "text": "Hello back"},
        {"op": "ping", "hex": ""},
        {"op": "text", "text": "y" * 300},
    ],
    "close": {"by": "client", "code": 4000, "reason": "rust out"},
}

lib.private_network()
capture, log = lib.peers(PLAN, "tungstenite", interface="any")
lock = (lib.PEERS / "tungstenite" / "Cargo.lock").read_text()
version = lock.split('name = "tungstenite"\nversion = "')[1].split('"')[0]
lib.finish("tungstenite", capture, log, interfaces=("any",), comment="plain WebSocket, Linux cooked capture v2",
           made_with=f"Rust tungstenite {version} (client and server)")
