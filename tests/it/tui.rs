//! The terminal UI in a real terminal (tmux): opened, walked through, resized, suspended, ended from outside.
//!
//! Skipped where there is no tmux or no bash.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn have(program: &str) -> bool {
    Command::new(program).arg("-V").output().is_ok_and(|output| output.status.success())
        || Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).join("capture.pcapng")
}

/// A tmux server of its own with a shell in it.
struct Terminal {
    socket: String,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

impl Terminal {
    /// `None` where it cannot be had.
    fn open(name: &str, columns: u16, rows: u16) -> Option<Self> {
        if !have("tmux") || !have("bash") {
            eprintln!("skipped: no tmux or no bash");
            return None;
        }
        let terminal = Self { socket: format!("wslens-{name}-{}", std::process::id()) };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let shell = "env TERM=xterm-256color LC_ALL=C.UTF-8 PS1='$ ' bash --norc -i";
        let started = terminal.tmux(&["new-session", "-d", "-s", "t", "-x", &columns, "-y", &rows, shell]);
        assert!(started.status.success(), "{started:?}");
        terminal.tmux(&["set", "-s", "set-clipboard", "on"]);
        terminal.want("$");
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux").args(["-L", &self.socket, "-f", "/dev/null"]).args(arguments).output().unwrap()
    }

    fn answer(&self, arguments: &[&str]) -> String {
        String::from_utf8_lossy(&self.tmux(arguments).stdout).into_owned()
    }

    /// Presses keys, by tmux's names.
    fn keys(&self, keys: &str) -> &Self {
        for key in keys.split(' ') {
            self.tmux(&["send-keys", "-t", "t", key]);
        }
        self
    }

    /// Types a text.
    fn text(&self, text: &str) -> &Self {
        self.tmux(&["send-keys", "-t", "t", "-l", "--", text]);
        self
    }

    fn run(&self, line: &str) -> &Self {
        self.text(line).keys("Enter")
    }

    fn shown(&self) -> String {
        self.answer(&["capture-pane", "-p", "-t", "t"])
    }

    /// Waits until the terminal shows this.
    #[track_caller]
    fn want(&self, text: &str) -> &Self {
        self.until(text, |shown| shown.contains(text))
    }

    /// Waits for what comes; a terminal that never shows it ends the test and not the day.
    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> &Self {
        let start = Instant::now();
        loop {
            let shown = self.shown();
            if holds(&shown) {
                return self;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "no {what:?} in\n{shown}");
            sleep(Duration::from_millis(20));
        }
    }

    fn open_capture(&self, options: &str, name: &str) -> &Self {
        let (program, file) = (env!("CARGO_BIN_EXE_wslens"), capture(name));
        self.run(&format!("clear; {options} {program} {}", file.display()))
    }

    /// The terminal is as a program found it: no alternate screen, a cursor, the modes of before.
    #[track_caller]
    fn is_as_before(&self, modes: &str) -> &Self {
        assert_eq!(self.modes(), modes);
        let flags = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_button_flag}";
        assert_eq!(self.answer(&["display", "-p", "-t", "t", flags]).trim(), "0 1 0 0");
        self
    }

    /// The terminal's modes, as a program finds them; not its size, which tmux changes in its own time.
    #[track_caller]
    fn modes(&self) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display().to_string();
        self.run(&format!("clear; stty -g > {path}; echo mo'de's are known"));
        self.until("the modes", |shown| shown.contains("modes are known"));
        std::fs::read_to_string(file.path()).unwrap()
    }
}

#[test]
fn a_person_walks_through_a_capture() {
    let Some(terminal) = Terminal::open("walk", 120, 36) else { return };
    let modes = terminal.modes();
    terminal.open_capture("", "chat-deflate").want("Messages  19 of 19").want("␛[31mred␛[0m");
    terminal.keys("f").text("op == close").want("ok  2 of 19").keys("Enter").want("Messages  2 of 19");
    terminal.keys("C-f").want("Messages  19 of 19");
    terminal.keys("/").text("frag").keys("Enter").want("▸ msg 7");
    for (key, tab) in
        (1..).zip(["Conns", "Shake", "Msgs", "Frame", "Ladder", "Stats", "Expert", "Layers", "Learn"])
    {
        terminal.keys(&key.to_string()).want(&format!("[{key} {tab}]")).want(" ? help");
    }
    terminal.keys("3 g y").want("sent 5 bytes");
    assert_eq!(terminal.answer(&["show-buffer"]), "Hello");
    terminal.keys("?").want("Help: Messages").keys("Escape").keys(":").want("Commands").keys("Escape");
    for (columns, rows, sign) in
        [(80, 24, "[3Msg]"), (40, 8, "wslens needs 60x12"), (200, 50, "[3 Msgs]"), (120, 36, "[3 Msgs]")]
    {
        let size = [columns.to_string(), rows.to_string()];
        terminal.tmux(&["resize-window", "-t", "t", "-x", &size[0], "-y", &size[1]]);
        terminal.want(sign);
    }
    terminal.keys("C-z").want("Stopped");
    terminal
        .run("fg")
        .want("Messages  19 of 19")
        .keys("q")
        .until("the shell", |shown| !shown.contains("19 of 19"));
    terminal.is_as_before(&modes);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let Some(terminal) = Terminal::open("signal", 80, 24) else { return };
    let modes = terminal.modes();
    terminal.open_capture("", "chat-deflate").want("Messages 19 of 19");
    let shell = terminal.answer(&["list-panes", "-F", "#{pane_pid}"]);
    let children = Command::new("pgrep").args(["-P", shell.trim()]).output().unwrap();
    let children = String::from_utf8_lossy(&children.stdout).into_owned();
    let child = children.split_whitespace().next().expect("wslens runs");
    assert!(Command::new("kill").args(["-TERM", child]).status().unwrap().success());
    terminal.until("the shell", |shown| !shown.contains("19 of 19"));
    terminal.is_as_before(&modes);
}

#[test]
fn without_colour_no_colour_is_sent() {
    let Some(terminal) = Terminal::open("mono", 80, 24) else { return };
    terminal.open_capture("NO_COLOR=1", "chat-deflate").want("Messages 19 of 19");
    let cells = terminal.answer(&["capture-pane", "-e", "-p", "-t", "t"]);
    for sequence in cells.split("\x1b[").skip(1) {
        let parameters = sequence.split('m').next().unwrap_or_default();
        for parameter in parameters.split(';') {
            let colour = matches!(parameter.parse(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107));
            assert!(!colour, "{parameters}");
        }
    }
}

#[test]
fn a_capture_comes_through_a_pipe_and_keys_from_the_terminal() {
    let Some(terminal) = Terminal::open("pipe", 80, 24) else { return };
    let (program, file) = (env!("CARGO_BIN_EXE_wslens"), capture("chat-deflate"));
    terminal.run(&format!("clear; cat {} | {program} -", file.display()));
    terminal.want("standard input").want("Messages 19 of 19").keys("j j").want("▸   3").keys("q");
    terminal.until("the shell", |shown| !shown.contains("19 of 19"));
}

#[test]
fn what_asks_for_text_gets_text() {
    let Some(terminal) = Terminal::open("text", 120, 36) else { return };
    terminal.open_capture("TERM=dumb", "chat-deflate").want("19 messages");
    assert_eq!(terminal.answer(&["display", "-p", "-t", "t", "#{alternate_on}"]).trim(), "0");
    let (program, file) = (env!("CARGO_BIN_EXE_wslens"), capture("chat-deflate"));
    terminal.run(&format!("clear; {program} --no-tui {}", file.display())).want("19 messages");
    terminal.run(&format!("clear; {program} --level connections {}", file.display())).want("1 connection");
}
