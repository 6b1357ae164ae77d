#!/bin/sh
# Makes the captures again: all, or those named. Installs nothing; says what it misses.
set -u
here=$(cd "$(dirname "$0")" && pwd)
PEERS_KIT=${PEERS_KIT:-$here/../target/peers}
export PEERS_KIT PYTHONDONTWRITEBYTECODE=1

python=$PEERS_KIT/venv/bin/python
missing=
for tool in tcpdump ip python3 node chromium; do
    command -v $tool >/dev/null || missing="$missing $tool"
done
[ -x "$python" ] || missing="$missing Python-venv"
[ -d "$PEERS_KIT/node_modules/ws" ] || missing="$missing npm-ws"
[ -x "$PEERS_KIT/peer-tungstenite" ] || missing="$missing peer-tungstenite"
if [ -n "$missing" ]; then
    echo "missing:$missing" >&2
    echo "tests/peers/setup.sh makes the venv, ws and peer-tungstenite in $PEERS_KIT (PEERS_KIT names another folder)." >&2
    [ -x "$python" ] || exit 1
    echo "Captures that need the rest will fail." >&2
fi

if [ $# -eq 0 ]; then
    set -- $(cd "$here" && for maker in */make.py; do dirname "$maker"; done)
fi
failed=
for name; do
    "$python" "$here/$name/make.py" || failed="$failed $name"
done
"$python" "$here/make/check.py" || failed="$failed check"
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
