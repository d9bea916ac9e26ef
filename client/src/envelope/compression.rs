//! Data made smaller: their length as a big-endian `u32`, then one frame of Zstandard or one block of LZ4.
//!
//! The length is there so that nothing is allocated by what compressed data claim while they are read, and is bounded by
//! the largest record there is.

use bytes::{BufMut, Bytes};
use millstream_model::limits::RECORD_BYTES_CEILING;
use parking_lot::Mutex;
use zstd::bulk::Compressor;

use super::{LZ4, OpenError, SealError, ZSTD};

/// Bytes in front of the compressed data.
const LENGTH_BYTES: usize = 4;
/// What the tag that names the method takes: less than that is no gain.
const GAIN_MIN: usize = 16;
/// Compressors that are kept for the next record: as many as records were compressed at once, within reason.
const POOL_MAX: usize = 64;

/// How data are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Smaller.
    Zstd {
        /// 1 to 22; 3 is a good balance.
        level: i32,
    },
    /// Faster.
    Lz4,
}

/// Compressors for many records, each used for one at a time: making one costs more than most records do.
pub(super) struct Compressors {
    how: Compression,
    pool: Mutex<Vec<Compressor<'static>>>,
}

impl std::fmt::Debug for Compressors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressors").field("how", &self.how).finish_non_exhaustive()
    }
}

impl Compressors {
    pub(super) fn new(how: Compression) -> Self {
        Self { how, pool: Mutex::default() }
    }

    pub(super) fn method(&self) -> &'static str {
        match self.how {
            Compression::Zstd { .. } => ZSTD,
            Compression::Lz4 => LZ4,
        }
    }

    /// `None` where that would not make them smaller.
    pub(super) fn compress(&self, data: &Bytes) -> Result<Option<Bytes>, SealError> {
        let Ok(length) = u32::try_from(data.len()) else { return Ok(None) };
        let mut out = Vec::with_capacity(LENGTH_BYTES + data.len());
        out.put_u32(length);
        match self.how {
            Compression::Lz4 => out.put_slice(&lz4_flex::block::compress(data)),
            Compression::Zstd { level } => out.put_slice(&self.zstd(level, data)?),
        }
        Ok((out.len() + GAIN_MIN <= data.len()).then(|| out.into()))
    }

    fn zstd(&self, level: i32, data: &[u8]) -> Result<Vec<u8>, SealError> {
        let wrong = |error: std::io::Error| SealError::Compression(error.to_string());
        let pooled = self.pool.lock().pop();
        let mut compressor = match pooled {
            Some(compressor) => compressor,
            None => Compressor::new(level).map_err(wrong)?,
        };
        let compressed = compressor.compress(data).map_err(wrong)?;
        let mut pool = self.pool.lock();
        if pool.len() < POOL_MAX {
            pool.push(compressor);
        }
        Ok(compressed)
    }
}

pub(super) fn decompress_zstd(data: &Bytes) -> Result<Bytes, OpenError> {
    let (length, compressed) = split(data)?;
    let data = zstd::bulk::decompress(compressed, length).map_err(|_| OpenError::Malformed)?;
    if data.len() == length { Ok(data.into()) } else { Err(OpenError::Malformed) }
}

pub(super) fn decompress_lz4(data: &Bytes) -> Result<Bytes, OpenError> {
    let (length, compressed) = split(data)?;
    let data = lz4_flex::block::decompress(compressed, length).map_err(|_| OpenError::Malformed)?;
    if data.len() == length { Ok(data.into()) } else { Err(OpenError::Malformed) }
}

/// The length of what was compressed, and what it became.
fn split(data: &Bytes) -> Result<(usize, &[u8]), OpenError> {
    let (length, compressed) = data.split_first_chunk::<LENGTH_BYTES>().ok_or(OpenError::Malformed)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > RECORD_BYTES_CEILING { Err(OpenError::Malformed) } else { Ok((length, compressed)) }
}
