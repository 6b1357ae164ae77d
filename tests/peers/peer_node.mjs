// A planned conversation, both ends Node `ws`. See README.md for the plan and the rows.
// The module is found through NODE_MODULES (a node_modules folder), else in the usual way.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const require = createRequire(process.env.NODE_MODULES ? `${process.env.NODE_MODULES}/` : import.meta.url);
const { WebSocket, WebSocketServer } = require("ws");

const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
const rows = [];

function log(side, sender, op, port, payload, more = {}) {
  const row = { side, sender, op, port, at: (performance.timeOrigin + performance.now()) / 1000, ...more };
  if (op === "text") row.text = payload.toString();
  else if (op !== "close") row.hex = Buffer.from(payload).toString("hex");
  rows.push(row);
}

function parts(step) {
  const whole = step.op === "text" ? [...step.text] : Buffer.from(step.hex, "hex");
  const join = (piece) => (step.op === "text" ? piece.join("") : piece);
  const out = [];
  let at = 0;
  for (const n of step.cut ?? []) {
    out.push(join(whole.slice(at, at + n)));
    at += n;
  }
  out.push(join(whole.slice(at)));
  return out;
}

// Listens from now on, speaks as soon as `open` is resolved.
async function converse(ws, side, port, open) {
  const other = side === "client" ? "server" : "client";
  let expected = plan[other].length + plan[side].filter((step) => step.op === "ping").length;
  let spoken = false;
  let answered = false;
  const { code, reason } = plan.close;
  const maybeClose = () => {
    if (plan.close.by === side && spoken && expected === 0) ws.close(code ?? undefined, reason);
  };

  // ws answers pings and closes itself, through these two methods.
  const pong = ws.pong.bind(ws);
  ws.pong = (data, ...rest) => {
    log(side, side, "pong", port, data);
    pong(data, ...rest);
  };
  const close = ws.close.bind(ws);
  ws.close = (code, reason) => {
    if (answered) return;
    answered = true;
    log(side, side, "close", port, null, code === undefined ? {} : { code, reason: (reason ?? "").toString() });
    close(code, reason);
  };
  ws.on("message", (data, binary) => {
    log(side, other, binary ? "binary" : "text", port, data);
    expected -= 1;
    maybeClose();
  });
  ws.on("ping", (data) => {
    log(side, other, "ping", port, data);
    expected -= 1;
    setImmediate(maybeClose);
  });
  ws.on("pong", (data) => {
    log(side, other, "pong", port, data);
    expected -= 1;
    maybeClose();
  });
  const closed = new Promise((resolve) => {
    ws.on("close", (code, reason) => {
      log(side, other, "close", port, null, code === 1005 ? {} : { code, reason: reason.toString() });
      resolve();
    });
  });
  await open;
  for (const step of plan[side]) {
    if (step.pause) await sleep(step.pause * 1000);
    if (step.op === "ping") {
      log(side, side, "ping", port, Buffer.from(step.hex, "hex"));
      ws.ping(Buffer.from(step.hex, "hex"));
      continue;
    }
    const pieces = parts(step);
    log(side, side, step.op, port, step.op === "text" ? step.text : Buffer.from(step.hex, "hex"),
      pieces.length > 1 ? { frames: pieces.length } : {});
    pieces.forEach((piece, i) => ws.send(piece, { fin: i === pieces.length - 1, binary: step.op === "binary" }));
  }
  spoken = true;
  maybeClose();
  await closed;
}

const d = plan.deflate;
const host = plan.host.includes(":") ? `[${plan.host}]` : plan.host;
// `true` for window bits or takeover: the server asks for it, the client offers to let it.
const server = new WebSocketServer({
  host: plan.host,
  port: plan.port,
  maxPayload: 0,
  perMessageDeflate: d && {
    threshold: d.threshold ?? 0,
    serverNoContextTakeover: d.server_no_context_takeover,
    clientNoContextTakeover: d.client_no_context_takeover,
    serverMaxWindowBits: d.server_max_window_bits,
    clientMaxWindowBits: d.client_max_window_bits,
  },
});
await new Promise((resolve) => server.on("listening", resolve));
const atServer = new Promise((resolve) => {
  server.on("connection", (ws, request) => resolve(converse(ws, "server", request.socket.remotePort)));
});
const client = new WebSocket(`ws://${host}:${plan.port}${plan.path}`, plan.subprotocols ?? [], {
  perMessageDeflate: d ? { threshold: d.threshold ?? 0 } : false,
});
const open = new Promise((resolve) => client.on("open", resolve));
const atClient = new Promise((resolve, reject) => {
  client.on("upgrade", (response) => resolve(converse(client, "client", response.socket.localPort, open)));
  client.on("error", reject);
});
await Promise.all([atServer, atClient]);
server.close();
for (const row of rows) console.log(JSON.stringify(row));
