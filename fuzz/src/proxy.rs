//! The PROXY header: the answer for a part of the input fits the answer for the whole.

use wslens::http::{ProxyScan, scan_proxy};

pub fn run(data: &[u8]) {
    let whole = scan_proxy(data);
    let mut before = ProxyScan::Need;
    for end in 0..=data.len().min(600) {
        let now = scan_proxy(&data[..end]);
        match (before, now) {
            (ProxyScan::Need, ProxyScan::Done { len, .. }) => assert_eq!(len, end, "done with its last byte"),
            (ProxyScan::Need, _) => {}
            _ => assert_eq!(before, now, "an answer stands, whatever follows"),
        }
        before = now;
    }
    if data.len() <= 600 || before != ProxyScan::Need {
        assert_eq!(before, whole);
    }
    if let ProxyScan::Done { len, .. } = whole {
        assert!(len <= data.len() && len > 0);
        assert_eq!(scan_proxy(&data[..len]), whole);
    }
}
