"""A page in headless Chromium and a Python websockets server on 127.0.0.1:18094 (the page itself comes from 18095)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402

PLAN = {
    "host": "127.0.0.1", "port": 18094, "path": "/browser", "subprotocols": ["chat.v2", "chat.v1"], "deflate": {},
    "client": [
        {"op": "text", "text": "Hello from a browser"},
        {"op": "text", "text": "浏览器 😀"},
        {"op": "binary", "hex": bytes(range(256)).hex()},
        {"op": "text", "text": "Hello from a browser, again", "pause": 0.1},
    ],
    "server": [
        {"op": "text", "text": "Hello, browser"},
        {"op": "ping", "hex": b"alive?".hex(), "pause": 0.05},
        {"op": "binary", "hex": bytes(255 - i for i in range(256)).hex()},
        {"op": "text", "text": "in three pieces", "cut": [3, 6]},
    ],
    "close": {"by": "client", "code": 1000, "reason": "tab closed"},
}

lib.private_network()
capture, log = lib.peers(PLAN, "chromium")
version = lib.version_of(["chromium", "--version"], r"Chromium ([0-9.]+)")
lib.finish("chromium", capture, log, comment="a browser's WebSocket", made_with=(
    f"Chromium {version} (client), Python websockets {lib.python_package('websockets')} (server)"))
