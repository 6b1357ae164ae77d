#!/usr/bin/env bash
# The terminal UI in a real terminal: tmux plays the person. Run by tests/it/terminal.rs, or by hand:
#
#   tests/tui.sh target/debug/wslens           all cases
#   tests/tui.sh target/debug/wslens screens   some of them, by name
#
# Waits for what must appear, never for a time. Has a tmux server of its own and ends only what it started.
# Exit status 0: all hold; 1: one does not, and what the terminal showed is printed; 77: there is no tmux.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v tmux >/dev/null || { echo 'no tmux'; exit 77; }
program=${1:?usage: tests/tui.sh PROGRAM [CASE...]}
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
shift
chat=$PWD/captures/chat-deflate/capture.pcapng
many=$PWD/captures/many-connections/capture.pcapng
work=$(mktemp -d)
unset TMUX TMUX_PANE NO_COLOR CLICOLOR_FORCE COLORTERM
export LC_ALL=C.UTF-8 TMUX_TMPDIR=$work

t() { tmux -u -L "wslens-$$" -f /dev/null "$@"; }
name=start
# The tmux server takes its panes with it, by hanging up on them.
finish() { t kill-server 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT

# A new terminal of this size that runs a line of bash; then it shows how that ended, and stays.
start() {
  local size=$1 line=$2
  printf '%s\n' "cd '$work'" 'stty -a >before' "$line" 'echo "EXIT:$?"' 'stty -a >after' \
    'echo "TERMINAL:restored"' 'exec cat' >"$work/line"
  if t has-session -t t 2>/dev/null; then t kill-session -t t; fi
  # One session stays, for a server without any ends.
  t has-session -t keep 2>/dev/null || t new-session -d -s keep 'exec cat'
  t set-option -s set-clipboard on
  t set-option -g default-terminal screen-256color
  t new-session -d -s t -x "${size%x*}" -y "${size#*x}" "exec bash --norc --noprofile '$work/line'"
}
# The program on a file. Its number is told before it takes the place of that shell.
wslens() { echo "bash -c 'echo \$\$ >pid; exec \"\$@\"' - '$program' $*"; }

key() { t send-keys -t t "$@"; }
text() { t send-keys -t t -l -- "$1"; }
shot() { t capture-pane -p -t t; }
fail() {
  printf 'case %s: %s\nThe terminal shows:\n' "$name" "$1"
  shot || true
  exit 1
}
# Polls until a command holds.
until_holds() {
  local what=$1 i
  shift
  for ((i = 0; i < 400; i++)); do
    if "$@"; then return; fi
    sleep 0.05
  done
  fail "$what"
}
shows() { shot | grep -qF -- "$1"; }
hides() { ! shows "$1"; }
want() { until_holds "does not show: $1" shows "$1"; }
want_gone() { until_holds "still shows: $1" hides "$1"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
state() { [ "$(t display-message -p -t t "$1")" = "$2" ]; }
on() { state '#{alternate_on}' 1; }
# The terminal is as it was: its modes, no other screen, a cursor, no mouse.
sane() {
  want 'TERMINAL:restored'
  cmp -s "$work/before" "$work/after" || fail "stty: $(diff "$work/before" "$work/after")"
  state '#{alternate_on} #{cursor_flag} #{mouse_any_flag}' '0 1 0' || fail 'the terminal is not as it was'
}
quit() { key q; want 'EXIT:0'; sane; }
# Colours in what is shown.
colours() {
  t capture-pane -e -p -t t | grep -aE $'\e''\[([0-9;:]*[;:])?(3[0-8]|4[0-8]|9[0-7]|10[0-7])([;:][0-9;:]*)?m'
}

case_screens() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key 1; want 'Connections  1 of 1'
  key 2; want 'Sec-WebSocket-Accept: 8S57DXQKpsRiHlSBOfMVNXsl6IE='
  key 3; want 'frag-1 frag-2 frag-3'
  key 4; want 'RFC 6455 §5.2  frame 1 of 1 of message 1'
  key 5; want 'GET /chat?room=1  Upgrade: websocket'
  key 6; want 'Bytes by layer'
  key 7; want 'control-characters'
  key 8; want '[8 Layers]'
  key 9; want '[9 Learn]'
  key 3; want 'Messages  19 of 19'
  quit
}

case_filter() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key f; want 'filter:'; text 'op == close'; want 'op == close'; key Enter
  want 'Messages  2 of 19'; want_gone 'frag-1'
  key C-f; want 'Messages  19 of 19'
  # What is wrong is told where it is wrong, and the rows stay.
  key f; text 'op = = close'; key Enter; want 'to compare, write =='; key Escape; want_gone 'to compare'
  want 'filter: (none)'; want 'Messages  19 of 19'
  quit
  start 120x36 "$(wslens -Y "'op == ping'" "$chat")"
  want 'Messages  3 of 19'
  quit
}

case_search() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key /; want 'search:'; text 'frag-2'; key Enter; want '▸    7'
  key n; want '▸    8'
  key N; want '▸    7'
  quit
}

case_help_and_palette() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key '?'; want 'Help: Messages'; text 'ladder'; want 'sequence diagram of'; key Escape; want_gone 'Help: Messages'
  key :; want ' Commands '; text 'ladder'; want '▸ladder'; key Enter; want '[5 Ladder]'
  key 3; want 'Messages  19 of 19'
  key :; want ' Commands '; text 15; key Enter; want '▸   15'
  quit
}

case_frame_and_message() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key 4; want '▸FIN'
  key j; want '▸RSV1'; key j j; want '▸MASK'; want 'byte 1 bit 7'
  key n; want 'frame 1 of 1 of message 2'
  key p; want 'frame 1 of 1 of message 1'
  key 3; want '▸    1'; key j; want '▸    2'
  key Enter; want 'msg 2'; want '中文  "你好"'; want '[JSON]'
  key t; want '[text]'
  key Escape; want 'Messages  19 of 19'; want '▸    2'
  quit
}

case_copy() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key '#'; text 7; key Enter; want '▸    7'
  key y; want "to the terminal's clipboard"
  until_holds 'the clipboard has no message 7' eval '[ "$(t show-buffer 2>/dev/null)" = "frag-1 frag-2 frag-3" ]'
  quit
}

case_export() {
  start 120x36 "$(wslens "$chat")"
  want 'Messages  19 of 19'
  key e; want ' Export '; key Enter; want ' Export as '; key Enter; want 'file: wslens-c1-m1.ndjson'
  key Enter; want 'wrote 1 message to wslens-c1-m1.ndjson'
  grep -qF '"text":"Hello"' "$work/wslens-c1-m1.ndjson" || fail 'the file does not say Hello'
  key '#'; text 7; key Enter; want '▸    7'
  key e; want ' Export '; key Enter; want ' Export as '; key Down Down; want '▸raw bytes'; key Enter
  want 'file: wslens-c1-m7.bin'; key Enter; want 'to wslens-c1-m7.bin'
  [ "$(cat "$work/wslens-c1-m7.bin")" = 'frag-1 frag-2 frag-3' ] || fail 'the file is not the message'
  # A file that is there is not written over unasked.
  echo mine >"$work/wslens-c1-m7.bin"
  key e; want ' Export '; key Enter; want ' Export as '; key Down Down; want '▸raw bytes'; key Enter
  want 'file: wslens-c1-m7.bin'; key Enter; want 'A file with this name already exists'; key Escape
  [ "$(cat "$work/wslens-c1-m7.bin")" = mine ] || fail 'a file was written over'
  want_gone 'A file with this name already exists'
  quit
}

# In the sandbox every thread is, and files are still saved where the person says.
case_sandbox() {
  local line
  rm -rf "$work/far" "$work/.hidden"
  mkdir -p "$work/far" "$work/.hidden"
  start 120x36 "TMPDIR=/var/tmp XDG_STATE_HOME='$work/state' $(wslens "$chat")"
  want 'Messages  19 of 19'
  if [ -d "/proc/$(cat "$work/pid")/task" ]; then
    for line in 'Seccomp:\t2' 'NoNewPrivs:\t1'; do
      ! grep -LP "$line" /proc/"$(cat "$work/pid")"/task/*/status | grep -q . || fail "a thread has no $line"
    done
  fi
  key e; want ' Export '; key Enter; want ' Export as '; key Enter; want 'file: wslens-c1-m1.ndjson'
  key C-u; text far/m1.ndjson; key Enter; want 'wrote 1 message to far/m1.ndjson'
  grep -qF '"text":"Hello"' "$work/far/m1.ndjson" || fail 'the file does not say Hello'
  # Replaced, where the person says so.
  echo mine >"$work/far/m1.ndjson"
  key e; want ' Export '; key Enter; want ' Export as '; key Enter; want 'file: wslens-c1-m1.ndjson'
  key C-u; text far/m1.ndjson; key Enter; want 'A file with this name already exists'; key Down Enter
  until_holds 'the file is not replaced' grep -qF '"text":"Hello"' "$work/far/m1.ndjson"
  want_gone 'A file with this name already exists'
  # No directory that programs read by themselves.
  if "$program" version --verbose | grep -q 'files and TCP *yes'; then
    key e; want ' Export '; key Enter; want ' Export as '; key Enter; want 'file: wslens-c1-m1.ndjson'
    key C-u; text .hidden/m1.ndjson; key Enter; want 'creates nothing in hidden directories'
  fi
  quit
}

case_resize() {
  local size round before
  start 80x24 "$(wslens "$chat")"
  want '19 of 19'; want '? help'; want 'Enter: frames, bits, bytes'
  until_holds 'no message below the list' eval 'shot | grep -q "^   Hello"'
  before=$(shot)
  for round in 1 2 3; do
    for size in 200x50 40x8 1x1 80x24 40x8 200x50 80x24; do
      t resize-window -t t -x "${size%x*}" -y "${size#*x}"
    done
  done
  until_holds 'does not look as before' eval '[ "$(shot)" = "$before" ]'
  t resize-window -t t -x 40 -y 8; want '? help'
  t resize-window -t t -x 200 -y 50; want 'Messages  19 of 19'; want '1000 Normal Closure'
  key q; want 'EXIT:0'
}

# Ctrl-Z gives the shell its terminal back; fg goes on where it was.
case_suspend() {
  start 100x30 "PS1='ready> ' bash --norc --noprofile -i"
  want 'ready>'
  text "'$program' '$chat'; echo CODE:\$?"; key Enter
  want '19 of 19'; key G; want '▸   19'
  key C-z; want 'Stopped'
  until_holds 'the screen is not given back' state '#{alternate_on} #{cursor_flag} #{mouse_any_flag}' '0 1 0'
  text 'echo still $((40 + 2))'; key Enter; want 'still 42'
  text 'fg >/dev/null; echo CODE:$?'; key Enter; want '▸   19'
  until_holds 'not on its own screen again' on
  key k; want '▸   18'
  key q; want 'CODE:0'
  text 'exit 0'; key Enter; want 'EXIT:0'
  sane
}

case_sigterm() {
  start 100x30 "$(wslens "$chat")"
  want '19 of 19'
  kill -TERM "$(cat "$work/pid")"
  want 'EXIT:'
  sane
}

# A closed window, a lost ssh connection: nothing stays behind.
case_closed_terminal() {
  local pid
  start 100x30 "$(wslens "$chat")"
  want '19 of 19'
  pid=$(cat "$work/pid")
  t kill-pane -t t
  name="$name (the window was closed)"
  local i
  for ((i = 0; i < 400; i++)); do
    gone "$pid" && break
    sleep 0.05
  done
  gone "$pid" || { kill -KILL "$pid"; echo "case $name: it goes on without a terminal"; exit 1; }
  start 100x30 "$(wslens "$chat")"
  want '19 of 19'
  pid=$(cat "$work/pid")
  kill -HUP "$pid"
  until_holds 'it goes on after SIGHUP' gone "$pid"
}

# A hangup by hand: the terminal is still there, and is given back.
case_hangup() {
  start 100x30 "$(wslens "$chat")"
  want '19 of 19'
  kill -HUP "$(cat "$work/pid")"
  want 'EXIT:'
  sane
}

# Packets from standard input, keys from the terminal.
case_pipe() {
  start 120x36 "cat '$chat' | $(wslens -)"
  want 'Messages  19 of 19'; want 'standard input'
  # Payloads too, which are read when they are looked at.
  key '#'; text 7; key Enter; want '▸    7'; key Enter; want 'msg 7'; want 'frag-1 frag-2 frag-3'
  # What is in no file can be saved before it is gone: the same bytes.
  key q; want 'The capture is not saved'; key Escape; want_gone 'The capture is not saved'
  key q; want 'save, then quit'; key j; key Enter; want 'file: wslens-capture.pcapng'; key Enter
  want 'EXIT:0'; sane
  cmp "$work/wslens-capture.pcapng" "$chat" || fail 'the saved file is not what came'
  rm "$work/wslens-capture.pcapng"
}

# What comes through a pipe while it is looked at: first half of it, then the rest.
case_live_pipe() {
  local half=3000
  mkfifo "$work/more"
  start 120x36 "{ head -c $half '$chat'; cat '$work/more'; } | $(wslens -)"
  want '● PIPE'; want '[1 Connections]'
  key 3; want 'follow ON'; want 'FOLLOW'; want '─ Live ─'
  key p; want 'PAUSED'
  exec 9>"$work/more"
  tail -c +$((half + 1)) "$chat" | head -c 2000 >&9
  want '+9 new'; want 'view only, capture continues'
  key F; want 'follow ON'; want_gone 'PAUSED'
  key k; want 'follow OFF'; key G; want 'follow ON'
  key q; want 'The capture is running'; key Escape; want_gone 'The capture is running'
  tail -c +$((half + 2001)) "$chat" >&9
  exec 9>&-
  want 'ENDED'; want 'Messages  19 of 19'; want '▸   19'
  key q; want 'The capture is not saved'
  quit
  # Quitting does not wait for a quiet pipe.
  start 80x24 "$(wslens -) <'$work/more'"
  exec 9>"$work/more"
  cat "$chat" >&9
  want '● PIPE'; want 'Live'; key q; want 'The capture is running'; key q; want 'TERMINAL:restored'
  exec 9>&-
  rm "$work/more"
}

# On the loopback interface, where that is allowed.
case_live() {
  if ! timeout 5 "$program" live -i lo --for 1ms --no-tui >/dev/null 2>&1; then
    echo 'skipped: live: this user may not capture on lo'
    return
  fi
  start 120x36 "$(wslens live -i lo -w cap.pcapng)"
  want '● REC'; want 'drops 0'; want '─ Live ─'; want 'writing cap.pcapng'
  key S; want '■ STOPPED'
  quit
  want 'saved cap.pcapng'
  start 120x36 "$(wslens live -i lo)"
  want '● REC'; key C-c; want 'The capture is running'; key C-c
  want 'nothing was saved'; want 'EXIT:0'; sane
}

# What was captured does not act, and without colour there is none: not even the payload's red.
case_no_colour() {
  start 120x36 "$(wslens "$chat")"
  want '␛[31mred␛[0m'
  colours >/dev/null || fail 'no colours where they are wanted'
  quit
  start 120x36 "NO_COLOR=1 $(wslens "$chat")"
  want '␛[31mred␛[0m'
  ! colours || fail 'colours under NO_COLOR'
  key '#'; text 3; key Enter; want '▸    3'
  key Enter; want 'msg 3'; want '␛[31mred␛[0m'
  ! colours || fail 'the payload acts in the message'
  key Escape; want '▸    3'
  key 4; want 'of message 3'; ! colours || fail 'the payload acts in the frame'
  key 5; want '␛[31mred␛[0m'; ! colours || fail 'the payload acts in the ladder'
  quit
}

# Where a screen cannot be or is not wanted, there is text.
case_text() {
  local line
  for line in "TERM=dumb $(wslens "$chat")" "$(wslens --no-tui "$chat")" "$(wslens --level connections "$chat")"; do
    start 120x36 "$line"
    want '1 connection'; want 'EXIT:0'
    state '#{alternate_on}' 0 || fail "a screen for: $line"
  done
}

case_many_connections() {
  start 120x36 "$(wslens "$many")"
  want '[1 Connections]'
  key G; want '▸'
  key Enter; want '[3 Messages]'
  key Escape; want '[1 Connections]'
  quit
}

# A frame is changed and judged at every key, an experiment is tried, and the capture that is saved is one.
case_builder() {
  local file=$work/what-if.pcapng
  start 120x36 "$(wslens "$chat")"
  want "19 of 19"
  key w; want "Frame builder"; want "legal ✓"; want "nothing is sent anywhere"
  key j; key j; key j; key j; key j; key Space; want "✗ unmasked-client-frame"
  key u; want "legal ✓"
  key F2; want "合法"; key F2; want "legal ✓"
  key Tab; key Enter; want "✗ unmasked-client-frame"
  key s; want "save as pcapng"; key C-u; text "$file"; key Enter; want "wrote"
  "$program" check "$file" --only unmasked-client-frame --quiet && fail "the saved capture breaks no rule"
  key Escape; want "[3 Messages]"
  quit
  start 80x24 "$(wslens "$chat")"
  key w; want "What-if"; want "Experiments"
  key Tab; key Tab; want "RFC 6455 §5.2"
  quit
}

# Lessons, with right and wrong answers, in both languages; progress is found again.
case_learn() {
  local run="XDG_STATE_HOME='$work/state' bash -c 'echo \$\$ >pid; exec \"\$@\"' - '$program' learn"
  start 80x24 "$run masking"
  want 'Lesson 5  Masking'; want 'step 1/6'
  key Tab; want 'looking around'; key Home; want '▸FIN'; key j; key j; key j
  want 'There it is'; want 'Enter: go on'
  key Enter; want 'step 2/6'
  text 2; want '> 2'; key Enter; want 'You left out the four bytes'
  text 6; key Enter; want 'Right. 6 bytes of header'
  key Enter; want 'What is 51'
  key h; want 'XOR compares bit by bit'
  text 66; key Enter; want 'You used key byte 0'
  # The language changes, the step stays.
  key F2; want '步骤 3/6'; want '你用的是键的第 0 个字节'
  text 6c; key Enter; want '对了'
  key Escape; want '3/6'; want '课程'
  quit
  start 120x36 "$run --lang zh"
  want '掩码'; want '3/6'
  key Enter; want '第 1 课'; want '步骤 1/6'
  key Tab; want '正在探索'; key Home; key j; key j; key j; key j; key j
  want '找到了'
  key Enter; want '几个字节'
  text 11; key Enter; want '这是头部加载荷'
  text 6; key Enter; want '对了'
  key Escape; want '2/6'
  quit
  grep -q '^layers header$' "$work/state/wslens/learned" || fail 'progress is not saved'
  # On the learner's own capture, and back.
  start 120x36 "XDG_STATE_HOME='$work/state' $(wslens "$chat")"
  want 'Messages  19 of 19'
  key 4; want 'RFC 6455 §5.2'; key L; want 'Lesson'; want 'your capture'
  key Escape; key Escape; want 'RFC 6455 §5.2'
  quit
}

cases=(screens filter search help_and_palette frame_and_message copy export sandbox resize suspend sigterm
  closed_terminal hangup pipe live_pipe live no_colour text many_connections builder learn)
for name in "${@:-${cases[@]}}"; do
  "case_$name"
  echo "ok: $name"
done
