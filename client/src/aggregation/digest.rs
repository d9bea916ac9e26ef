//! The MD5 of a container's message, and of many at once.
//!
//! Each step of MD5 waits for the one before it, so that one message leaves most of a processor idle. Messages that are
//! there together are digested side by side instead, each in a lane of vector registers; that is several times as
//! fast, and the digests are the same.

use md5::{Digest, Md5};
use wide::u32x8;

/// Bytes of a digest.
pub(super) const DIGEST_BYTES: usize = 16;
/// Messages side by side: as many as make up for the waiting.
const LANES: usize = 8;
/// With fewer, lanes would cost more than they bring.
const SIDE_BY_SIDE_MIN: usize = 3;
const BLOCK_BYTES: usize = 64;
/// What stands at the end of the last block: the length of the message in bits.
const LENGTH_BYTES: usize = 8;

/// The state before the first block (RFC 1321, section 3.3).
const INITIAL: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// What is added in each step: the digits of sines (RFC 1321, section 3.4).
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

/// The digest of one message.
pub(super) fn digest(message: &[u8]) -> [u8; DIGEST_BYTES] {
    Md5::digest(message).into()
}

/// The digests of messages, in their order.
pub(super) fn digests(messages: &[&[u8]]) -> Vec<[u8; DIGEST_BYTES]> {
    if messages.len() < SIDE_BY_SIDE_MIN {
        return messages.iter().map(|message| digest(message)).collect();
    }
    let mut digests = vec![[0; DIGEST_BYTES]; messages.len()];
    let mut waiting = messages.iter().map(|message| Blocks::of(message)).enumerate();
    let mut lanes: [Option<(usize, Blocks<'_>)>; LANES] = std::array::from_fn(|_| waiting.next());
    let mut state = INITIAL.map(u32x8::splat);
    // All go on until one of them has ended.
    while let Some(together) = lanes.iter().flatten().map(|(_, blocks)| blocks.left()).min() {
        for _ in 0..together {
            compress(&mut state, &lanes.each_mut().map(next_block));
        }
        for (lane, place) in lanes.iter_mut().enumerate() {
            if let Some((index, _)) = place.take_if(|(_, blocks)| blocks.left() == 0) {
                digests[index] = take_lane(&mut state, lane);
                *place = waiting.next();
            }
        }
    }
    digests
}

/// The digest in a lane, which begins anew.
fn take_lane(state: &mut [u32x8; 4], lane: usize) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    for ((words, initial), bytes) in state.iter_mut().zip(INITIAL).zip(digest.chunks_exact_mut(4)) {
        let mut lanes = words.to_array();
        bytes.copy_from_slice(&lanes[lane].to_le_bytes());
        lanes[lane] = initial;
        *words = u32x8::new(lanes);
    }
    digest
}

/// A message in blocks, with the padding at its end.
#[derive(Clone, Debug)]
struct Blocks<'a> {
    whole: &'a [[u8; BLOCK_BYTES]],
    /// The last one or two blocks.
    end: [[u8; BLOCK_BYTES]; 2],
    end_count: usize,
    end_given: usize,
}

impl<'a> Blocks<'a> {
    fn of(message: &'a [u8]) -> Self {
        let (whole, rest) = message.as_chunks::<BLOCK_BYTES>();
        let mut end = [[0; BLOCK_BYTES]; 2];
        let padding = end.as_flattened_mut();
        padding[..rest.len()].copy_from_slice(rest);
        padding[rest.len()] = 0x80;
        let is_short = rest.len() + 1 + LENGTH_BYTES <= BLOCK_BYTES;
        let length_end = if is_short { BLOCK_BYTES } else { 2 * BLOCK_BYTES };
        let bits = (message.len() as u64).wrapping_mul(8);
        padding[length_end - LENGTH_BYTES..length_end].copy_from_slice(&bits.to_le_bytes());
        Self { whole, end, end_count: length_end / BLOCK_BYTES, end_given: 0 }
    }

    fn left(&self) -> usize {
        self.whole.len() + self.end_count - self.end_given
    }

    fn next(&mut self) -> Option<&[u8; BLOCK_BYTES]> {
        if let Some((first, rest)) = self.whole.split_first() {
            self.whole = rest;
            return Some(first);
        }
        let next = self.end[..self.end_count].get(self.end_given)?;
        self.end_given += 1;
        Some(next)
    }
}

/// Something for a lane without a message to work on.
fn next_block<'a>(lane: &'a mut Option<(usize, Blocks<'_>)>) -> &'a [u8; BLOCK_BYTES] {
    const NOTHING: &[u8; BLOCK_BYTES] = &[0; BLOCK_BYTES];
    lane.as_mut().and_then(|(_, blocks)| blocks.next()).unwrap_or(NOTHING)
}

/// One block of each lane (RFC 1321, section 3.4).
fn compress(state: &mut [u32x8; 4], blocks: &[&[u8; BLOCK_BYTES]; LANES]) {
    let words: [u32x8; 16] = std::array::from_fn(|word| u32x8::new(blocks.map(|block| read(block, word))));
    let before = *state;
    for group in 0..4 {
        four::<7, 12, 17, 22>(state, &words, 4 * group, |step| step, |x, y, z| z ^ (x & (y ^ z)));
    }
    for group in 4..8 {
        four::<5, 9, 14, 20>(state, &words, 4 * group, |step| 5 * step + 1, |x, y, z| y ^ (z & (x ^ y)));
    }
    for group in 8..12 {
        four::<4, 11, 16, 23>(state, &words, 4 * group, |step| 3 * step + 5, |x, y, z| x ^ y ^ z);
    }
    for group in 12..16 {
        four::<6, 10, 15, 21>(state, &words, 4 * group, |step| 7 * step, |x, y, z| y ^ (x | !z));
    }
    for (word, before) in state.iter_mut().zip(before) {
        *word += before;
    }
}

/// Four steps, which give each word of the state its turn.
#[inline(always)]
fn four<const A: u32, const B: u32, const C: u32, const D: u32>(
    [a, b, c, d]: &mut [u32x8; 4],
    words: &[u32x8; 16],
    first: usize,
    word_of: impl Fn(usize) -> usize,
    mix: impl Fn(u32x8, u32x8, u32x8) -> u32x8,
) {
    let added = |step: usize| words[word_of(step) % 16] + u32x8::splat(SINES[step]);
    *a = *b + rotated::<A>(*a + mix(*b, *c, *d) + added(first));
    *d = *a + rotated::<B>(*d + mix(*a, *b, *c) + added(first + 1));
    *c = *d + rotated::<C>(*c + mix(*d, *a, *b) + added(first + 2));
    *b = *c + rotated::<D>(*b + mix(*c, *d, *a) + added(first + 3));
}

#[inline(always)]
fn rotated<const BITS: u32>(words: u32x8) -> u32x8 {
    (words << BITS) | (words >> (32 - BITS))
}

/// A word of a block.
#[inline(always)]
fn read(block: &[u8; BLOCK_BYTES], word: usize) -> u32 {
    let (words, _) = block.as_chunks::<4>();
    u32::from_le_bytes(words[word])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_of_every_length_around_a_block() {
        let bytes: Vec<u8> = (0..=255).collect();
        let messages: Vec<_> = (0..200).map(|length| &bytes[..length]).collect();
        let expected: Vec<_> = messages.iter().map(|message| digest(message)).collect();
        assert_eq!(digests(&messages), expected);
        assert_eq!(digests(&[]), Vec::<[u8; DIGEST_BYTES]>::new());
    }

    proptest! {
        #[test]
        fn side_by_side_is_as_alone(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..30)) {
            let messages: Vec<_> = messages.iter().map(Vec::as_slice).collect();
            let expected: Vec<_> = messages.iter().map(|message| digest(message)).collect();
            prop_assert_eq!(digests(&messages), expected);
        }
    }
}
