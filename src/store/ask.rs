//! Details asked for by somebody who cannot wait: a thread loads them, the newest of a kind first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::detail::{Detail, LoadError, Request};
use super::load::LoadSource;
use super::session::{SharedSession, lock};

/// An answer to a request.
pub type Answer = (Request, Result<Detail, LoadError>);

/// Answers that wait to be fetched; older ones are dropped.
const ANSWERS: usize = 16;

/// Where requests go in and answers come out.
#[derive(Debug, Default)]
pub(super) struct Desk {
    papers: Mutex<Papers>,
    bell: Condvar,
    /// By kind: how many were asked for.
    asked: [AtomicU64; 3],
}

#[derive(Debug, Default)]
struct Papers {
    /// By kind: the newest request, and its number.
    requests: [Option<(Request, u64)>; 3],
    answers: VecDeque<Answer>,
    loader: Option<JoinHandle<()>>,
    quit: bool,
}

fn kind(request: &Request) -> usize {
    match request {
        Request::Message { .. } => 0,
        Request::Frame { .. } => 1,
        Request::Tcp { .. } => 2,
    }
}

impl Desk {
    /// Takes a request; one of the same kind that has no answer yet is forgotten.
    pub(super) fn ask(&self, request: Request, shared: &Arc<SharedSession>) {
        let kind = kind(&request);
        let mut papers = lock(&self.papers);
        let number = self.asked.get(kind).map_or(0, |asked| asked.fetch_add(1, Ordering::AcqRel) + 1);
        if papers.loader.is_none() {
            let shared = Arc::clone(shared);
            let loader =
                thread::Builder::new().name("loader".to_owned()).spawn(move || shared.desk.run(&shared));
            match loader {
                Ok(loader) => papers.loader = Some(loader),
                Err(error) => {
                    let error = LoadError::Changed(format!("no thread to load with: {error}"));
                    papers.answers.push_back((request, Err(error)));
                    return;
                }
            }
        }
        if let Some(slot) = papers.requests.get_mut(kind) {
            *slot = Some((request, number));
        }
        self.bell.notify_one();
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&self) -> Option<Answer> {
        lock(&self.papers).answers.pop_front()
    }

    /// Ends the thread.
    pub(super) fn close(&self) {
        let loader = {
            let mut papers = lock(&self.papers);
            papers.quit = true;
            self.asked.iter().for_each(|asked| {
                asked.fetch_add(1, Ordering::AcqRel);
            });
            self.bell.notify_one();
            papers.loader.take()
        };
        if let Some(loader) = loader {
            let _ = loader.join();
        }
    }

    fn run(&self, shared: &SharedSession) {
        let mut papers = lock(&self.papers);
        while !papers.quit {
            let newest = papers.requests.iter_mut().find_map(Option::take);
            let Some((request, number)) = newest else {
                papers = self.bell.wait(papers).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(papers);
            let kind = kind(&request);
            let wanted = || self.asked.get(kind).is_some_and(|asked| asked.load(Ordering::Acquire) == number);
            let answer = LoadSource { shared, wanted: &wanted }.load(&request);
            papers = lock(&self.papers);
            if wanted() {
                papers.answers.push_back((request, answer));
                if papers.answers.len() > ANSWERS {
                    papers.answers.pop_front();
                }
            }
        }
    }
}
