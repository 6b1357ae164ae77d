//! `wslens live`: captures packets and shows or prints their contents.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::args::{InputArgs, LookArgs, Payload, ReadArgs, ScreenArgs, levels, size};
use super::capture_problem::problem;
use super::explain::Dir;
use super::filter::FilterArgs;
use super::limits::{LimitArgs, duration};
use super::problem::Problem;
use super::rights::Become;
use super::style::{ColorWhen, Role, Style};
use super::{counted, keys, outputs, read, rights, sandbox, signals, tui};
use crate::capture::live::Status;
use crate::capture::sniff::{self, Keep, Ring, SniffOptions, Sniffer};
use crate::export::Source;
use crate::model::safe_str;
#[cfg(target_os = "linux")]
use crate::output::helper;
use crate::output::ring::{self, RingFile};
use crate::output::{Growth, Inputs, OutputError, Target, check, default_room, is_same_output, is_stdout};
use crate::pipeline::Limits;
use crate::report::{Format, Levels};
use crate::store::{self, Session};

/// `wslens live`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Examples:
  wslens live -i lo                                  all traffic on the loopback interface
  wslens live -i lo -f 'tcp port 8080'               one server; the kernel filters the packets
  wslens live -i eth0 -i lo -w chat.pcapng           two interfaces, saved to a file
  wslens live -i any -w day.pcapng --ring 10x100MB   keeps the last ten files of 100 MB each
  ssh HOST wslens live -w - | wslens -               captures on another machine, shows it here
  wslens live -i lo --for 10s --level all | jq .     ten seconds for a script
  wslens live -i lo -Y 'op == close' --no-tui        prints a line for each Close frame
  wslens live --keylog keys.log                      also decrypts wss while the browser writes the key log

Without permission to capture (CAP_NET_RAW):
  sudo setcap cap_net_raw+ep \"$(command -v wslens)\"                 once
  sudo tcpdump -i lo -U -w - 'tcp port 8080' | wslens -             only tcpdump runs as root
  ssh HOST sudo tcpdump -i any -U -w - 'tcp port 8080' | wslens -   another machine

If started as root, wslens opens the interfaces and key logs, then drops all capabilities and switches to
the user who called sudo, the user given with --user, or nobody, before it reads a packet. It creates files
as that user. If root started it directly, a helper process that never sees a packet creates them.
Press Ctrl-C to stop and print a summary.")]
pub struct LiveArgs {
    /// Interface to capture on (may be repeated; `wslens interfaces` lists them) [default: all]
    #[arg(short, long, value_name = "IFACE", help_heading = "Capture")]
    pub interface: Vec<String>,
    /// Capture only packets that match this BPF filter, such as 'tcp port 8080'
    #[arg(short = 'f', long, value_name = "BPF", help_heading = "Capture")]
    pub capture_filter: Option<String>,
    /// Save packets to FILE (pcapng), which can be read while it grows; `-` is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Capture")]
    pub write: Option<PathBuf>,
    /// Rotate files of this size and keep the last N, including those of earlier runs; names get a number, a date and
    /// a time: chat_00001_20261130094400.pcapng
    #[arg(long, value_name = "NxSIZE", value_parser = ring, requires = "write", help_heading = "Capture")]
    pub ring: Option<Ring>,
    /// Stop after this time, such as 10s, 5m or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = duration, help_heading = "Capture")]
    pub duration: Option<Duration>,
    /// Stop after N packets
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Capture")]
    pub count: Option<u64>,
    /// Maximum number of bytes to capture per packet
    #[arg(short, long, value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=262_144), help_heading = "Capture")]
    pub snaplen: u32,
    /// Use promiscuous mode: also capture packets addressed to other machines
    #[arg(short, long, help_heading = "Capture")]
    pub promiscuous: bool,
    /// Size of the kernel's capture buffer, per interface
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32MiB", help_heading = "Capture")]
    pub buffer: u64,
    /// Deliver each packet at once instead of within 10 ms; the kernel's buffer then holds far fewer packets
    #[arg(long, help_heading = "Capture")]
    pub immediate: bool,
    /// Limit for packets in temporary files (in $TMPDIR); the oldest are discarded first [default: 1GiB, or a quarter of
    /// the free space if that is less]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Capture")]
    pub max_disk: Option<u64>,
    /// User to run as after dropping privileges: a name, a number, or user:group as numbers [default: the user who
    /// called sudo, or nobody]
    #[arg(long, value_name = "NAME", help_heading = "Capture")]
    pub user: Option<String>,
    /// Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE) and follow it as it grows; the file may be created
    /// later. Connections whose secrets arrive late are decrypted from their start. Also used: $SSLKEYLOGFILE
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", help_heading = "Capture")]
    pub keylog: Vec<PathBuf>,
    /// What each row stands for
    #[arg(short, long, value_name = "LEVEL", value_parser = levels(), default_value = "messages",
        help_heading = "Selection")]
    pub level: Levels,
    /// Show only connection N (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// Show only rows that match this filter, such as 'op == text and len > 1KB'
    #[arg(short = 'Y', long, value_name = "EXPR", help_heading = "Selection")]
    pub filter: Option<String>,
    /// Show only one direction: c2s (client to server) or s2c
    #[arg(long, value_name = "DIR", hide_possible_values = true, help_heading = "Selection")]
    pub dir: Option<Dir>,
    /// How much of each payload to print
    #[arg(long, value_name = "WHAT", default_value = "full", help_heading = "Selection")]
    pub payload: Payload,
    /// Options of the output.
    #[command(flatten)]
    pub look: LookArgs,
    /// Options of the terminal UI.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// Limits of memory, time and output.
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl LiveArgs {
    /// Returns the options that `wslens read` also has.
    fn read(&self) -> ReadArgs {
        ReadArgs {
            input: InputArgs {
                limits: self.limits.clone(),
                #[cfg(feature = "tls")]
                keylog: self.keylog.clone(),
                ..InputArgs::default()
            },
            level: self.level,
            conn: self.conn.clone(),
            filter: FilterArgs { filter: self.filter.clone(), ..FilterArgs::default() },
            dir: self.dir,
            payload: self.payload,
            look: self.look.clone(),
        }
    }
}

/// Runs `wslens live`; returns the exit code. `prints`: the command line asks for printed output.
///
/// # Errors
/// A [`Problem`], or an error of the writer or the terminal.
pub fn run(args: &LiveArgs, prints: bool) -> anyhow::Result<u8> {
    let read = args.read();
    // Report errors in the arguments before anything is opened.
    let mut selection = read::selection(&read)?;
    if selection.filter.as_ref().is_some_and(|matcher| matcher.needs_survey()) {
        return Err(Problem::new(
            2,
            "this filter needs to read the capture twice, but a live capture can be read only once",
        )
        .hint("why", "it tests rows for a value that is known only from other rows or at the end of the capture")
        .hint(
            "try",
            "save the packets with -w FILE and filter that file, or use a --level whose rows have these fields",
        )
        .into());
    }
    let format = read::format(&read.look, &selection)?;
    let shows = !prints && tui::is_wanted(&args.screen);
    let filter = args.capture_filter.clone().unwrap_or_default();
    if !filter.is_empty() {
        sniff::check_filter(&filter).map_err(|error| problem(error, &filter))?;
    }
    let mut outputs = Outputs::check(args, &read)?;
    let become_ = rights::choose(args.user.as_deref())?;
    let interfaces = interfaces(args)?;
    // The terminal UI shows what goes wrong on its screen.
    let announces = !shows && !read.look.quiet;
    let announce: fn(&str) = |sentence| errln!("warning: {}", safe_str(sentence));

    let options = SniffOptions {
        filter: filter.clone(),
        snaplen: args.snaplen,
        promiscuous: args.promiscuous,
        buffer: u32::try_from(args.buffer).unwrap_or(u32::MAX).clamp(1 << 20, 1 << 30),
        immediate: args.immediate,
        room: args.max_disk.unwrap_or_else(default_room),
        count: args.count,
        duration: args.duration,
        on_trouble: announces.then_some(announce),
    };
    let sniffer = Sniffer::open(&interfaces, options).map_err(|error| problem(error, &filter))?;
    // Before rights are given up: key logs are for their owner only. Nothing is read of them yet.
    let (secrets, key_logs) = keys::open(&read.input, read.look.quiet)?;
    let mut limits = Limits { secrets, ..Limits::live(read::bounds(&read.input, &selection)) };
    args.limits.apply_times(&mut limits);
    drop_rights(become_, args)?;
    let followed = keys::named(&read.input);
    // Where root started this process directly, a helper runs already.
    let has_helper = become_ != Become::Nobody
        && (shows || !followed.is_empty())
        && sandbox::start_helper(shows, &followed);
    outputs.open(args, &read, become_)?;
    let ring = args.ring.and(args.write.as_deref());
    let plan = sandbox::capturing(ring, &followed, has_helper);
    let plan = match shows {
        true => {
            let progress = super::learn::state_file(args.screen.no_save);
            sandbox::showing(plan, progress.as_deref(), has_helper || become_ == Become::Nobody)
        }
        false => sandbox::spooling(plan),
    };
    sandbox::enter(&plan);
    let keep = outputs.keep.take();
    // When nobody reads the output any more there is no use in going on, also where nothing is printed for long.
    let prints_packets = args.write.as_deref().is_some_and(is_stdout);
    let watch = (!shows && (prints_packets || read.look.output.is_none()) && !io::stdout().is_terminal())
        .then(|| std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned())
        .transpose()?;
    let mut capture = sniffer.start(keep, watch).map_err(|error| problem(error, &filter))?;
    let live = capture.live().unwrap_or_default();
    // Followed until this returns: secrets come with the connections. Its thread must not have rights to give up.
    let _following = keys::follow(key_logs, &live, shows);

    if shows {
        let name = format!("live {}", interfaces.join(", "));
        let again = Source {
            limits: limits.clone(),
            embed_keys: args.screen.embed_keys,
            reads: std::mem::take(&mut outputs.spare),
            ..Source::default()
        };
        let memory = args.limits.max_mem.and_then(|size| usize::try_from(size).ok());
        let how = store::Options { limits, memory, ..store::Options::default() };
        let session = Session::read(capture, how).map_err(Problem::from)?;
        let shown = tui::show(&session, &tui::Screens { read: &read, screen: &args.screen, name, again });
        live.stop();
        live.wait();
        if shown.is_err() {
            // Otherwise the UI has said it.
            tell_saved(&live.status(), read.look.quiet);
        }
        shown?;
        return Ok(end(&live.status(), false, read.look.color));
    }

    let asked = signals::listen(Some(&live))?;
    // Always: who starts it in a script waits for this line.
    if !read.look.quiet {
        errln!("note: capturing on {}; press Ctrl-C to stop", safe_str(&interfaces.join(", ")));
    }
    selection.longest =
        selection.filter.is_some().then(|| usize::try_from(limits.depth.keep).unwrap_or(usize::MAX));
    let rows = outputs.rows.take();
    let outcome = read::write(&mut capture, limits, &read.look, selection, format, Some(&asked), rows);
    live.stop();
    live.wait();
    let status = live.status();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            // Nobody reads any more, or the disk is full: what was kept is said all the same.
            tell_saved(&status, read.look.quiet);
            return Err(error);
        }
    };
    tell(&read, &status, &outcome, format);
    Ok(end(&status, announces, read.look.color))
}

/// The interfaces that were named, or one that makes sense, which is said then.
fn interfaces(args: &LiveArgs) -> anyhow::Result<Vec<String>> {
    if !args.interface.is_empty() {
        return Ok(args.interface.clone());
    }
    let known = sniff::interfaces().map_err(|error| problem(error, ""))?;
    let Some(chosen) = sniff::choose(&known) else {
        return Err(Problem::new(4, "there is no interface to capture on")
            .hint("try", "ip link   (lists interfaces and whether they are up)")
            .into());
    };
    if !args.look.quiet {
        let others = known.iter().filter(|interface| interface.up && interface.name != chosen.name);
        let others: Vec<&str> = others.map(|interface| interface.name.as_str()).collect();
        let what = if chosen.all { " (all interfaces)" } else { "" };
        errln!(
            "note: no interface was given: {}{what}; others, for -i: {}",
            safe_str(&chosen.name),
            safe_str(&others.join(", "))
        );
    }
    Ok(vec![chosen.name.clone()])
}

/// What is written, apart from the terminal.
#[derive(Default)]
struct Outputs {
    /// Files that are read, or written: nothing else may be written to them.
    spare: Inputs,
    /// Files of the ring from earlier runs.
    ring: Vec<RingFile>,
    keep: Option<Keep>,
    rows: Option<Target>,
}

impl Outputs {
    /// Compares the outputs with the inputs and with each other, before anything is opened.
    fn check(args: &LiveArgs, read: &ReadArgs) -> Result<Self, Problem> {
        let spare = outputs::inputs(&read.input);
        let (write, rows) = (args.write.as_deref(), read.look.output.as_deref());
        if let Some(write) = write {
            if is_stdout(write) && args.ring.is_some() {
                return Err(Problem::new(2, "--ring needs a file name, but -w - is standard output"));
            }
            if is_stdout(write) && io::stdout().is_terminal() {
                return Err(Problem::new(2, "refusing to write packets to a terminal")
                    .hint("try", "wslens live -w - | wslens -, or -w FILE"));
            }
            if rows.is_some_and(|rows| is_same_output(rows, write)) {
                return Err(Problem::new(2, "-o and -w name the same file")
                    .hint("try", "different names for -o and -w"));
            }
        }
        let mut ring = Vec::new();
        if let Some(base) = write.filter(|_| args.ring.is_some()) {
            ring = ring::files(base).map_err(|error| {
                Problem::new(2, format!("cannot list the directory of '{}': {error}", base.display()))
            })?;
        }
        let write = write.filter(|_| args.ring.is_none());
        for path in write.into_iter().chain(rows) {
            check(path, read.look.force, &spare).map_err(|error| outputs::problem(error, 2))?;
        }
        Ok(Self { spare, ring, ..Self::default() })
    }

    /// Opens them, with the rights that are left.
    fn open(&mut self, args: &LiveArgs, read: &ReadArgs, become_: Become) -> Result<(), Problem> {
        let failed = |error| {
            let denied = matches!(&error, OutputError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied);
            let problem = outputs::problem(error, 2);
            match become_ {
                Become::User(user) if denied => problem
                    .hint(
                        "why",
                        format!("wslens creates files as user {}, without root privileges", user.uid),
                    )
                    .hint("try", "a directory that user can write to, or --user NAME"),
                _ => problem,
            }
        };
        if let Some(path) = &args.write {
            let keep = sniff::keep(
                path,
                args.ring.map(|ring| (ring, std::mem::take(&mut self.ring))),
                read.look.force,
                &self.spare,
            )
            .map_err(failed)?;
            self.spare.add(Path::new(keep.name()));
            self.keep = Some(keep);
        }
        // Packets have standard output to themselves.
        let packets = args.write.as_deref().is_some_and(is_stdout);
        if !read.look.quiet && (read.look.output.is_some() || !packets) {
            let rows = match &read.look.output {
                Some(path) => Target::create(path, Growth::Growing, read.look.force, &self.spare),
                None => Ok(Target::stdout()),
            };
            self.rows = Some(rows.map_err(failed)?);
            read.look.output.iter().for_each(|path| self.spare.add(path));
        }
        Ok(())
    }
}

/// Drops all rights that are no longer needed.
fn drop_rights(become_: Become, args: &LiveArgs) -> Result<(), Problem> {
    #[cfg(target_os = "linux")]
    if let (Become::Nobody, Some(user)) = (become_, become_.user()) {
        let outputs = args.write.iter().chain(&args.look.output);
        let allowed = helper::Allowed {
            directories: std::iter::once(PathBuf::from("."))
                .chain(outputs.clone().map(|path| sandbox::directory(path)))
                .collect(),
            ring: args.ring.and(args.write.clone()),
            replace: if args.look.force { outputs.cloned().collect() } else { Vec::new() },
            owner: Some((user.uid, user.gid)),
            ..helper::Allowed::default()
        };
        if let Err(error) = helper::start(&allowed, true)
            && !args.look.quiet
        {
            errln!(
                "warning: files are created as user {}: cannot start the helper process: {error}",
                user.uid
            );
        }
    }
    rights::drop_all(become_).map_err(|error| {
        Problem::new(4, format!("cannot drop root privileges: {error}"))
            .hint("why", "wslens does not read packets as root")
            .hint("try", "sudo tcpdump -i any -U -w - | wslens -   (only tcpdump runs as root)")
    })
}

/// The end, on standard error: what was taken and what was not.
fn tell(read: &ReadArgs, status: &Status, outcome: &read::Outcome, format: Format) {
    if read.look.quiet {
        return;
    }
    let totals = &outcome.summary.totals;
    if format != Format::Table || totals.websockets == 0 {
        errln!(
            "{} packets, {} TCP connections, {} WebSockets, {} messages",
            outcome.summary.packets,
            totals.tcp_connections,
            totals.websockets,
            totals.messages
        );
    }
    if outcome.summary.packets == 0 {
        let why = match status.filter.as_str() {
            "" => "no packet came".to_owned(),
            filter => format!("no captured packet matched the capture filter '{}'", safe_str(filter)),
        };
        errln!("note: {why}; other interfaces: wslens interfaces");
    }
    let losses = outcome.summary.losses;
    if !losses.is_none() {
        errln!(
            "warning: packets were lost: {} by the kernel, {} by the interface, {} in the spool",
            losses.kernel,
            losses.interface,
            losses.queue
        );
    }
    keys::tell_unused(&outcome.secrets, outcome.seen.tls);
    if totals.websockets == 0 {
        for decrypted in keys::decrypted(&outcome.secrets) {
            errln!("note: {decrypted}");
        }
    }
    super::filter::tell_undecided(&read.look, outcome.undecided);
    tell_saved(status, read.look.quiet);
}

fn tell_saved(status: &Status, quiet: bool) {
    if let Some((name, len)) = status.saved.as_ref().filter(|_| !quiet) {
        errln!("saved {} ({}, {len} bytes)", safe_str(name), counted(status.saved_packets, "packet"));
    }
}

/// What went wrong, and the exit code. `announced`: what went wrong while it ran was reported then.
fn end(status: &Status, announced: bool, color: ColorWhen) -> u8 {
    let style = Style::stderr(color);
    let warning = style.paint(Role::Warning, "warning:");
    if status.unsaved > 0 || status.unsaved_why.is_some() {
        let why = match &status.unsaved_why {
            Some(_) if announced => "writing ended early",
            Some(why) => why,
            None => "the disk is slower than the link",
        };
        let missing = match status.unsaved {
            1 => "1 packet is not in the file".to_owned(),
            unsaved => format!("{unsaved} packets were not saved"),
        };
        errln!("{warning} {}; {missing}", safe_str(why));
    }
    for vanished in status.vanished.iter().filter(|_| !announced) {
        errln!("{warning} the capture stopped early: {}", safe_str(vanished));
    }
    if let Some(trouble) = status.trouble.as_ref().filter(|trouble| !status.vanished.contains(trouble)) {
        errln!("{warning} the capture stopped early: {}", safe_str(trouble));
    }
    let failed = status.trouble.is_some() || status.unsaved_why.is_some() || !status.vanished.is_empty();
    if failed { 5 } else { 0 }
}

/// A ring: `10x100MB`.
fn ring(text: &str) -> Result<Ring, String> {
    let wrong = || "expected files and size, such as 10x100MB".to_owned();
    let (files, len) = text.split_once(['x', 'X']).ok_or_else(wrong)?;
    let (files, len) = (files.parse().map_err(|_| wrong())?, size(len)?);
    if files == 0 || len < 1 << 16 {
        return Err("at least one file, of at least 64 KiB".to_owned());
    }
    Ok(Ring { files, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_files_and_their_size() {
        assert_eq!(ring("10x100MB"), Ok(Ring { files: 10, len: 100_000_000 }));
        assert_eq!(ring("3X1MiB"), Ok(Ring { files: 3, len: 1 << 20 }));
        for wrong in ["10", "x", "0x1MB", "2x7", "-1x1MB", "2x1 parsec"] {
            assert!(ring(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "s", "10 parsec", "-1s", "1e300d", "NaN", "inf"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
