//! Draws the UI: two rows above the screen, two below, and popups.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Tabs, Widget as _};

use super::app::{App, SMALLEST};
use super::ascii;
use super::commands::{self, Cmd};
use super::live;
use super::overlays::{InputLine, Popup};
use super::screens::{Hint, SCREENS, ScreenId, ScreenInfo, hint};
use super::shared::Ctx;
use super::theme::Role;
use super::widgets::{Text, units};
use crate::model::{Bilingual, width};
use crate::store::{Index, Reading};

/// The meaning of a click on one of the outer rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A command.
    Do(Cmd),
    /// A screen.
    Go(ScreenId),
}

/// The rows of the terminal: breadcrumb, tabs, screen, status line and footer.
#[must_use]
pub fn rows(area: Rect) -> [Rect; 5] {
    use Constraint::{Length, Min};
    Layout::vertical([Length(1), Length(1), Min(0), Length(1), Length(1)]).areas(area)
}

/// Draws everything.
pub fn view(app: &App, index: &Index, frame: &mut Frame<'_>) {
    let buffer = frame.buffer_mut();
    let cursor = draw(app, index, buffer);
    if let Some(at) = cursor {
        frame.set_cursor_position(at);
    }
}

/// Draws everything into a buffer; returns the position of the text cursor if there is one.
pub fn draw(app: &App, index: &Index, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let area = buffer.area;
    let ctx = Ctx { index, shared: &app.shared };
    let mut cursor = None;
    if app.is_cramped() || area.height < 5 {
        let (columns, rows) = SMALLEST;
        let Rect { width, height, .. } = area;
        let words = app.shared.lang.pick(
            format!("wslens needs {columns}x{rows} (now {width}x{height}). q quits."),
            format!("wslens 需要 {columns}x{rows}（现在 {width}x{height}）。q 退出。"),
        );
        Text::of(Role::Plain, words).draw(buffer, area.x, area.y, area.width, ctx.theme());
    } else {
        let top = match app.screen {
            ScreenId::Learn => app.screens.learn.breadcrumb(&ctx),
            screen => breadcrumb(&ctx, screen),
        };
        let [above, tabs, body, status, footer] = rows(area);
        top.draw(buffer, above.x, above.y, above.width, ctx.theme());
        draw_tabs(&ctx, app.screen, tabs, buffer);
        app.screens.get(app.screen).view(&ctx, body, buffer);
        let y = status.y;
        match (&app.input, app.shared.notice.as_ref().or(app.shared.exporting.as_ref())) {
            (Some(line), _) => {
                let (text, at) = input_line(app, line, area.width);
                if let Some(trial) = &app.trial {
                    trial.view(&ctx, buffer, at.saturating_sub(2), line.pick);
                }
                text.draw(buffer, 0, y, area.width, ctx.theme());
                cursor = Some((at, y));
            }
            (None, Some(notice)) => {
                let mut line = Text::of(Role::Plain, " ");
                line.append(notice);
                if !app.shared.filter.is_empty() {
                    let mut filter = super::screens::filter_status(&ctx);
                    filter.plainly(" ");
                    line.end_at(area.width.into(), &filter);
                }
                line.draw(buffer, 0, y, area.width, ctx.theme());
            }
            (None, None) => {
                app.screens.get(app.screen).status(&ctx).draw(buffer, 0, y, area.width, ctx.theme())
            }
        }
        hints(app, &ctx).0.draw(buffer, footer.x, footer.y, footer.width, ctx.theme());
        match &app.popup {
            Some(Popup::Help(help)) => cursor = Some(help.view(&ctx, buffer)),
            Some(Popup::Palette(palette)) => cursor = Some(palette.view(&ctx, buffer)),
            Some(Popup::Menu(menu)) => menu.view(&ctx, buffer),
            None => {}
        }
    }
    ascii::guard(buffer);
    app.shared.looks.signs.replace(buffer);
    app.shared.looks.colors.reduce(buffer);
    cursor
}

/// `wslens ▸ chat.pcapng ▸ #1 /chat?room=1 ▸ msg 7          FILE  39 packets  4.4 KB`
fn breadcrumb(ctx: &Ctx<'_>, screen: ScreenId) -> Text {
    let shared = ctx.shared;
    let wide = shared.is_wide();
    let columns = usize::from(shared.size.0);
    let source = source(ctx);
    let mut parts = vec![Text::of(Role::Title, "wslens")];
    let mut name = Text::new();
    name.captured(Role::Plain, shared.source.as_bytes(), 40);
    parts.push(name);
    if screen.info().depth > 0
        && let Some(connection) = ctx.connection()
    {
        let mut part = Text::of(Role::Plain, format!("#{}", connection.id));
        if wide {
            let path = connection.short_name(shared.lang);
            part.plainly(if path.is_empty() { "" } else { " " }).captured(Role::Plain, path.as_bytes(), 30);
        }
        parts.push(part);
    }
    let selection = shared.selection;
    let lang = shared.lang;
    let message = if wide { lang.pick("msg ", "消息 ") } else { "" };
    // During a live capture, the selected message changes all the time.
    let runs = live::is_running(&shared.progress) && screen == ScreenId::Messages;
    if screen.info().depth > 1 && selection.message > 0 && !runs {
        let message = if screen.info().depth == 2 { lang.pick("msg ", "消息 ") } else { message };
        parts.push(Text::of(Role::Plain, format!("{message}{}", selection.message)));
    }
    if screen.info().depth > 2 && selection.frame > 0 {
        let frame = if wide { lang.pick("frame ", "帧 ") } else { "" };
        parts.push(Text::of(Role::Plain, format!("{frame}{}", selection.frame)));
    }
    let mut line = Text::of(Role::Plain, if wide { "  " } else { " " });
    let room = columns.saturating_sub(source.width() + 2);
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            line.add(Role::Dim, " ▸ ");
        }
        line.append(part);
    }
    let mut line = if line.width() > room { line.cut(room) } else { line };
    line.end_at(columns.saturating_sub(1), &source);
    line
}

/// The source of the data, and how much of it was read.
fn source(ctx: &Ctx<'_>) -> Text {
    let shared = ctx.shared;
    if shared.progress.stream {
        return live::state(ctx);
    }
    let lang = shared.lang;
    let whole = ctx.index.summary.as_ref().is_none_or(|summary| summary.input_complete);
    let progress = &shared.progress;
    let wide = shared.is_wide();
    let mut line = Text::new();
    let percent = progress
        .total
        .filter(|total| *total > 0)
        .map(|total| (u128::from(progress.done) * 100 / u128::from(total)).min(100));
    let percent = percent.map(|percent| format!(" {percent}%")).unwrap_or_default();
    match progress.state {
        Reading::Reading => line.add(Role::Title, format!("{}{percent}", lang.pick("READING", "正在读取"))),
        Reading::Stopped => {
            let how = if wide { lang.pick("  Ctrl-x continues", "  Ctrl-x 继续") } else { "" };
            line.add(Role::Warning, format!("{}{percent}{how}", lang.pick("PARTIAL", "部分")))
        }
        Reading::Done if !whole => line.add(
            Role::Warning,
            if wide {
                lang.pick("FILE ENDS EARLY", "文件不完整")
            } else {
                lang.pick("CUT OFF", "不完整")
            },
        ),
        Reading::Done => line.add(Role::Plain, lang.pick("FILE", "文件")),
    };
    if progress.packets > 0 {
        let packets = if wide { "packet" } else { "pkt" };
        line.plainly(if wide { "  " } else { " " }).plainly(units::counted_in(
            lang,
            progress.packets,
            packets,
            "个数据包",
        ));
    }
    if wide && progress.state == Reading::Done && progress.done > 0 {
        line.plainly("  ").plainly(units::size(progress.done));
    }
    line
}

/// A tab and its columns.
struct Tab {
    id: ScreenId,
    title: String,
    columns: std::ops::Range<u16>,
}

/// The tabs that fit: all with their full names, all with short names, or only the selected one.
/// Each is as wide whether it is selected or not, so that none moves.
fn tabs(ctx: &Ctx<'_>, screen: ScreenId) -> Vec<Tab> {
    let columns = usize::from(ctx.shared.size.0);
    let lang = ctx.shared.lang;
    let place = |name: fn(&ScreenInfo) -> Bilingual| {
        let mut from = 0;
        let shown = SCREENS.iter().filter_map(|info| Some((info, info.key?)));
        let tabs = shown.map(|(info, key)| {
            let name = name(info).of(lang);
            let title = if info.id == screen.info().tab {
                format!("[{key} {name}]")
            } else {
                format!(" {key} {name} ")
            };
            let to = from + width(&title) as u16;
            let tab = Tab { id: info.id, title, columns: from..to };
            from = to;
            tab
        });
        tabs.collect::<Vec<Tab>>()
    };
    let fits = |tabs: &Vec<Tab>| tabs.last().is_none_or(|tab| usize::from(tab.columns.end) <= columns);
    let long = place(|info| info.name);
    if fits(&long) {
        return long;
    }
    let mut short = place(|info| info.short);
    if !fits(&short) {
        short.retain(|tab| tab.id == screen.info().tab);
        for tab in &mut short {
            tab.columns = 0..width(&tab.title) as u16;
            tab.title.push_str(lang.pick(" ▾   1-9 screens", " ▾   1-9 画面"));
        }
    }
    short
}

fn draw_tabs(ctx: &Ctx<'_>, screen: ScreenId, area: Rect, buffer: &mut Buffer) {
    let tabs = tabs(ctx, screen);
    let theme = ctx.theme();
    let selected = tabs.iter().position(|tab| tab.id == screen.info().tab);
    Tabs::new(tabs.into_iter().map(|tab| tab.title))
        .select(selected)
        .style(theme.style(Role::Plain))
        .highlight_style(theme.style(Role::Title))
        .divider("")
        .padding("", "")
        .render(area, buffer);
}

/// ` filter: dir == c2s      ok  12 of 19   Enter apply  Esc cancel`, and the column of the cursor.
fn input_line(app: &App, line: &InputLine, columns: u16) -> (Text, u16) {
    let columns = usize::from(columns);
    let mut text = Text::of(Role::Plain, " ");
    text.add(Role::Title, &line.label).plainly(app.shared.lang.pick(": ", "："));
    let label = text.width();
    let mut end = Text::new();
    if let Some(trial) = &app.trial {
        end.append(&trial.verdict(app.screen, &app.shared)).plainly("   ");
    }
    end.add(Role::Dim, app.shared.lang.pick("Enter apply  Esc cancel ", "Enter 确定  Esc 取消 "));
    let room = columns.saturating_sub(label + 2);
    // The part around the cursor.
    let scroll = line.input.visual_scroll(room.max(1));
    let mut skipped = 0;
    let mut start = 0;
    for char in line.text().chars() {
        if skipped >= scroll {
            break;
        }
        skipped += width(char.encode_utf8(&mut [0; 4]));
        start += char.len_utf8();
    }
    // Highlight the faulty word.
    let typed = line.text();
    let fault = app.trial.as_ref().and_then(super::overlays::Trial::fault).filter(|fault| !fault.is_empty());
    let (from, to) =
        fault.map_or((typed.len(), typed.len()), |fault| (fault.start.max(start), fault.end.max(start)));
    for (range, role) in [(start..from, Role::Plain), (from..to, Role::Error), (to..typed.len(), Role::Plain)]
    {
        let room = (label + room).saturating_sub(text.width());
        text.captured(role, typed.get(range).unwrap_or_default().as_bytes(), room);
    }
    let at = label + line.input.visual_cursor().saturating_sub(skipped).min(room);
    text.end_at(columns, &end);
    (text, at as u16)
}

/// The footer, and the columns of each hint.
fn hints(app: &App, ctx: &Ctx<'_>) -> (Text, Vec<(u16, u16, Cmd)>) {
    let scope = app.screen.scope();
    let columns = usize::from(app.shared.size.0);
    let first = hint(Cmd::Help, u8::MAX);
    let mut kept: Vec<Hint> =
        std::iter::once(first).chain(app.screens.get(app.screen).hints().iter().copied()).collect();
    // The key for the panes that are not visible. The ladder has one pane.
    if app.shows_one_pane() && app.screen != ScreenId::Ladder {
        match kept.iter_mut().find(|hint| hint.cmd == Cmd::NextPane) {
            Some(hint) => hint.keep = u8::MAX,
            None => kept.insert(1, hint(Cmd::NextPane, u8::MAX)),
        }
    }
    loop {
        let (line, places) = hint_line(&kept, scope, ctx);
        if line.width() <= columns || kept.len() < 2 {
            return (line, places);
        }
        // Remove the hint with the lowest priority; of equal ones, the last.
        let least = kept.iter().map(|hint| hint.keep).min().unwrap_or(0);
        let at = kept.iter().rposition(|hint| hint.keep == least).unwrap_or(kept.len() - 1);
        kept.remove(at.max(1));
    }
}

fn hint_line(hints: &[Hint], scope: commands::Scope, ctx: &Ctx<'_>) -> (Text, Vec<(u16, u16, Cmd)>) {
    let mut line = Text::of(Role::Plain, " ");
    let mut places = Vec::new();
    for hint in hints {
        let Some(command) = commands::find(hint.cmd, scope) else { continue };
        if !places.is_empty() {
            line.plainly("  ");
        }
        let from = line.width() as u16;
        line.add(Role::Key, command.keys.first().copied().unwrap_or_default());
        if let Some(key) = hint.with.and_then(|with| commands::key_of(with, scope)) {
            line.add(Role::Key, "/").add(Role::Key, key);
        }
        let words = hint.words.unwrap_or(command.short).of(ctx.shared.lang);
        line.plainly(" ").plainly(words);
        places.push((from, line.width() as u16, hint.cmd));
    }
    (line, places)
}

/// Returns the meaning of a click on a tab, the breadcrumb or a hint.
#[must_use]
pub fn target(app: &App, index: &Index, x: u16, y: u16) -> Option<Target> {
    let ctx = Ctx { index, shared: &app.shared };
    let Rect { height, .. } = Rect::new(0, 0, app.shared.size.0, app.shared.size.1);
    let inside = |from: u16, to: u16| (from..to).contains(&x);
    match y {
        0 => (x < 8).then_some(Target::Go(ScreenId::Connections)),
        1 => tabs(&ctx, app.screen)
            .into_iter()
            .find(|tab| tab.columns.contains(&x))
            .map(|tab| Target::Go(tab.id)),
        y if y + 1 == height => hints(app, &ctx)
            .1
            .into_iter()
            .find(|(from, to, _)| inside(*from, *to))
            .map(|(.., cmd)| Target::Do(cmd)),
        _ => None,
    }
}
