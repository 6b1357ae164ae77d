"""The same packets as pcapng with if_tsresol 9 and as nanosecond pcap; Python websockets on 127.0.0.1:18093."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))
import lib  # noqa: E402
import pcapng  # noqa: E402

PLAN = {
    "host": "127.0.0.1", "port": 18093, "path": "/ns", "deflate": None,
    "client": [{"op": "text", "text": f"tick {i}"} for i in range(5)],
    "server": [{"op": "text", "text": f"tock {i}"} for i in range(5)],
    "close": {"by": "server", "code": 1001, "reason": "time is up"},
}

lib.private_network()
capture, log = lib.peers(PLAN, "websockets", nano=True)
lib.finish("nanosecond", capture, log, nano=True, comment="nanosecond timestamps",
           made_with=f"Python websockets {lib.python_package('websockets')} (client and server)")
pcapng.write_pcap(lib.ROOT / "nanosecond" / "capture.pcap", capture.packets, capture.linktype, nano=True)
