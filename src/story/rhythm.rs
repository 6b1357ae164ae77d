//! Who asks and who answers, as far as the delays between messages show: the order of messages alone does not distinguish a
//! command from an answer.

use super::facts::{ChapterWriter, counted, grouped, took};
use crate::model::{Direction, Histogram, Nanos, PerDirection, Time};

/// Minimum number of changes of the sender, per direction, before a rhythm is inferred.
const FEW: u64 = 3;
/// Minimum ratio between the delay of the side that asks and the side that answers.
const LONGER: i64 = 10;
/// The shortest wait, in nanoseconds, that is no round trip and no time to work on an answer: a client that asks again as soon
/// as it has its answer looks like one that obeys.
const LONG: Nanos = Nanos::seconds(1);

/// The delays between data messages. Memory is bounded, as in [`Histogram`].
#[derive(Default)]
pub(super) struct Rhythm {
    last: Option<(Direction, Time)>,
    /// Number of data messages of each side.
    count: PerDirection<u64>,
    /// Delays of each side's messages that follow a message from the other side.
    delays: PerDirection<Histogram>,
    /// Delays of the server's messages that follow another message from the server.
    alone: Histogram,
    /// Number of these messages.
    unprompted: u64,
}

/// The rhythm that the delays suggest.
#[derive(Debug, PartialEq, Eq)]
enum Suggests {
    /// The client asks: median delays of the server's answers and the client's next requests.
    ClientAsks(Nanos, Nanos),
    /// The server asks: median delays of its requests and the client's answers.
    ServerAsks(Nanos, Nanos),
    Nothing,
}

impl Rhythm {
    /// Adds the next data message.
    pub fn add(&mut self, by: Direction, time: Time) {
        let count = self.count.of_mut(by);
        *count = count.saturating_add(1);
        let before = self.last.replace((by, time));
        let since = before.and_then(|(other, before)| Some((other, time.elapsed_since(before)?)));
        if by == Direction::ServerToClient && before.is_none_or(|(other, _)| other == by) {
            self.unprompted += 1;
            if let Some((_, since)) = since {
                self.alone.add(since.0);
            }
        }
        if let Some((_, since)) = since.filter(|(other, _)| *other != by) {
            self.delays.of_mut(by).add(since.0);
        }
    }

    fn suggests(&self) -> Suggests {
        let PerDirection { c2s, s2c } = &self.delays;
        let (Some(client), Some(server)) = (c2s.median(), s2c.median()) else { return Suggests::Nothing };
        if c2s.count() < FEW || s2c.count() < FEW {
            Suggests::Nothing
        } else if client.0 / LONGER >= server.max(Nanos(1)).0 {
            Suggests::ClientAsks(server, client)
        } else if server.0 / LONGER >= client.max(Nanos(1)).0 && server >= LONG {
            Suggests::ServerAsks(server, client)
        } else {
            Suggests::Nothing
        }
    }

    /// The time that the server's unprompted messages came after the one before, where that is long enough for them to be no
    /// further parts of an answer.
    fn late(&self) -> Option<Nanos> {
        let answers = self.delays.s2c.median()?;
        self.alone.median().filter(|alone| *alone >= LONG && alone.0 / LONGER >= answers.0)
    }

    /// Adds the sentences about it. `lossy`: messages may be missing.
    pub fn tell(&self, page: &mut ChapterWriter, lossy: bool) {
        let PerDirection { c2s: client, s2c: server } = self.count;
        if server == 0 {
            return;
        }
        let unprompted = self.unprompted;
        let (all, all_zh) = (counted(server, "data message"), grouped(server));
        let (en_seen, zh_seen) =
            if lossy { ("captured message", "抓到的消息") } else { ("message", "消息") };
        if client == 0 {
            page.see(
                String::new(),
                format!("The server sent {all}; the client sent none."),
                format!("服务器发了 {all_zh} 条数据消息，客户端一条也没有发。"),
            );
            if !lossy {
                page.infer(
                    "The server pushed them: no data message from the client requested them.".into(),
                    "它们是服务器推送的：客户端没有用任何数据消息请求它们。".into(),
                );
            }
            return;
        }
        let each = if server == 1 { "The" } else { "Each of the" };
        let (en, zh) = match unprompted {
            0 => (
                format!("{each} server's {all} followed a new message from the client."),
                format!("服务器的 {all_zh} 条数据消息，每一条之前都有客户端的新消息。"),
            ),
            _ => (
                format!(
                    "Of the server's {all}, {} came without a {en_seen} from the client since the previous one.",
                    grouped(unprompted)
                ),
                format!(
                    "服务器的 {all_zh} 条数据消息里，有 {} 条与上一条之间没有客户端的{zh_seen}。",
                    grouped(unprompted)
                ),
            ),
        };
        page.see(String::new(), en, zh);
        if lossy {
            return;
        }
        match self.suggests() {
            Suggests::ServerAsks(server, client) => {
                let (server, client) = (took(server), took(client));
                page.infer(
                    format!("The server's messages come {server} after the client's last one (median), the client's {client} after the server's: this looks as if the server asks and the client answers, so the server pushed its messages."),
                    format!("服务器的消息在客户端上一条消息之后 {server}（中位）到来，客户端的消息在服务器的消息之后 {client} 到来：看起来是服务器提问、客户端回答，也就是说服务器的消息是推送的。"),
                );
            }
            Suggests::ClientAsks(server, client) => {
                let (server, client) = (took(server), took(client));
                page.infer(
                    format!("The server's messages come {server} after the client's last one (median), the client's {client} after the server's: this looks as if the client asks and the server answers."),
                    format!("服务器的消息在客户端上一条消息之后 {server}（中位）到来，客户端的消息在服务器的消息之后 {client} 到来：看起来是客户端提问、服务器回答。"),
                );
                self.late_ones(page);
            }
            Suggests::Nothing => self.late_ones(page),
        }
    }

    /// Adds a sentence about messages that came long after everything else, while the server's answers came soon.
    fn late_ones(&self, page: &mut ChapterWriter) {
        let Some(late) = self.late() else { return };
        let late = took(late);
        let count = counted(self.unprompted, "message");
        let were = if self.unprompted == 1 { "was" } else { "were" };
        page.infer(
            format!("{count} {were} pushed without a preceding client message: the median delay after the server's previous message is {late}, and its answers come much sooner."),
            format!(
                "{} 条消息是推送的，之前没有客户端的消息：它们在服务器上一条消息之后 {late}（中位）到来，而回答要快得多。",
                grouped(self.unprompted)
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lang;
    use crate::model::both;
    use crate::story::{Chapter, Grade};
    use Direction::{ClientToServer as C2S, ServerToClient as S2C};

    const MS: i64 = 1_000_000;

    /// Messages, each so many milliseconds after the one before.
    fn rhythm(messages: impl IntoIterator<Item = (Direction, i64)>) -> Rhythm {
        let mut rhythm = Rhythm::default();
        let mut time = 0;
        for (by, after) in messages {
            time += after * MS;
            rhythm.add(by, Time(time));
        }
        rhythm
    }

    fn told(rhythm: &Rhythm, lossy: bool, lang: Lang) -> Vec<(Grade, String)> {
        let mut page = ChapterWriter::new(both("t", "题"), lang);
        rhythm.tell(&mut page, lossy);
        let Some(Chapter { sentences, .. }) = page.end() else { return Vec::new() };
        let text = |pieces: &[crate::story::SentencePart]| match pieces {
            [crate::story::SentencePart::Own(text)] => text.clone(),
            other => panic!("{other:?}"),
        };
        sentences.iter().map(|sentence| (sentence.grade, text(&sentence.pieces))).collect()
    }

    /// Orders 2 to 4 s after the client's last message, answers 12 to 20 ms after: a remote control.
    fn orders() -> Rhythm {
        let delays = [(2_100, 14), (3_900, 12), (2_700, 20), (3_300, 15), (4_000, 13)];
        rhythm(
            std::iter::once((C2S, 0))
                .chain(delays.into_iter().flat_map(|(order, answer)| [(S2C, order), (C2S, answer)])),
        )
    }

    #[test]
    fn a_server_that_commands_is_seen_by_the_delays_in_both_directions() {
        let [fact, inferred] = &told(&orders(), false, Lang::En)[..] else { panic!() };
        assert_eq!(fact.0, Grade::Observed);
        assert!(
            fact.1.contains("Each of the server's 5 data messages followed a new message from the client."),
            "{fact:?}"
        );
        assert_eq!(inferred.0, Grade::Inferred);
        assert!(
            inferred.1.contains("the server asks and the client answers, so the server pushed"),
            "{inferred:?}"
        );
        let zh = told(&orders(), false, Lang::Zh);
        assert!(zh[1].1.contains("服务器提问、客户端回答") && zh.len() == 2, "{zh:?}");
    }

    #[test]
    fn a_client_that_asks_is_seen_too() {
        let asks = rhythm([(C2S, 0), (S2C, 5)].into_iter().chain([(C2S, 2_000), (S2C, 7)].repeat(4)));
        let [_, (grade, text)] = &told(&asks, false, Lang::En)[..] else { panic!() };
        assert!(
            *grade == Grade::Inferred && text.contains("the client asks and the server answers"),
            "{text}"
        );
        assert!(!text.contains("push"), "{text}");
    }

    #[test]
    fn what_delays_do_not_tell_is_not_told() {
        // Both as fast as the other, and a client that asks again at once over a path of 150 ms.
        for [client, server] in [[10, 12], [0, 150], [1, 900]] {
            let even = rhythm([(C2S, client), (S2C, server)].repeat(20));
            let told = told(&even, false, Lang::En);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(!told[0].1.contains("push"), "{told:?}");
        }
        // Too few, and an answer in many parts.
        let few = rhythm([(C2S, 0), (S2C, 3_000), (C2S, 10), (S2C, 3_000)]);
        let parts = rhythm([(C2S, 0), (S2C, 500)].into_iter().chain([(S2C, 40)].repeat(500)));
        for rhythm in [few, parts] {
            assert_eq!(told(&rhythm, false, Lang::En).len(), 1);
        }
        // Of what may lack messages, and of a clock that goes back.
        let lossy = told(&orders(), true, Lang::En);
        assert_eq!(lossy.len(), 1, "{lossy:?}");
        let lossy = told(&rhythm([(C2S, 0), (S2C, 5), (S2C, 5_000)]), true, Lang::En);
        assert!(lossy.len() == 1 && lossy[0].1.contains("1 came without a captured message"), "{lossy:?}");
        let back = rhythm([(C2S, 5_000), (S2C, -3_000)].repeat(20));
        assert_eq!(told(&back, false, Lang::En).len(), 1);
        assert!(told(&rhythm([(C2S, 0)]), false, Lang::En).is_empty());
    }

    #[test]
    fn a_stream_of_news_is_pushed() {
        let news = rhythm([(C2S, 0), (S2C, 20)].into_iter().chain([(S2C, 5_000)].repeat(30)));
        let [fact, (grade, text)] = &told(&news, false, Lang::En)[..] else { panic!() };
        assert!(fact.1.contains("31 data messages, 30 came without"), "{fact:?}");
        assert!(
            *grade == Grade::Inferred && text.starts_with("30 messages were pushed without a preceding"),
            "{text}"
        );
        let silent = rhythm([(S2C, 250)].repeat(5));
        let [fact, (grade, text)] = &told(&silent, false, Lang::En)[..] else { panic!() };
        assert_eq!(fact.1, "The server sent 5 data messages; the client sent none.");
        assert!(*grade == Grade::Inferred && text.contains("pushed them"), "{text}");
        assert_eq!(told(&silent, true, Lang::Zh).len(), 1);
    }
}
