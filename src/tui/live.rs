//! A live capture: follow, pause, rates, and the pane that shows them.
//!
//! Figures are updated four times a second, so that digits can be read; frames in between show the same ones.

use std::collections::VecDeque;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::shared::{Ctx, Selection};
use super::theme::Role;
use super::widgets::{Pane, Text, bars, units};
use crate::model::{Direction, Lang, Losses, PerDirection};
use crate::store::{Index, Progress, Reading};

/// Time between two updates of the figures.
const INTERVAL: Duration = Duration::from_millis(250);
/// Number of updates that the sparkline shows.
const SAMPLES_SHOWN: usize = 28;
/// Number of updates in a second, over which rates are computed.
const SAMPLES_PER_SECOND: usize = 4;

/// The figures of one update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LiveSample {
    at: Duration,
    messages: PerDirection<u64>,
    bytes: u64,
    draws: u64,
}

/// How the UI shows a live capture.
#[derive(Clone, Debug, Default)]
pub struct LiveView {
    /// Whether the list follows the newest row.
    pub follow: bool,
    /// Whether the lists are frozen. The capture continues.
    pub paused: bool,
    /// Number of frames that were drawn.
    pub draws: u64,
    /// When the capture began and ended, by the clock of the UI.
    began: Option<Duration>,
    ended: Option<Duration>,
    samples: VecDeque<LiveSample>,
    /// The figures that are shown.
    seen: Seen,
}

/// The figures that are shown until the next update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// The connection whose rows are counted.
    connection: u32,
    messages: u64,
    frames: u64,
    kept: u64,
    clock: u64,
    draws: u64,
    rates: PerDirection<u64>,
    bytes: u64,
}

/// Returns whether the length of the input is unknown: a live capture, or a pipe.
#[must_use]
pub fn is_stream(progress: &Progress) -> bool {
    progress.stream
}

/// Returns whether more data may arrive.
#[must_use]
pub fn is_running(progress: &Progress) -> bool {
    progress.stream && progress.state != Reading::Done
}

impl LiveView {
    /// Starts the clock.
    pub(super) fn begin(&mut self, progress: &Progress, now: Duration) {
        if progress.stream && self.began.is_none() {
            self.began = Some(now);
            self.follow = true;
        }
    }

    /// Stops the clock: no more data arrives.
    pub(super) fn end(&mut self, now: Duration) {
        self.ended.get_or_insert(now);
        self.paused = false;
    }

    /// Returns whether an update is due, or another list is shown.
    pub(super) fn is_due(&self, now: Duration, selection: Selection) -> bool {
        let since = self.samples.back().map(|sample| now.saturating_sub(sample.at));
        self.began.is_some()
            && self.ended.is_none()
            && (since.is_none_or(|since| since >= INTERVAL) || self.seen.connection != selection.connection)
    }

    /// Updates the figures; returns whether anything visible changed.
    pub(super) fn sample(&mut self, index: &Index, selection: Selection, now: Duration) -> bool {
        let traffic = &index.traffic;
        let sample = LiveSample {
            at: now,
            messages: PerDirection { c2s: traffic.c2s.messages, s2c: traffic.s2c.messages },
            bytes: traffic.c2s.bytes.saturating_add(traffic.s2c.bytes),
            draws: self.draws,
        };
        let due = self.samples.back().is_none_or(|last| now.saturating_sub(last.at) >= INTERVAL);
        if due {
            self.samples.push_back(sample);
            if self.samples.len() > SAMPLES_SHOWN + 1 {
                self.samples.pop_front();
            }
        }
        let before = self.seen;
        let connection = selection.connection;
        self.seen = Seen {
            connection,
            messages: index.messages(connection).len() as u64,
            frames: index.frames(connection).len() as u64,
            kept: index.messages.saturating_sub(index.released.messages),
            clock: self.clock(now),
            ..self.seen
        };
        let back = self.samples.len().saturating_sub(SAMPLES_PER_SECOND + 1);
        if due && let (Some(from), Some(to)) = (self.samples.get(back), self.samples.back()) {
            let time = to.at.saturating_sub(from.at).as_millis().max(1);
            let rate = |to: u64, from: u64| {
                (u128::from(to.saturating_sub(from)) * 1000 / time).try_into().unwrap_or(u64::MAX)
            };
            self.seen.rates = PerDirection {
                c2s: rate(to.messages.c2s, from.messages.c2s),
                s2c: rate(to.messages.s2c, from.messages.s2c),
            };
            self.seen.bytes = rate(to.bytes, from.bytes);
            self.seen.draws = rate(to.draws, from.draws);
        }
        // The number of frames drawn is no reason to draw.
        Seen { draws: before.draws, ..self.seen } != before
    }

    /// Seconds since the capture began.
    fn clock(&self, now: Duration) -> u64 {
        let end = self.ended.unwrap_or(now);
        end.saturating_sub(self.began.unwrap_or(end)).as_secs()
    }

    fn sparkline(&self) -> String {
        let all = |sample: &LiveSample| sample.messages.c2s.saturating_add(sample.messages.s2c);
        let steps = self.samples.iter().zip(self.samples.iter().skip(1));
        bars::sparkline(&steps.map(|(from, to)| all(to).saturating_sub(all(from))).collect::<Vec<_>>())
    }
}

/// `drops 0`, or kernel, interface and wslens, as in `drops 12/0/3 !`.
fn drops(losses: &Losses, lang: Lang) -> (Role, String) {
    if losses.is_none() {
        return (Role::Plain, lang.pick("drops 0", "丢弃 0").to_owned());
    }
    (
        Role::Error,
        format!("{}{}/{}/{} !", lang.pick("drops ", "丢弃 "), losses.kernel, losses.interface, losses.queue),
    )
}

/// `● REC 00:18  FOLLOW  drops 0`: the state of the capture, for the first row.
#[must_use]
pub fn state(ctx: &Ctx<'_>) -> Text {
    let (live, progress) = (&ctx.shared.live, &ctx.shared.progress);
    let gap = if ctx.shared.is_wide() { "  " } else { " " };
    let clock = live.clock(ctx.shared.now);
    let clock = match clock {
        3600.. => format!("{}:{:02}:{:02}", clock / 3600, clock / 60 % 60, clock % 60),
        _ => format!("{:02}:{:02}", clock / 60, clock % 60),
    };
    let lang = ctx.shared.lang;
    let mut line = Text::new();
    let own = progress.live.is_some();
    match progress.state {
        Reading::Done => {
            line.add(
                Role::Title,
                format!(
                    "■ {} {clock}",
                    if own { lang.pick("STOPPED", "已停止") } else { lang.pick("ENDED", "已结束") }
                ),
            );
            let whole = ctx.index.summary.as_ref().is_none_or(|summary| summary.input_complete);
            if whole {
                &mut line
            } else {
                line.plainly(gap).add(Role::Warning, lang.pick("CUT OFF", "不完整"))
            }
        }
        Reading::Stopped => line.add(Role::Warning, format!("■ {} {clock}", lang.pick("STOPPED", "已停止"))),
        Reading::Reading => line.add(Role::Error, "●").add(
            Role::Title,
            format!(" {} {clock}", if own { lang.pick("REC", "抓包") } else { lang.pick("PIPE", "管道") }),
        ),
    };
    match () {
        () if progress.state != Reading::Reading => {}
        () if live.paused => _ = line.plainly(gap).add(Role::Warning, lang.pick("PAUSED", "已暂停")),
        () if live.follow => _ = line.plainly(gap).add(Role::Title, lang.pick("FOLLOW", "跟随")),
        () => {}
    }
    match &progress.live {
        Some(status) => {
            let (role, words) = drops(&status.losses, lang);
            line.plainly(gap).add(role, words);
        }
        None => {
            let noun = if ctx.shared.is_wide() { "packet" } else { "pkt" };
            line.plainly(gap).plainly(units::counted_in(lang, progress.packets, noun, "个数据包"));
        }
    }
    line
}

/// The position of the list: its last visible row, and the newest one.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListPosition {
    /// The row under the cursor, or the newest one when the list was paused.
    pub at: u64,
    /// The last row that was visible.
    pub seen: u64,
    /// Whether the rows are frames.
    pub frames: bool,
    /// Whether there is a list.
    pub listed: bool,
}

impl ListPosition {
    fn newest(&self, live: &LiveView) -> u64 {
        if self.frames { live.seen.frames } else { live.seen.messages }
    }

    /// Number of rows that arrived below the last visible one.
    #[must_use]
    pub fn new_rows(&self, live: &LiveView) -> u64 {
        self.newest(live).saturating_sub(self.seen)
    }
}

/// Returns the number of rows of the pane in an area: long form, short form, or none.
#[must_use]
pub fn height(body: Rect) -> u16 {
    match (body.height, body.width) {
        (..14, _) => 0,
        (28.., 100..) => 10,
        _ => 6,
    }
}

/// Draws the pane.
pub fn pane(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer, position: &ListPosition) {
    let inner = Pane::new(ctx.shared.lang.pick("Live", "实时抓包"), false).draw(buffer, area, ctx.theme());
    let lines = if area.height >= 10 { long(ctx, position) } else { short(ctx, position) };
    ctx.lines(buffer, inner, &lines);
}

/// ` PAUSED at #182347 (view only, capture continues)`
fn first(ctx: &Ctx<'_>, position: &ListPosition, column: usize, wide: bool) -> Text {
    let live = &ctx.shared.live;
    let lang = ctx.shared.lang;
    let mut line = Text::of(Role::Plain, " ");
    let more = |words: &'static str| if wide { words } else { "" };
    let stands = !live.follow || live.paused;
    match () {
        () if live.paused => {
            line.add(Role::Warning, lang.pick("PAUSED", "已暂停"));
            if position.listed {
                line.plainly(format!("{}#{}", lang.pick(" at ", "，位于 "), position.at));
            }
            line.plainly(more(lang.pick(" (view only, capture continues)", "（仅视图，抓包继续进行）")))
        }
        () if !position.listed => {
            line.plainly(lang.pick("no WebSocket traffic yet", "还没有 WebSocket 流量"))
        }
        () if live.follow => line
            .add(Role::Title, lang.pick("FOLLOW", "跟随"))
            .plainly(more(lang.pick(" showing the newest row", "，显示最新的行"))),
        () => line
            .plainly(format!("{}#{}", lang.pick("at ", "位于 "), position.at))
            .plainly(more(lang.pick(", follow is off", "，未跟随"))),
    };
    if position.listed {
        line.pad_to(column.max(line.width() + 2));
        line.plainly(format!(
            "{}#{}   ",
            lang.pick("newest ", "最新 "),
            units::grouped(position.newest(live))
        ));
        let new = position.new_rows(live);
        if stands && new > 0 {
            line.add(
                Role::Title,
                lang.pick(format!("+{} new", units::grouped(new)), format!("新增 {}", units::grouped(new))),
            )
            .plainly("   ");
        }
        if stands {
            line.add(Role::Key, "F").plainly(match wide {
                true => lang.pick(" = follow again", " = 重新跟随"),
                false => lang.pick(" follows", " 跟随"),
            });
        } else {
            line.add(Role::Key, "p").plainly(lang.pick(" pauses", " 暂停"));
        }
    }
    line
}

fn rates(live: &LiveView, wide: bool, lang: Lang) -> Text {
    let mut line = Text::of(Role::Plain, if wide { lang.pick(" rate      ", " 速率      ") } else { " " });
    for direction in [Direction::ServerToClient, Direction::ClientToServer] {
        let arrow = if direction == Direction::ServerToClient { "←" } else { "→" };
        let rate = units::grouped(*live.seen.rates.of(direction));
        line.add(Role::of_direction(direction), arrow)
            .plainly(format!(" {rate} {}   ", lang.pick("msg/s", "条/秒")));
    }
    line.plainly(if wide { " " } else { "" }).plainly(units::size(live.seen.bytes)).plainly("/s   ");
    line.plainly(live.sparkline());
    line
}

/// `lo   filter "tcp port 8080"   snaplen 262144   writing cap.pcapng  26.1 MiB`
fn capture(ctx: &Ctx<'_>) -> Text {
    let progress = &ctx.shared.progress;
    let lang = ctx.shared.lang;
    let mut line = Text::new();
    let Some(status) = &progress.live else {
        line.captured(Role::Plain, ctx.shared.source.as_bytes(), 40);
        line.plainly("   ").plainly(units::counted_in(lang, progress.packets, "packet", "个数据包"));
        line.plainly(format!("   {}", units::size(progress.done)));
        line.plainly(lang.pick("   kept in a temporary file", "   保存在临时文件中"));
        return line;
    };
    line.captured(Role::Plain, status.interfaces.join(" ").as_bytes(), 40);
    if !status.filter.is_empty() {
        line.plainly(lang.pick("   filter \"", "   过滤器 \""))
            .captured(Role::Plain, status.filter.as_bytes(), 40)
            .plainly("\"");
    }
    line.plainly(format!("   snaplen {}   ", status.snaplen));
    match &status.saved {
        Some((name, bytes)) => {
            line.plainly(lang.pick("writing ", "正在写入 ")).captured(
                Role::Plain,
                file_name(name).as_bytes(),
                30,
            );
            line.plainly(format!("  {}", units::size(*bytes)))
        }
        None => line
            .add(Role::Dim, lang.pick("not saved: -w FILE saves the packets", "未保存：-w FILE 保存数据包")),
    };
    line
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn lost(count: u64) -> (Role, String) {
    (if count > 0 { Role::Error } else { Role::Plain }, units::grouped(count))
}

/// `212 MiB of 512 MiB`
fn memory(ctx: &Ctx<'_>, short: bool) -> String {
    let size = |bytes| if short { units::short_size(bytes) } else { units::size(bytes) };
    match ctx.shared.progress.memory {
        Some((used, of)) => ctx.shared.lang.pick(
            format!(" in {} of {}", size(used), size(of)),
            format!("，占用 {} / {}", size(used), size(of)),
        ),
        None => String::new(),
    }
}

fn queue(ctx: &Ctx<'_>) -> String {
    let status = ctx.shared.progress.live.as_ref();
    let percent = status.and_then(|status| (status.waiting.saturating_mul(100)).checked_div(status.room));
    percent
        .map_or(String::new(), |percent| format!("{}{percent}%   ", ctx.shared.lang.pick("queue ", "队列 ")))
}

/// What was released, if anything; and why the capture ended.
fn gone(ctx: &Ctx<'_>) -> Option<Text> {
    let (progress, lang) = (&ctx.shared.progress, ctx.shared.lang);
    let live = progress.live.as_ref();
    let ended = live.and_then(|status| status.trouble.clone()).or(progress.trouble.clone());
    let vanished = live.and_then(|status| status.vanished.last().cloned());
    let unsaved = live.and_then(|status| status.unsaved_why.clone());
    let troubles = [
        (lang.pick(" ended     ", " 已结束    "), ended),
        (lang.pick(" not saved ", " 未保存    "), unsaved),
        (lang.pick(" ended on  ", " 接口结束  "), vanished),
    ];
    if let Some((label, trouble)) = troubles.into_iter().find_map(|(label, trouble)| Some((label, trouble?)))
    {
        let mut line = Text::of(Role::Warning, label);
        line.captured(Role::Warning, trouble.as_bytes(), 100);
        return Some(line);
    }
    let released = &ctx.index.released;
    let mut line = Text::of(Role::Plain, lang.pick(" released ", " 已释放   "));
    let mut any = false;
    let all = [(released.messages, "message", "条消息"), (released.connections, "connection", "个连接")];
    for (count, en, zh) in all {
        if count > 0 {
            any = true;
            line.plainly(" ").plainly(units::counted_in(lang, count, en, zh)).plainly("  ");
        }
    }
    if let Some(status) = progress.live.as_ref().filter(|status| status.evicted_packets > 0) {
        any = true;
        let packets = units::counted_in(lang, status.evicted_packets, "packet", "个数据包");
        line.plainly(lang.pick(format!(" payloads of {packets}"), format!(" {packets}的载荷")));
        line.plainly(format!(" ({})", units::size(status.evicted)));
    }
    any.then_some(line)
}

fn long(ctx: &Ctx<'_>, position: &ListPosition) -> Vec<Text> {
    let (live, lang) = (&ctx.shared.live, ctx.shared.lang);
    let mut capture_line = Text::of(Role::Plain, lang.pick(" capture   ", " 抓包      "));
    capture_line.append(&capture(ctx));
    let mut kernel = Text::of(Role::Plain, lang.pick(" kernel    ", " 内核      "));
    let mut own = Text::of(Role::Plain, " wslens    ");
    match &ctx.shared.progress.live {
        Some(status) => {
            kernel.plainly(lang.pick(
                format!("received {}   dropped ", units::grouped(status.received)),
                format!("收到 {}   丢弃 ", units::grouped(status.received)),
            ));
            let (role, count) = lost(status.losses.kernel);
            kernel.add(role, count).plainly(lang.pick("   interface dropped ", "   接口丢弃 "));
            let (role, count) = lost(status.losses.interface);
            kernel.add(role, count);
            own.plainly(queue(ctx)).plainly(lang.pick("dropped ", "丢弃 "));
            let (role, count) = lost(status.losses.queue);
            own.add(role, count).plainly("   ");
        }
        None => {
            let words = lang.pick(
                "the capturing program reports packets lost before the pipe",
                "进入管道之前的丢包由抓包程序报告",
            );
            kernel.add(Role::Dim, words);
        }
    }
    own.plainly(
        lang.pick(format!("redraw {}/s   ", live.seen.draws), format!("重绘 {} 次/秒   ", live.seen.draws)),
    );
    let memory = memory(ctx, false);
    let kept = units::grouped(live.seen.kept);
    own.plainly(lang.pick(format!("history {kept} msgs{memory}"), format!("历史 {kept} 条消息{memory}")));
    let mut lines =
        vec![first(ctx, position, 58, true), Text::new(), rates(live, true, lang), capture_line, kernel, own];
    lines.extend(gone(ctx));
    lines
}

fn short(ctx: &Ctx<'_>, position: &ListPosition) -> Vec<Text> {
    let live = &ctx.shared.live;
    let mut third = Text::of(Role::Plain, " ");
    match &ctx.shared.progress.live {
        Some(status) => {
            third.captured(Role::Plain, status.interfaces.join(" ").as_bytes(), 12);
            third.plainly(ctx.shared.lang.pick("  dropped:", "  丢弃："));
            let Losses { kernel, interface, queue } = status.losses;
            for (name, count) in [
                (ctx.shared.lang.pick("kernel", "内核"), kernel),
                (ctx.shared.lang.pick("interface", "接口"), interface),
                ("wslens", queue),
            ] {
                let (role, count) = lost(count);
                third.plainly(format!(" {name} ")).add(role, count);
            }
            third.plainly("  ").plainly(queue_of(ctx));
        }
        None => _ = third.append(&capture(ctx)),
    }
    let mut fourth = Text::of(Role::Plain, " ");
    let (kept, memory) = (units::grouped(live.seen.kept), memory(ctx, true));
    fourth.plainly(
        ctx.shared.lang.pick(format!("history {kept} msgs{memory}"), format!("历史 {kept} 条消息{memory}")),
    );
    if let Some(trouble) = gone(ctx).filter(|_| has_trouble(ctx)) {
        fourth = trouble;
    } else if let Some((name, bytes)) =
        ctx.shared.progress.live.as_ref().and_then(|status| status.saved.as_ref())
    {
        fourth.plainly("   ").captured(Role::Plain, file_name(name).as_bytes(), 20);
        fourth.plainly(format!(" {}", units::size(*bytes)));
    }
    vec![first(ctx, position, 0, false), rates(live, false, ctx.shared.lang), third, fourth]
}

/// Returns whether there is an error that must be visible at once.
fn has_trouble(ctx: &Ctx<'_>) -> bool {
    ctx.shared.progress.live.as_ref().is_some_and(|status| {
        status.trouble.is_some() || status.unsaved_why.is_some() || !status.vanished.is_empty()
    })
}

fn queue_of(ctx: &Ctx<'_>) -> String {
    queue(ctx).trim_end().to_owned()
}
