//! The list of lessons, the text of a step, the line below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::play::Play;
use super::stage::StageSource;
use super::{Learn, LearnAreas, TEXT};
use crate::learn::COUNTED;
use crate::learn::layout::flow;
use crate::learn::parse::AnswerForm;
use crate::learn::scene::{AnswerVerdict, Task};
use crate::learn::words::{heading, words};
use crate::model::width;
use crate::model::{join_line, wrap};
use crate::tui::screens::empty;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text};

/// What a row of the list is.
enum LessonRow {
    Lesson(usize),
    Heading,
}

impl Learn {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let words = words(self.lang);
        if let Some(why) = &self.trouble {
            let inner = Pane::new(words.lessons, true).draw(buffer, area, ctx.theme());
            return empty(ctx, buffer, inner, why);
        }
        let Some(play) = &self.play else { return self.draw_list(ctx, area, buffer) };
        let LearnAreas { text, stage } = self.places(area);
        if !text.is_empty() {
            self.draw_step(ctx, play, text, buffer);
        }
        if let (Some(view), false) = (&play.stage, stage.is_empty()) {
            view.view(ctx.index, stage, play.exploring, buffer);
        }
    }

    fn rows(&self) -> Vec<LessonRow> {
        let mut rows: Vec<LessonRow> = (0..self.course.len()).map(LessonRow::Lesson).collect();
        if rows.len() > COUNTED {
            rows.insert(COUNTED, LessonRow::Heading);
        }
        rows
    }

    /// The lesson on a line of the list.
    pub(super) fn row_at(&self, line: usize) -> Option<usize> {
        match self.rows().get(line + self.skipped())? {
            LessonRow::Lesson(at) => Some(*at),
            LessonRow::Heading => None,
        }
    }

    /// Lines above the first that is in sight.
    fn skipped(&self) -> usize {
        let room = self.list.height();
        (self.list.cursor + 2).saturating_sub(room).min(self.rows().len().saturating_sub(room))
    }

    fn draw_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let words = words(self.lang);
        let inner = Pane::new(words.lessons, true).draw(buffer, area, ctx.theme());
        let below = 4.min(inner.height / 3);
        let rows = inner.height.saturating_sub(below + 1);
        let columns = usize::from(inner.width);
        for (y, row) in (inner.y..inner.y + rows).zip(self.rows().iter().skip(self.skipped())) {
            let LessonRow::Lesson(at) = row else {
                let mut line = Text::of(Role::Plain, "    ");
                line.add(Role::Title, words.extras);
                line.draw(buffer, inner.x, y, inner.width, ctx.theme());
                continue;
            };
            let Some(lesson) = self.course.lesson(*at, self.lang) else { continue };
            let here = *at == self.list.cursor;
            let (done, all) = (self.progress.count(lesson), lesson.steps.len());
            let number = if *at < COUNTED { (at + 1).to_string() } else { String::new() };
            let mut line = Text::of(Role::Title, if here { " ▸" } else { "  " });
            line.right(Role::Plain, &number, 3).plainly("  ");
            line.left(if here { Role::Title } else { Role::Plain }, &lesson.title, 24);
            let role = if done == all { Role::Ok } else { Role::Plain };
            let sign = if done == all { "✓" } else { " " };
            line.add(role, format!("{sign} {done}/{all}")).plainly("  ");
            if columns >= 70 {
                line.add(Role::Dim, bar(done, all, 20));
            }
            line.draw_row(buffer, inner.x, y, inner.width, ctx.theme(), here);
        }
        let Some(lesson) = self.course.lesson(self.list.cursor, self.lang) else { return };
        let mut lines = vec![Text::new()];
        let goal = joined(words.goal, &lesson.goal);
        lines.extend(wrap(&goal, columns.saturating_sub(4)).iter().map(|line| {
            let mut text = Text::of(Role::Plain, "  ");
            text.plainly(line);
            text
        }));
        let area = Rect { y: inner.y + rows, height: inner.height.saturating_sub(rows), ..inner };
        ctx.lines(buffer, area, &lines);
    }

    fn draw_step(&self, ctx: &Ctx<'_>, play: &Play, area: Rect, buffer: &mut Buffer) {
        let Some(lesson) = self.lesson() else { return };
        let words = words(self.lang);
        let mut title = Text::of(Role::Title, heading(self.lang, play.lesson));
        title.add(Role::Title, "  ").add(Role::Title, &lesson.title);
        let mut pane = Pane::new("", !play.exploring);
        pane.title = title;
        let pane = pane.right(format!("{} {}/{}", words.step, play.step + 1, lesson.steps.len()));
        let inner = pane.draw(buffer, area, ctx.theme());
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let lines = self.lines(play, usize::from(inner.width), area.width == TEXT);
        let room = usize::from(inner.height);
        let hidden = lines.len().saturating_sub(room);
        // What was said last is in sight, until the learner scrolls.
        let busy = !play.typed.is_empty() || play.last.is_some() || play.hints > 0;
        let skip = if play.scroll > 0 {
            (play.scroll - 1).min(hidden)
        } else if busy {
            hidden
        } else {
            0
        };
        ctx.lines(buffer, inner, lines.get(skip..).unwrap_or_default());
        if hidden > 0 && skip < hidden && inner.height > 0 {
            let more = Text::of(Role::Dim, format!("… {}", words.more_above));
            more.draw(buffer, inner.x, inner.bottom() - 1, inner.width, ctx.theme());
        }
    }

    /// The lines of a step.
    pub(super) fn lines(&self, play: &Play, columns: usize, roomy: bool) -> Vec<Text> {
        let words = words(self.lang);
        let mut lines = Vec::new();
        let say = |lines: &mut Vec<Text>, role: Role, text: &str| {
            lines.extend(wrap(text, columns).into_iter().map(|line| Text::of(role, line)));
        };
        let Some((_, scene)) = &play.scene else {
            say(&mut lines, Role::Dim, play.trouble.as_deref().unwrap_or(words.loading));
            return lines;
        };
        let Some(lesson) = self.lesson() else { return lines };
        if roomy {
            lines.push(Text::of(Role::Dim, bar(play.step + 1, lesson.steps.len(), columns)));
        }
        if play.looked.is_some() && !play.is_own {
            say(&mut lines, Role::Note, words.bundled_instead);
        }
        if play.step == 0 && roomy {
            say(&mut lines, Role::Plain, &joined(words.goal, &lesson.goal));
            lines.push(Text::new());
        }
        lines.extend(flow(&scene.text, columns).into_iter().map(|line| Text::of(Role::Plain, line)));
        if play.bits {
            lines.push(Text::new());
            lines.extend(scene.bits.iter().map(|bits| Text::of(Role::Note, format!("  {bits}"))));
        }
        if !scene.ask.is_empty() {
            lines.push(Text::new());
            say(&mut lines, Role::Title, &scene.ask);
        }
        if let Task::Choose(options, right) = &scene.task {
            for (i, option) in options.iter().enumerate() {
                let role = if play.solved && i == *right { Role::Ok } else { Role::Plain };
                for (j, line) in wrap(option, columns.saturating_sub(5)).into_iter().enumerate() {
                    let mut text = Text::new();
                    let number = if j == 0 { format!(" {}) ", i + 1) } else { "    ".to_owned() };
                    text.add(Role::Key, number).add(role, line);
                    lines.push(text);
                }
            }
        }
        if matches!(scene.task, Task::Type(..) | Task::Choose(..)) && !play.solved {
            if roomy {
                lines.push(Text::new());
            }
            let mut input = Text::of(Role::Key, "> ");
            input.captured(Role::Title, play.typed.as_bytes(), columns.saturating_sub(4));
            input.add(Role::Selected, " ");
            lines.push(input);
        }
        self.replies(play, columns, &mut lines);
        if !roomy && play.is_go() {
            say(&mut lines, Role::Dim, words.go_there);
        }
        if roomy {
            let keys = match &scene.task {
                Task::Read => words.keys_read,
                _ if play.solved => words.next,
                Task::Go(..) => words.keys_go,
                Task::Choose(..) => words.keys_choose,
                Task::Type(..) => words.keys,
            };
            lines.push(Text::new());
            say(&mut lines, Role::Dim, keys);
            if play.has_bits() && !play.solved {
                let is_hex = matches!(scene.task, Task::Type(AnswerForm::Hex, _));
                say(
                    &mut lines,
                    Role::Dim,
                    &format!("{} {}", if is_hex { "Ctrl-b" } else { "b" }, words.bits),
                );
            }
        }
        lines
    }

    /// What is said to what was answered.
    fn replies(&self, play: &Play, columns: usize, lines: &mut Vec<Text>) {
        let Some((_, scene)) = &play.scene else { return };
        let words = words(self.lang);
        let mut say = |role: Role, text: String| {
            lines.extend(wrap(text.trim(), columns).into_iter().map(|line| Text::of(role, line)));
        };
        if play.solved {
            let right = if play.is_go_task() { words.gone_there } else { words.right };
            say(Role::Ok, joined(&format!("✓ {right}"), &scene.right));
            let last = self.lesson().is_some_and(|lesson| play.step + 1 == lesson.steps.len());
            say(Role::Key, if last { words.lesson_done } else { words.next }.to_owned());
            return;
        }
        for hint in scene.hints.iter().take(play.hints) {
            say(Role::Note, joined(words.hint, hint));
        }
        if play.hints > scene.hints.len() {
            say(Role::Note, format!("{} {}", words.the_answer_is, scene.answer()));
        }
        match &play.last {
            Some((typed, AnswerVerdict::Wrong(reply))) => {
                let typed = crate::model::safe_str(typed);
                let reply = reply.as_deref().unwrap_or_default();
                say(Role::Warning, joined(&format!("✗ {typed}: {}", words.wrong), reply));
            }
            Some((_, AnswerVerdict::Unreadable)) => {
                let expected = match &scene.task {
                    Task::Type(AnswerForm::Hex, _) => words.hex_expected,
                    Task::Type(AnswerForm::Text, _) => words.words_expected,
                    Task::Choose(..) => words.option_expected,
                    _ => words.number_expected,
                };
                say(Role::Warning, format!("! {expected}"));
            }
            _ => {}
        }
    }

    pub(super) fn status_line(&self, ctx: &Ctx<'_>) -> Text {
        let words = words(self.lang);
        let mut line = Text::of(Role::Plain, " ");
        let Some(play) = &self.play else {
            let done = (0..COUNTED.min(self.course.len())).all(|at| self.is_done(at));
            line.plainly(if done && !self.course.is_empty() { words.all_done } else { words.list_hint });
            return line;
        };
        if play.exploring {
            // Where the text is not in sight, what is looked for is.
            line.add(Role::Title, words.exploring).plainly("   ");
            if let Some((_, scene)) = &play.scene
                && !scene.ask.is_empty()
                && ctx.shared.size.0 < TEXT + 60
            {
                line.plainly(&scene.ask);
                return line;
            }
        }
        if let Some(stage) = &play.stage {
            line.plainly(stage.place()).plainly("  ");
            let whose = if matches!(stage.source, StageSource::Own) { words.own } else { words.bundled };
            line.add(Role::Dim, format!("({whose})"));
        }
        if !play.exploring {
            let mut end = Text::of(Role::Dim, words.the_real_screen);
            end.plainly(" ");
            line.end_at(usize::from(ctx.shared.size.0), &end);
        }
        line
    }
}

/// Two texts one behind the other, with a space between them where the language has one.
fn joined(first: &str, second: &str) -> String {
    let mut text = first.to_owned();
    join_line(&mut text, second);
    text
}

/// `━━━━────`: how much is done.
fn bar(done: usize, all: usize, columns: usize) -> String {
    let full = columns * done.min(all) / all.max(1);
    debug_assert!(width("━") == 1);
    "━".repeat(full) + &"─".repeat(columns - full)
}
