"""Node ws at both ends over IPv6, permessage-deflate where only one side gives up its window. [::1]:18092."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402

PLAN = {
    "host": "::1", "port": 18092, "path": "/ipv6", "subprotocols": ["chat.v1"],
    # The server throws its window away after every message, the client keeps its own.
    "deflate": {"server_no_context_takeover": True},
    "client": [
        {"op": "text", "text": '{"say":"hello from ::1","to":"::1"}'},
        {"op": "text", "text": '{"say":"hello from ::1","to":"::1","again":true}'},
        {"op": "binary", "hex": bytes(range(64)).hex() * 3},
        {"op": "ping", "hex": b"six".hex()},
        {"op": "text", "text": "шесть 六 στ 😀", "cut": [3, 4], "pause": 0.02},
        {"op": "text", "text": ""},
    ],
    "server": [
        {"op": "text", "text": '{"say":"welcome to ::1","n":1}', "pause": 0.01},
        {"op": "text", "text": '{"say":"welcome to ::1","n":2}'},
        {"op": "ping", "hex": ""},
        {"op": "binary", "hex": bytes(range(64)).hex() * 3},
        {"op": "text", "text": "", "pause": 0.03},
        {"op": "text", "text": '{"say":"welcome to ::1","n":3}'},
    ],
    "close": {"by": "client", "code": 1000, "reason": "bye"},
}

lib.private_network()
capture, log = lib.peers(PLAN, "node")
ws = lib.version_of(["node", "-p", f"require('{lib.kit()}/node_modules/ws/package.json').version"])
lib.finish("ipv6-node", capture, log, comment="IPv6, one-sided no_context_takeover",
           made_with=f"Node {lib.version_of(['node', '--version'])}, ws {ws} (client and server)")
