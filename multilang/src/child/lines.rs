//! Lines of a child's output, as far as they are kept in memory.
//!
//! A line that is too long comes in pieces, and so does, for who is impatient, one that is begun and not ended for a
//! while: programs that never end a line are heard all the same.

use std::time::Duration;

use millstream_runtime::SharedClock;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Messages are far shorter.
pub(super) const PIECE_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Lines<R> {
    input: BufReader<R>,
    /// For how long a line that is begun may wait for its end, where it may not wait for ever.
    patience: Option<(SharedClock, Duration)>,
    begun: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines that wait for their end.
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), patience: None, begun: Vec::new() }
    }

    /// Lines that come in pieces where there is a pause in them.
    pub(super) fn impatient(input: R, clock: SharedClock, patience: Duration) -> Self {
        Self { patience: Some((clock, patience)), ..Self::new(input) }
    }

    /// The next line or piece of one, without its end; `None` behind the last. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let reading = self.input.fill_buf();
            let read = match &self.patience {
                Some((clock, patience)) if !self.begun.is_empty() => clock.timeout(*patience, reading).await,
                _ => Some(reading.await),
            };
            let available = match read {
                // A broken pipe ends as a closed one does.
                Some(read) => read.unwrap_or_default(),
                None => return Some(std::mem::take(&mut self.begun)),
            };
            if available.is_empty() {
                return (!self.begun.is_empty()).then(|| std::mem::take(&mut self.begun));
            }
            let room = PIECE_MAX - self.begun.len();
            let seen = &available[..available.len().min(room)];
            let end = seen.iter().position(|byte| *byte == b'\n');
            let kept = end.unwrap_or(seen.len());
            self.begun.extend_from_slice(&seen[..kept]);
            let is_over = end.is_some() || self.begun.len() == PIECE_MAX;
            let used = end.map_or(kept, |end| end + 1);
            self.input.consume(used);
            if is_over {
                return Some(std::mem::take(&mut self.begun));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use millstream_runtime::SystemClock;
    use proptest::prelude::*;

    use super::*;

    async fn all(input: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(input);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    #[tokio::test]
    async fn lines_end_at_line_feeds_and_long_ones_come_in_pieces() {
        assert_eq!(all(b"a\n\nb").await, [&b"a"[..], b"", b"b"]);
        assert_eq!(all(b"").await, Vec::<Vec<u8>>::new());
        let long = vec![b'x'; 2 * PIECE_MAX + 1];
        let pieces = all(&long).await;
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [PIECE_MAX, PIECE_MAX, 1]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_heard() {
        let (mut writer, reader) = tokio::io::duplex(64);
        let mut lines = Lines::impatient(reader, SystemClock::shared(), Duration::from_millis(1));
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"no end").await.unwrap();
        assert_eq!(lines.next().await.unwrap(), b"no end");
    }

    proptest! {
        /// Whatever is printed, nothing is lost and no piece is greater than the limit.
        #[test]
        fn nothing_is_lost(input: Vec<u8>) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let lines = runtime.block_on(all(&input));
            let mut expected: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            expected.pop_if(|last| last.is_empty());
            prop_assert_eq!(lines, expected);
        }
    }
}
