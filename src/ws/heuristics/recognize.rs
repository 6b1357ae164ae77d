//! A WebSocket without its opening handshake: recognised by the structure of what both ends send.
//!
//! Evidence is counted in bits ([`chain`](super::chain)). Where it does not suffice, the answer is no: a frame that
//! is shown although there is none is worse than one that is not shown.

use crate::model::to_u32;
use std::fmt::Write as _;

use super::chain::{Beat, Chain, Expect, Piece, Where, find};
use crate::ws::Opcode;

/// What one end sent, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'a> {
    /// In order of the stream.
    pub pieces: &'a [Piece<'a>],
    /// The stream ends behind the last piece.
    pub ended: bool,
}

/// A WebSocket that was recognised.
#[derive(Clone, Debug)]
pub struct Guess {
    /// Which of the two is the client: it masks.
    pub client: usize,
    /// Offset of the first certain frame of each; `None` where none was found.
    pub starts: [Option<u64>; 2],
    /// Why it is believed to be one.
    pub evidence: String,
}

/// Whether bytes are those of a WebSocket.
#[derive(Clone, Debug)]
pub enum GuessVerdict {
    /// They are.
    WebSocket(Box<Guess>),
    /// Nothing speaks against it, but more has to come.
    Maybe,
    /// They are not, or nobody can tell.
    No,
}

/// Bits for both directions together.
const BOTH: u32 = 48;
/// A chain below is looked for at every byte.
const WEAK: u32 = 20;

/// What is known of two ends besides what they sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which one is the client.
    pub client: Option<usize>,
    /// Which one is taken for the client where nothing else tells: a mask would.
    pub likely_client: usize,
    /// Somebody says that this is a WebSocket.
    pub said: bool,
}

/// Judges what two ends sent.
#[must_use]
pub fn recognise(sent: [Sent<'_>; 2], known: Known) -> GuessVerdict {
    let mut maybe = false;
    let mut best: Option<(u32, Guess)> = None;
    // Each end as a server, or as a client that does not mask.
    let [first, second] = sent;
    let plain = [chain_of(first, false), chain_of(second, false)];
    for (who, own, other) in [(0, first, &plain[1]), (1, second, &plain[0])] {
        if known.client.is_some_and(|client| client != who) {
            continue;
        }
        let masked = chain_of(own, true);
        let Judged { bits, enough, unread, any, guess } =
            judge(sent, who, true, [&masked, other], known.said);
        maybe |= any && !unread;
        if enough && best.as_ref().is_none_or(|(most, _)| bits > *most) {
            best = Some((bits, guess));
        }
    }
    if best.is_none() {
        // Some clients do not mask, although they have to.
        let who = known.client.unwrap_or(known.likely_client);
        let [first, second] = &plain;
        let chains = if who == 0 { [first, second] } else { [second, first] };
        let Judged { bits, enough, unread, any, guess } = judge(sent, who, false, chains, known.said);
        maybe |= any && !unread;
        best = enough.then_some((bits, guess));
    }
    match best {
        Some((_, guess)) => GuessVerdict::WebSocket(Box::new(guess)),
        None if maybe => GuessVerdict::Maybe,
        None => GuessVerdict::No,
    }
}

/// What speaks for a WebSocket whose client is one of two ends.
struct Judged {
    bits: u32,
    enough: bool,
    /// In one direction are bytes, but no frames that could be found.
    unread: bool,
    /// In any direction are frames.
    any: bool,
    guess: Guess,
}

/// Judges what two ends sent, if `who` is the client and masks its frames or not. `chains`: the client's and the server's.
fn judge(sent: [Sent<'_>; 2], who: usize, masks: bool, chains: [&Option<Chain>; 2], said: bool) -> Judged {
    let [first, second] = sent;
    let (own, other) = if who == 0 { (first, second) } else { (second, first) };
    let [client, server] = chains;
    let unread =
        (client.is_none() && !own.pieces.is_empty()) || (server.is_none() && !other.pieces.is_empty());
    let beats = match (client, server) {
        (Some(client), Some(server)) => beats(client, server),
        _ => 0,
    };
    let bits = chains.into_iter().flatten().map(|chain| chain.bits).sum::<u32>() + beats * 16;
    let proven = if masks {
        suffices(client.as_ref(), server.as_ref(), bits, beats, unread)
    } else {
        suffices_unmasked(client.as_ref(), server.as_ref(), bits)
    };
    let enough = proven || (said && bits >= 12 && !unread);
    let any = chains.into_iter().any(Option::is_some);
    let evidence = words(chains, masks, beats);
    let [own, other] = chains.map(|chain| chain.as_ref().map(|chain| chain.start));
    let starts = if who == 0 { [own, other] } else { [other, own] };
    Judged { bits, enough, unread, any, guess: Guess { client: who, starts, evidence } }
}

/// Whether chains without masks in both directions prove a WebSocket. Many protocols have a kind and a length, so each
/// direction has to tell more than with masks.
fn suffices_unmasked(client: Option<&Chain>, server: Option<&Chain>, bits: u32) -> bool {
    let (Some(client), Some(server)) = (client, server) else { return false };
    let tells = |chain: &Chain| chain.frames >= 3 && chain.bits >= 36 && chain.telling >= 2;
    bits >= 120 && tells(client) && tells(server)
}

/// Whether chains prove a WebSocket. `unread`: in one direction are bytes, but no frames that could be found.
fn suffices(masked: Option<&Chain>, plain: Option<&Chain>, bits: u32, beats: u32, unread: bool) -> bool {
    match (masked, plain) {
        (Some(masked), Some(plain)) => {
            // Of each direction something, and something that is more than a pattern.
            bits >= BOTH
                && (masked.frames + plain.frames >= 3 || beats > 0)
                && masked.bits >= 8
                && plain.bits >= 6
        }
        (Some(one), None) => {
            let (frames, needed) = if unread { (6, 96) } else { (4, 72) };
            (one.frames >= frames && bits >= needed && one.telling >= 2)
                || (!unread && one.frames >= 12 && one.aligned >= 8 && bits >= 120)
        }
        // Without a mask, many protocols have a kind and a length.
        (None, Some(one)) => {
            let (frames, needed, telling) = if unread { (8, 120, 4) } else { (6, 90, 3) };
            one.frames >= frames && bits >= needed && one.telling >= telling
        }
        (None, None) => false,
    }
}

fn chain_of(sent: Sent<'_>, masked: bool) -> Option<Chain> {
    /// Bytes that are looked at one by one.
    const CLOSELY: usize = 16 << 10;
    let expect = Expect { masked, rsv1: true, ended: sent.ended };
    let aligned = find(sent.pieces, &expect, Where::Pieces, 1);
    if aligned.as_ref().is_some_and(|chain| chain.bits >= WEAK) {
        return aligned;
    }
    let mut len = 0;
    let few = sent.pieces.iter().take_while(|piece| {
        len += piece.bytes.len();
        len <= CLOSELY
    });
    let few = sent.pieces.get(..few.count().max(1).min(sent.pieces.len())).unwrap_or_default();
    let expect = Expect { ended: sent.ended && few.len() == sent.pieces.len(), ..expect };
    find(few, &expect, Where::Bytes, BOTH).or(aligned)
}

/// Pings of one direction that were answered in the other, and Closes.
fn beats(one: &Chain, other: &Chain) -> u32 {
    let answered = |a: &Chain, b: &Chain, opcode, answer| {
        let answers = |asks: &&Beat| {
            let same =
                |beat: &Beat| beat.opcode == answer && beat.payload == asks.payload && beat.len == asks.len;
            asks.opcode == opcode && b.beats.iter().any(same)
        };
        to_u32(a.beats.iter().filter(answers).count())
    };
    let pings =
        answered(one, other, Opcode::Ping, Opcode::Pong) + answered(other, one, Opcode::Ping, Opcode::Pong);
    (pings + answered(one, other, Opcode::Close, Opcode::Close)).min(4)
}

fn words(chains: [&Option<Chain>; 2], masks: bool, beats: u32) -> String {
    let mut text = String::new();
    let kinds = if masks { ["masked", "unmasked"] } else { ["unmasked", "unmasked"] };
    for (chain, kind) in chains.into_iter().zip(kinds) {
        let Some(chain) = chain else { continue };
        let s = if chain.frames == 1 { "" } else { "s" };
        let _ = write!(text, "{}{} {kind} frame{s}", if text.is_empty() { "" } else { ", " }, chain.frames);
        let mut inside = Vec::new();
        for (count, what) in [
            (chain.texts, "read as text"),
            (chain.compressed, "compressed"),
            (chain.aligned, "fill segments"),
        ] {
            if count > 0 {
                inside.push(format!("{count} {what}"));
            }
        }
        if !inside.is_empty() {
            let _ = write!(text, " ({})", inside.join(", "));
        }
    }
    match beats {
        0 => {}
        1 => text.push_str(", a control frame with its answer"),
        _ => {
            let _ = write!(text, ", {beats} control frames with their answers");
        }
    }
    text
}
