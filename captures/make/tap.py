"""Taps for libraries: every frame that a `websockets` connection itself sends or receives goes to the Log."""

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.frames import Close, Opcode

NAMES = {Opcode.TEXT: "text", Opcode.BINARY: "binary", Opcode.PING: "ping", Opcode.PONG: "pong", Opcode.CLOSE: "close"}


class _Tap:
    """Joins the frames of one direction to messages before they are logged."""

    def __init__(self, connection, log, side, sender):
        self.connection, self.log, self.side, self.sender = connection, log, side, sender
        self.op, self.parts = None, []

    def port(self):
        name = "peername" if self.side == "server" else "sockname"
        return self.connection.transport.get_extra_info(name)[1]

    def frame(self, frame):
        port = self.port()
        data = bytes(frame.data)
        if frame.opcode is Opcode.CLOSE:
            close = Close.parse(data) if data else None
            self.log.add(self.side, self.sender, "close", port=port, code=close.code if close else None,
                         reason=close.reason if close else "")
        elif frame.opcode in (Opcode.PING, Opcode.PONG):
            self.log.add(self.side, self.sender, NAMES[frame.opcode], data, port=port)
        else:
            if frame.opcode is not Opcode.CONT:
                self.op, self.parts = frame.opcode, []
            self.parts.append(data)
            if frame.fin:
                n = len(self.parts)
                self.log.add(self.side, self.sender, NAMES[self.op], b"".join(self.parts), port=port,
                             frames=n if n > 1 else None)


def _tapped(base, log, side):
    other = "server" if side == "client" else "client"

    class Tapped(base):
        def __init__(self, *args, **kw):
            super().__init__(*args, **kw)
            sent, got = _Tap(self, log, side, side), _Tap(self, log, side, other)
            send_frame, recv_frame = self.protocol.send_frame, self.protocol.recv_frame

            def send(frame):
                sent.frame(frame)
                send_frame(frame)

            def receive(frame):
                got.frame(frame)
                recv_frame(frame)

            self.protocol.send_frame, self.protocol.recv_frame = send, receive

    return Tapped


def client(log):
    """A `create_connection` for websockets.asyncio.client.connect."""
    return _tapped(ClientConnection, log, "client")


def server(log):
    """A `create_connection` for websockets.asyncio.server.serve."""
    return _tapped(ServerConnection, log, "server")
