//! The anchor, by which a store knows how far its log was durable, as seen from outside: when it speaks of all that
//! was acknowledged.
//!
//! Not here: what is in it. That the server writes two files in turn, and only when there is something new to say,
//! is all that is known.

use std::time::{Duration, SystemTime};
use std::{array, fs};

use millstream_runtime::SystemClock;

use crate::server::{Server, pause_for};
use crate::wire::Wire;

const FILES: [&str; 2] = ["ANCHOR-A", "ANCHOR-B"];
/// A stream of its own, whose records give the server something new to say.
const STREAM: &str = "anchored";
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Waits until what was acknowledged before is in the anchor, and the anchor is on the disk.
///
/// # Panics
/// When the server refuses, or does not write its anchor.
pub fn settle(server: &Server) {
    let mut wire = Wire::connect(server.address()).expect("a server that runs");
    wire.create_stream(STREAM, 1).expect("a stream that can be made");
    // A write may be under way that does not know of the last records. The next one does, and once a third has
    // begun, that one has been synced.
    let mut before = written(server).into_iter().max();
    for _ in 0..2 {
        before = Some(wait_for_both(server, &mut wire, before));
    }
}

/// Waits until both files were written later than `before`; when the older one was.
fn wait_for_both(server: &Server, wire: &mut Wire, before: Option<SystemTime>) -> SystemTime {
    let clock = SystemClock::shared();
    let end = clock.monotonic() + LIMIT;
    loop {
        wire.put_record(STREAM, "anchored", b"anchored").expect("a record that is taken");
        let older = written(server).into_iter().min();
        if let Some(older) = older.filter(|older| Some(*older) > before) {
            return older;
        }
        assert!(clock.monotonic() < end, "no anchor within {LIMIT:?}\n{}", server.log());
        pause_for(POLL);
    }
}

/// When each file was last written; one that is not there yet never was.
fn written(server: &Server) -> [SystemTime; 2] {
    array::from_fn(|index| {
        let file = server.data_dir().join("store").join(FILES[index]);
        fs::metadata(file).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    })
}
