#!/usr/bin/env bash
# Compares wslens with the floor (benches/floor.rs) and with tshark on generated captures, and its message
# counts with what was generated. Prints Markdown.
#
#   benches/compare.sh [-s SIZE] [-n RUNS] [-d DIRECTORY] [-w "WORKLOAD…"] [-T] [WSLENS]
#
#   -s  size of each capture (100MB)        -n  runs of each, the best counts (3; tshark runs once)
#   -d  where captures are written (a temporary directory, removed afterwards)
#   -w  workloads ("chat market bulk deflate haystack lossy"); bulk@1000000, chat@50000 as in generate
#   -T  without tshark                      WSLENS  the program (target/release/wslens)
#
# CPU is user + system seconds. "anon" is the peak of anonymous memory in MB (pages of a mapped file are not
# counted, and can be dropped at any time), "RSS" the peak of all. Needs bash, awk; hyperfine where installed.
set -euo pipefail
cd "$(dirname "$0")/.."

size=100MB runs=3 dir='' workloads='chat market bulk deflate haystack lossy' tshark=yes
while getopts 's:n:d:w:T' flag; do
  case $flag in
    s) size=$OPTARG ;; n) runs=$OPTARG ;; d) dir=$OPTARG ;; w) workloads=$OPTARG ;; T) tshark= ;;
    *) sed -n '2,13p' "$0" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
wslens=${1:-target/release/wslens}
[ -x "$wslens" ] || { echo "no program at $wslens: cargo build --release" >&2; exit 2; }
command -v tshark >/dev/null || tshark=
if [ -z "$dir" ]; then
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
fi
mkdir -p "$dir"

executable() { cargo bench --bench "$1" --no-run 2>&1 | sed -n 's/.*(\(.*\))$/\1/p' | tail -1; }
generate=$(executable generate)
floor=$(executable floor)
[ -x "$generate" ] && [ -x "$floor" ] || { echo 'the benches do not build' >&2; exit 2; }

# The number of a key in one line of JSON.
field() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" <<<"$1"; }

# Least user + system seconds of $1 runs of a command. Findings make it exit with 1: that is no failure.
cpu() {
  local count=$1 best='' one status
  shift
  for ((i = 0; i < count; i++)); do
    status=0
    # The braces give the time of this command alone.
    one=$({ TIMEFORMAT='%3U %3S'; time "$@" >/dev/null 2>"$dir/err" || status=$?; } 2>&1; exit "$status") || status=$?
    if ((status > 1)); then echo "exit code $status: $*" >&2; head -3 "$dir/err" >&2; echo '-'; return; fi
    best=$(awk -v best="$best" '{ s = $1 + $2; print (best == "" || s < best) ? s : best }' <<<"$one")
  done
  awk '{ printf "%.3f", $1 }' <<<"$best"
}

# Peaks of a command in MB: "anon RSS". Sampled without pause, the last reading of VmHWM is the peak.
memory() {
  local pid self name key value anon=0 rss=0 alive=1
  self=$(</proc/$$/comm)
  "$@" >/dev/null 2>&1 &
  pid=$!
  while ((alive)); do
    alive=0 name=''
    while read -r key value _; do
      case $key in
        Name:) name=$value ;;
        VmHWM:) [ "$name" = "$self" ] || rss=$value; alive=1 ;;
        RssAnon:) [ "$name" = "$self" ] || anon=$((value > anon ? value : anon)) ;;
      esac
    done 2>/dev/null <"/proc/$pid/status" || true
  done
  wait "$pid" || true
  awk -v a="$anon" -v r="$rss" 'BEGIN { printf "%.1f %.1f", a / 1000, r / 1000 }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 > 0 && b + 0 > 0) printf "%.1f", a / b; else printf "-" }'; }

fields=(-e frame.time_epoch -e tcp.stream -e websocket.opcode -e websocket.payload_length -e websocket.payload.text)

echo "## CPU seconds, $size each, best of $runs"
echo
echo '| workload | floor | stats | / floor | read | tshark | / stats | / read | anon stats | anon read | RSS stats |'
echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
checks=''
wrong=0
for workload in $workloads; do
  file=$dir/$workload.pcap
  truth=$("$generate" "$workload" "$size" "$file" 2>/dev/null)
  cat "$file" >/dev/null
  f=$(cpu "$runs" "$floor" "$file")
  counted=$("$floor" "$file" 2>/dev/null)
  s=$(cpu "$runs" "$wslens" stats "$file")
  r=$(cpu "$runs" "$wslens" read "$file" --level messages --format ndjson)
  "$wslens" read "$file" --level messages --format ndjson >"$dir/out"
  data=$(grep -cE '"op":"(text|binary)"' "$dir/out" || true)
  control=$(grep -cE '"op":"(close|ping|pong)"' "$dir/out" || true)
  t='-'
  if [ -n "$tshark" ]; then
    t=$(cpu 1 tshark -r "$file" -Y websocket -T fields "${fields[@]}")
  fi
  read -r anon_s rss_s <<<"$(memory "$wslens" stats "$file")"
  read -r anon_r _ <<<"$(memory "$wslens" read "$file" --level messages --format ndjson)"
  echo "| $workload | $f | $s | $(ratio "$s" "$f") | $r | $t | $(ratio "$t" "$s") | $(ratio "$t" "$r") | $anon_s | $anon_r | $rss_s |"
  verdict=same
  if [ "$data" != "$(field "$truth" messages)" ] || [ "$control" != "$(field "$truth" control)" ]; then
    verdict='**different**' wrong=1
  fi
  checks+="| $workload | $(field "$truth" messages) | $data | $(field "$truth" control) | $control | $verdict | $(field "$truth" frames) | $(field "$counted" frames) |"$'\n'
  rm -f "$file"
done

echo
echo '## Counts'
echo
echo '| workload | messages | wslens | control | wslens | | frames | floor |'
echo "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |"
printf '%s' "$checks"

echo
echo '## Start and memory'
echo
"$generate" chat@4 10KB "$dir/small.pcap" >/dev/null 2>&1
if command -v hyperfine >/dev/null; then
  hyperfine -N -i --warmup 5 --runs 50 --export-csv "$dir/start.csv" "$wslens stats $dir/small.pcap" >/dev/null 2>&1
  awk -F, 'NR == 2 { printf "- start to exit, 10 KB: %.1f ms (least %.1f)\n", $2 * 1000, $7 * 1000 }' "$dir/start.csv"
fi
read -r anon_small rss_small <<<"$(memory "$wslens" stats "$dir/small.pcap")"
echo "- memory, 10 KB: $anon_small MB anonymous, $rss_small MB RSS"
for count in 20000 200000; do
  "$generate" halfopen $count "$dir/syn.pcap" >/dev/null 2>&1
  read -r anon _ <<<"$(memory "$wslens" stats "$dir/syn.pcap")"
  each=$(awk -v a="$anon" -v b="$anon_small" -v n=$count 'BEGIN { printf "%.0f", (a - b) * 1000000 / n }')
  echo "- $count half-open connections: $anon MB anonymous, $each bytes each, $(cpu "$runs" "$wslens" stats "$dir/syn.pcap") s CPU"
  rm -f "$dir/syn.pcap"
done
rm -f "$dir/small.pcap" "$dir/out" "$dir/err" "$dir/start.csv"
exit $wrong
