//! Evaluates the filter, and the filter in the input line.

use super::App;
use crate::store::{Index, Reading};
use crate::tui::event::{ChooseFor, Effect};
use crate::tui::overlays::{InputKind, Trial};
use crate::tui::screens::ScreenId;
use crate::tui::shared::Shared;

impl App {
    /// Continues to evaluate the filter on connections.
    pub(super) fn choose(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        let Shared { choice, marks, scans, progress, now, filter, live, .. } = &mut self.shared;
        let Some(choice) = choice.as_mut().filter(|_| !live.paused) else { return };
        choice.advance(index, marks);
        if self.screen != ScreenId::Connections {
            return;
        }
        let reading = progress.state == Reading::Reading;
        if let Some(connections) = choice.begin_search(index, *now, *scans + 1, reading) {
            *scans += 1;
            let filter = filter.clone();
            effects.push(Effect::Choose(ChooseFor { id: *scans, connections, filter }));
        }
    }

    /// Continues to evaluate the filter in the input line.
    pub(super) fn try_filter(&mut self, index: &Index) {
        let Some(line) = self.input.as_ref().filter(|line| line.kind == InputKind::Filter) else {
            self.trial = None;
            return;
        };
        if !self.trial.as_ref().is_some_and(|trial| trial.is_of(line)) {
            self.trials += 1;
            self.trial = Some(Trial::new(line, index, &self.shared, self.trials));
        }
        if let Some(trial) = &mut self.trial {
            trial.advance(index, &self.shared, self.screen);
        }
    }
}
