//! Reads the format that RocksDB's write-ahead logs and manifest share, to judge damage at their end.
//!
//! A file is a sequence of blocks of 32 KiB. A record is one fragment, or several over consecutive blocks;
//! each fragment has a CRC-32C, a length and a type. RocksDB tells damage only from a clean end; here it can
//! also be told where the damage begins and whether anything whole lies behind it.

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 7;
/// Of each record so much of the beginning is kept.
const HEAD_BYTES: usize = 64;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;
/// Types from here on say something about the file, not about data.
const META: u8 = 9;

/// A record: where it lies, and how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) head: Vec<u8>,
}

/// The whole records at the beginning of a file, and where they end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) records: Vec<Record>,
    /// Behind the last whole record. What follows, if anything does, is torn or damaged.
    pub(super) end: usize,
    /// Where a record begins that has no end.
    pub(super) open: Option<usize>,
}

struct Fragment<'a> {
    kind: u8,
    data: &'a [u8],
    end: usize,
}

pub(super) fn whole_records(bytes: &[u8]) -> Whole {
    let mut whole = Whole::default();
    let (mut at, mut open): (usize, Option<Record>) = (0, None);
    while let Some(fragment) = fragment_at(bytes, &mut at) {
        at = fragment.end;
        let begun = open.take();
        whole.open = begun.as_ref().map(|record| record.start);
        match (fragment.kind, begun) {
            (FULL, None) => {
                let start = fragment.end - fragment.data.len() - HEADER;
                whole.records.push(Record { start, end: at, head: head(fragment.data) });
            }
            (FIRST, None) => {
                let start = fragment.end - fragment.data.len() - HEADER;
                open = Some(Record { start, end: at, head: head(fragment.data) });
                continue;
            }
            (MIDDLE, Some(record)) => {
                open = Some(record.and(fragment.data));
                continue;
            }
            (LAST, Some(record)) => whole.records.push(Record { end: at, ..record.and(fragment.data) }),
            (META.., None) => {}
            _ => return whole,
        }
        whole.end = at;
        whole.open = None;
    }
    whole.open = open.map(|record| record.start);
    whole
}

/// Records that begin behind `from`, as far as they can be found between damaged places. Those of several
/// fragments are taken for whole by their first.
pub(super) fn records_behind(bytes: &[u8], from: usize) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    // Whether the fragments that come next belong to the last record.
    let mut open = false;
    let mut at = from;
    while at < bytes.len() {
        let Some(fragment) = fragment_at(bytes, &mut at) else {
            open = false;
            at = behind_damage(bytes, at);
            continue;
        };
        at = fragment.end;
        match fragment.kind {
            FULL | FIRST => {
                let start = at - fragment.data.len() - HEADER;
                records.push(Record { start, end: at, head: head(fragment.data) });
            }
            // A first fragment may hold only a few bytes, too few to say anything.
            MIDDLE | LAST if open => {
                if let Some(record) = records.pop() {
                    records.push(record.and(fragment.data));
                }
            }
            _ => {}
        }
        open = fragment.kind == FIRST || (open && fragment.kind == MIDDLE);
    }
    records
}

/// Where to look on: behind the damaged fragment, if its length leads to a whole one, else in the next block.
fn behind_damage(bytes: &[u8], at: usize) -> usize {
    let next_block = (at / BLOCK + 1) * BLOCK;
    let length = bytes.get(at + 4..at + 6).and_then(|length| length.first_chunk());
    let end = length.map(|length| at + HEADER + usize::from(u16::from_le_bytes(*length)));
    end.filter(|end| *end < next_block && fragment_at(bytes, &mut { *end }).is_some()).unwrap_or(next_block)
}

/// The fragment at this place, or behind the rest of the block if none fits there. `None` at damage and at
/// the end.
fn fragment_at<'a>(bytes: &'a [u8], at: &mut usize) -> Option<Fragment<'a>> {
    if BLOCK - *at % BLOCK < HEADER {
        *at = (*at / BLOCK + 1) * BLOCK;
    }
    let block_end = (*at / BLOCK + 1) * BLOCK;
    let header: &[u8; HEADER] = bytes.get(*at..)?.first_chunk()?;
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let data_at = *at + HEADER;
    let end = data_at + length;
    if end > block_end || (kind == 0 && length == 0) {
        return None;
    }
    let data = bytes.get(data_at..end)?;
    let checksum = unmask(u32::from_le_bytes([c0, c1, c2, c3]));
    let covered = &bytes[data_at - 1..end];
    (crc32c(covered) == checksum).then_some(Fragment { kind, data, end })
}

fn head(data: &[u8]) -> Vec<u8> {
    data[..data.len().min(HEAD_BYTES)].to_vec()
}

impl Record {
    /// The record with one more fragment.
    fn and(mut self, data: &[u8]) -> Self {
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&data[..data.len().min(room)]);
        self
    }
}

/// RocksDB stores checksums masked, so that a checksum over bytes that hold checksums stays a good one.
fn unmask(masked: u32) -> u32 {
    masked.wrapping_sub(0xa282_ead8).rotate_left(15)
}

/// Tables for eight bytes at once (Castagnoli polynomial, reflected).
const TABLES: [[u32; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte as usize] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before: u32 = tables[table - 1][byte];
            tables[table][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
};

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let word = u64::from_le_bytes(*eight) ^ u64::from(crc);
        let mut next = 0;
        for (place, byte) in word.to_le_bytes().into_iter().enumerate() {
            next ^= TABLES[7 - place][usize::from(byte)];
        }
        crc = next;
    }
    for byte in rest {
        crc = crc >> 8 ^ TABLES[0][usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    !crc
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn mask(crc: u32) -> u32 {
        crc.rotate_right(15).wrapping_add(0xa282_ead8)
    }

    /// Appends a record as RocksDB would.
    pub(in crate::rocksdb) fn append(log: &mut Vec<u8>, mut data: &[u8]) {
        let mut is_first = true;
        loop {
            let left = BLOCK - log.len() % BLOCK;
            if left < HEADER {
                log.resize(log.len() + left, 0);
                continue;
            }
            let (now, later) = data.split_at(data.len().min(left - HEADER));
            let kind = match (is_first, later.is_empty()) {
                (true, true) => FULL,
                (true, false) => FIRST,
                (false, true) => LAST,
                (false, false) => MIDDLE,
            };
            let covered = [&[kind], now].concat();
            log.extend_from_slice(&mask(crc32c(&covered)).to_le_bytes());
            log.extend_from_slice(&u16::try_from(now.len()).unwrap().to_le_bytes());
            log.extend_from_slice(&covered);
            (data, is_first) = (later, false);
            if data.is_empty() {
                return;
            }
        }
    }

    #[test]
    fn the_checksum_is_the_one_of_castagnoli() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(unmask(mask(77)), 77);
    }

    #[test]
    fn reads_records_of_any_size_and_stops_at_damage() {
        let mut log = Vec::new();
        let sizes = [0, 1, 100, 32_743, 3, 32_761, 200_000, 5];
        sizes.iter().for_each(|size| append(&mut log, &vec![7; *size]));
        let whole = whole_records(&log);
        assert_eq!((whole.records.len(), whole.end), (sizes.len(), log.len()));
        assert!(whole.records.windows(2).all(|two| two[0].end <= two[1].start));

        let fifth = whole.records[5].clone();
        for damage in [fifth.start, fifth.start + 6, fifth.end - 1] {
            let mut log = log.clone();
            log[damage] ^= 1;
            let found = whole_records(&log);
            assert_eq!((found.records.len(), found.end), (5, whole.records[4].end));
            assert_eq!(records_behind(&log, found.end).last(), Some(&whole.records[7]));
        }
        for cut in fifth.start..fifth.start + 40 {
            assert_eq!(whole_records(&log[..cut]).records.len(), 5);
            assert_eq!(records_behind(&log[..cut], fifth.start), []);
        }
    }

    #[test]
    fn a_record_without_an_end_is_told_from_those_behind_it() {
        let mut log = Vec::new();
        append(&mut log, &[7; 100]);
        let begin = log.len();
        append(&mut log, &[7; 100_000]);
        for (cut, open) in [(begin, None), (begin + 40, None), (70_000, Some(begin)), (log.len(), None)] {
            assert_eq!(whole_records(&log[..cut]).open, open, "cut at {cut}");
        }
        log.truncate(BLOCK);
        append(&mut log, &[8; 10]);
        assert_eq!(whole_records(&log), Whole { open: Some(begin), ..whole_records(&log[..begin]) });
        let behind: Vec<_> = records_behind(&log, begin).iter().map(|record| record.start).collect();
        assert_eq!(behind, [begin, BLOCK]);
    }

    #[test]
    fn the_beginning_of_a_record_may_lie_in_two_blocks() {
        let mut log = Vec::new();
        append(&mut log, &vec![7; BLOCK - HEADER - HEADER - 10]);
        let start = log.len();
        let data: Vec<u8> = (0..100).cycle().take(40_000).collect();
        append(&mut log, &data);
        assert!(log.len() > 2 * BLOCK, "ten bytes of it are in the first block, some in the third");
        let heads = |log: &[u8]| -> Vec<_> {
            records_behind(log, start).into_iter().map(|record| record.head).collect()
        };
        assert_eq!(heads(&log), [&data[..HEAD_BYTES]]);
        // What follows damage belongs to nothing.
        log[BLOCK] ^= 1;
        assert_eq!(heads(&log), [&data[..10]]);
    }
}
