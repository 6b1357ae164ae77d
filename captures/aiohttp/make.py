"""aiohttp at both ends with permessage-deflate on 127.0.0.1:18097, written as classic pcap."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402

PLAN = {
    "host": "127.0.0.1", "port": 18097, "path": "/aio?x=1", "subprotocols": ["json"], "deflate": {"server_max_window_bits": 15},
    "client": [
        {"op": "text", "text": '{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}'},
        {"op": "text", "text": '{"jsonrpc":"2.0","id":2,"method":"add","params":[3,4]}'},
        {"op": "ping", "hex": b"aio".hex()},
        {"op": "binary", "hex": "deadbeef" * 64},
        {"op": "text", "text": "z" * 40000},
    ],
    "server": [
        {"op": "text", "text": '{"jsonrpc":"2.0","id":1,"result":3}', "pause": 0.02},
        {"op": "text", "text": '{"jsonrpc":"2.0","id":2,"result":7}'},
        {"op": "binary", "hex": "cafebabe" * 64},
        {"op": "ping", "hex": ""},
    ],
    "close": {"by": "server", "code": 1001, "reason": "restart"},
}

lib.private_network()
capture, log = lib.peers(PLAN, "aiohttp")
lib.finish("aiohttp", capture, log, file="capture.pcap",
           made_with=f"aiohttp {lib.python_package('aiohttp')} (client and server), {lib.python_version()}")
