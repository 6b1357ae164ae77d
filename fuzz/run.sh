#!/bin/sh
# Builds the fuzz targets with a stable compiler and runs each for some seconds: run.sh SECONDS [TARGET…]
#
# Inputs that break a promise end up in artifacts/TARGET/, and the run stops there.
set -eu
cd "$(dirname "$0")"
seconds=${1:?usage: run.sh SECONDS [TARGET…]}
shift
host=$(rustc -vV | sed -n 's/^host: //p')
[ $# -gt 0 ] || set -- $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' Cargo.toml)

# What cargo-fuzz asks for, less the sanitizers, which only a nightly compiler has. With --target, build
# scripts are built without.
coverage="-Cpasses=sancov-module -Ccodegen-units=1 --cfg fuzzing"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage="$coverage -Cllvm-args=-sanitizer-coverage-$option"
done
bins=$(for target in "$@"; do printf ' --bin %s' "$target"; done)
# shellcheck disable=SC2086 # The lists are split on purpose.
RUSTFLAGS="$coverage" cargo build --release --target "$host" ${JOBS:+-j "$JOBS"} $bins
[ -d corpus ] || cargo run --quiet --example seeds

for target in "$@"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    case $target in
        pcap | net | whole) words=capture ;;
        http_* | http2 | hpack | handshake | extension | proxy) words=http ;;
        amplified | frame_reader | message | deflate | pipeline | report) words=frames ;;
        *) words=text ;;
    esac
    # Files and packed files may be longer; everything else says what it has to say in less.
    case $target in
        whole | pcap) most=16384 ;;
        explain | safe_text) most=1024 ;;
        *) most=4096 ;;
    esac
    echo "== $target"
    nice -n 10 "target/$host/release/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" \
        -dict="dict/$words.dict" -max_total_time="$seconds" -max_len="$most" -rss_limit_mb=512 -timeout=5 \
        -print_final_stats=1 -verbosity=1 ${FUZZ_OPTIONS:-} 2>"artifacts/$target.log" ||
        { tail -n 40 "artifacts/$target.log"; exit 1; }
    sed -n 's/^stat::number_of_executed_units: */   executions /p; s/^stat::peak_rss_mb: */   peak MB    /p' \
        "artifacts/$target.log"
    grep -E 'cov: ' "artifacts/$target.log" | tail -n 1 | sed 's/^/   /'
done
