#!/usr/bin/env bash
# The pictures in docs/screens/: the screens as a terminal shows them, taken from a real one (tmux).
#
#   cargo build && docs/screens.sh [target/debug/wslens]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$PWD/${1:-target/debug/wslens}
unset TMUX TMUX_PANE NO_COLOR
work=$(mktemp -d)
export LC_ALL=C.UTF-8 TMUX_TMPDIR=$work COLORTERM=truecolor
t() { tmux -u -L "wslens-screens-$$" -f /dev/null "$@"; }
trap 't kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

# NAME CAPTURE SIZE WHAT KEY...: opens a capture, presses keys, waits until WHAT is shown and stays as it is.
screen() {
  local name=$1 capture=$2 size=$3 what=$4 key before='' now='' i
  shift 4
  cp "captures/$capture/capture.pcapng" "$work/$capture.pcapng"
  t new-session -d -s "$name" -x "${size%x*}" -y "${size#*x}" "cd '$work' && exec '$program' '$capture.pcapng'"
  shown() { t capture-pane -p -t "$name"; }
  for ((i = 0; i < 400; i++)); do shown | grep -qF '? help' && break; sleep 0.05; done
  for key; do t send-keys -t "$name" "$key"; sleep 0.2; done
  for ((i = 0; i < 400; i++)); do
    now=$(shown)
    if [ "$now" = "$before" ] && grep -qF -- "$what" <<<"$now"; then break; fi
    before=$now
    sleep 0.2
  done
  grep -qF -- "$what" <<<"$now" || { echo "$name does not show: $what" >&2; return 1; }
  sed 's/ *$//' <<<"$now" >"docs/screens/$name.txt"
  t capture-pane -e -p -t "$name" | python3 docs/screens.py "${size%x*}" "${size#*x}" >"docs/screens/$name.svg"
  echo "docs/screens/$name"
  t send-keys -t "$name" q
}

mkdir -p docs/screens
t new-session -d -s keep 'exec cat'
t set-option -g default-terminal tmux-256color
t set-option -ga terminal-overrides ",*:Tc"
screen connections many-connections 100x24 '[1 Connections]'
screen messages chat-deflate 100x30 'Messages' 3 j j
screen frame chat-deflate 110x36 'RFC 6455 §5.2' 4 j j j
screen handshake chat-deflate 110x36 'Sec-WebSocket-Accept' 2
screen ladder chat-deflate 100x30 'WebSocket open' 5
