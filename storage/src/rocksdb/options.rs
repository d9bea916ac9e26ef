//! RocksDB's settings, each with the reason or the figure that chose it.
//!
//! The load is a log of large values under short keys that are written once, read in order, and deleted
//! in ranges from the front; beside it lie a few small rows that are overwritten.

use rocksdb::{BlockBasedOptions, Cache, DBRecoveryMode, LogLevel, Options};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What an operator may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes written before they are flushed from memory to a file. Up to three such buffers exist while
    /// the disk is behind. The write-ahead log that is read back after a crash is up to four times as large
    /// as one: it is given up by whole files.
    pub write_buffer_bytes: usize,
    /// Kept free on the disk so that trimming can work when it is full.
    pub reserve_bytes: u64,
    /// Go on after durable writes were found missing, instead of refusing to open. For an operator who has
    /// read the error and decided.
    pub accept_loss: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { write_buffer_bytes: 64 * MIB, reserve_bytes: 16 * MIB as u64, accept_loss: false }
    }
}

/// Values from this size on go to blob files and are written once; smaller ones are compacted with their
/// keys.
const BLOB_BYTES_MIN: u64 = 512;

/// `direct_io` says that the file system can write past the page cache, `create` that there is no store yet.
pub(super) fn options(settings: &Settings, direct_io: bool, create: bool) -> Options {
    let mut options = Options::default();
    // RocksDB that creates a store removes the files of the one it did not find.
    options.create_if_missing(create);
    options.set_paranoid_checks(true);
    // The default, PointInTimeRecovery, opens cleanly at the first flipped bit and forgets the rest.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);

    // Values are written to the log and, at the flush, to a blob file; never again. Compaction moves keys
    // and references only, some 60 bytes a block.
    options.set_enable_blob_files(true);
    options.set_min_blob_size(BLOB_BYTES_MIN);
    options.set_blob_file_size(256 * MIB as u64);
    options.set_write_buffer_size(settings.write_buffer_bytes);
    options.set_max_write_buffer_number(3);
    options.set_max_total_wal_size(4 * settings.write_buffer_bytes as u64);
    options.set_target_file_size_base(8 * MIB as u64);
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(MIB as u64);
    // Flushed files past the page cache: 8 blocks of 256 KiB a commit went from 229 to 391 MB/s, from 2.2 to
    // 1.0 CPU seconds a GB, and the p99 of a commit from 308 to 35 ms (medians of 3, virtual disk). What
    // is flushed is read from memory for as long as somebody follows the stream.
    options.set_use_direct_io_for_flush_and_compaction(direct_io);

    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(16 * MIB));
    table.set_block_size(8 * KIB);
    table.set_format_version(6);
    options.set_block_based_table_factory(&table);

    // Quiet, and quick to open.
    options.set_max_open_files(512);
    options.set_skip_stats_update_on_db_open(true);
    options.set_stats_dump_period_sec(0);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(MIB);
    options
}
