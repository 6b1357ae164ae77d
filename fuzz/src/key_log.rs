//! Key logs: any bytes are one, and one that grows gives what it gives at once.

use wslens::tls::KeyStore;

use crate::feed::Feed;

pub fn run(data: &[u8]) {
    let (all, pieces) = Feed::new(data).cut();
    let mut whole = KeyStore::default();
    whole.feed(all);
    whole.end();
    let mut cut = KeyStore::default();
    for piece in pieces {
        cut.feed(piece);
    }
    cut.end();
    assert_eq!(cut.counts(), whole.counts());
    let counts = whole.counts();
    assert_eq!(whole.is_empty(), counts.secrets == 0);
    assert!(counts.secrets + counts.other + counts.broken + counts.dropped <= counts.lines);
    assert_eq!(counts.broken > 0, counts.first_broken > 0);
}
