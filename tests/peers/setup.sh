#!/bin/sh
# Puts the peers into a folder (default target/peers): a Python venv with websockets and
# aiohttp, node_modules with ws, and the tungstenite peer. Needs the network once.
# What cannot be had is left out; record.py then skips that peer.
set -u
here=$(cd "$(dirname "$0")" && pwd)
kit=${1:-$here/../../target/peers}
mkdir -p "$kit" && kit=$(cd "$kit" && pwd) || exit 1

if command -v python3 >/dev/null; then
    [ -x "$kit/venv/bin/python" ] || python3 -m venv "$kit/venv"
    "$kit/venv/bin/python" -m pip install --quiet websockets aiohttp hypercorn h2 wsproto ||
        echo "left out: websockets, aiohttp, hypercorn, h2, wsproto" >&2
else
    echo "left out: Python peers (no python3)" >&2
fi
if command -v npm >/dev/null; then
    npm install --silent --no-audit --no-fund --prefix "$kit" ws || echo "left out: ws" >&2
else
    echo "left out: ws (no npm)" >&2
fi
if command -v cargo >/dev/null; then
    cargo build --quiet --manifest-path "$here/tungstenite/Cargo.toml" --target-dir "$kit/tungstenite" &&
        cp "$kit/tungstenite/debug/peer-tungstenite" "$kit/peer-tungstenite" || echo "left out: tungstenite" >&2
else
    echo "left out: tungstenite (no cargo)" >&2
fi
command -v tcpdump >/dev/null || echo "missing: tcpdump (nothing can be recorded without it)" >&2
ls "$kit"
