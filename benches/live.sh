#!/usr/bin/env bash
# Live capture under load, on the loopback: a WebSocket server and client (benches/live.rs) and `wslens live` beside
# them, for each load: messages a second, how many of them in one write. Needs the right to capture.
#
#   benches/live.sh [SECONDS [RATE:TOGETHER…]]
#
# "seen" are the messages that wslens read, both closing frames included: one more than were "sent". CPU is that of
# wslens, in per cent of one processor; RSS its peak. It counts the spool's files, which are mapped: memory that the
# system takes back when it needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
shift || true
loads=("$@")
((${#loads[@]})) || loads=(1000:1 10000:1 10000:10 100000:100 400000:400 1000000:1000)
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet
uname -sr
nproc | sed 's/$/ processors/'
cargo bench --quiet --bench live -- "$(realpath "$target/release/wslens")" "$seconds" "${loads[@]}"
