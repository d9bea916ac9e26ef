//! Adds up amounts by customer in SQLite, each record exactly once, whatever crashes:
//! `cargo run --example exactly_once -- orders totals.sqlite`. A record's key is the customer, its data the amount.
//!
//! The end of a batch is announced in the lease table; then the amounts and that same end are written in one
//! transaction; then the checkpoint is made. Whoever begins after a crash finds in the database how far it went. The
//! epoch, which rises with every processor of a shard, keeps out one that was thought to be dead.
#![allow(clippy::print_stderr)] // what it finds after a crash is for whoever watches it

use std::sync::Arc;
use std::time::Duration;

use millstream_consumer_sdk::{
    AwsSettings, Batch, BoxError, Checkpoint, CheckpointPolicy, Checkpointer, Consumer, InitialPosition,
    Initialization, RecordProcessor, UserRecord, async_trait,
};
use parking_lot::Mutex;
use rusqlite::{Connection, params};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS totals (customer TEXT PRIMARY KEY, amount INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS progress (shard TEXT PRIMARY KEY, epoch INTEGER NOT NULL, sequence TEXT, sub INTEGER);";

struct Totals {
    /// Shared by the processors of all shards; its transactions are short.
    database: Arc<Mutex<Connection>>,
    shard: String,
    epoch: i64,
    /// Everything up to here is in the database.
    written: Option<Checkpoint>,
}

impl Totals {
    /// Makes the shard this processor's, and reads how far it was written.
    fn claim(&self) -> Result<Option<Checkpoint>, BoxError> {
        let mut database = self.database.lock();
        let transaction = database.transaction()?;
        let claimed = transaction.execute(
            "INSERT INTO progress (shard, epoch) VALUES (?1, ?2)
             ON CONFLICT (shard) DO UPDATE SET epoch = ?2 WHERE epoch <= ?2",
            params![self.shard, self.epoch],
        )?;
        if claimed == 0 {
            return Err("a later processor has the shard".into());
        }
        let (sequence, sub): (Option<String>, Option<i64>) = transaction.query_row(
            "SELECT sequence, sub FROM progress WHERE shard = ?1",
            [&self.shard],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        transaction.commit()?;
        let Some(sequence) = sequence else { return Ok(None) };
        Ok(Some(Checkpoint::at(sequence.parse()?, u64::try_from(sub.unwrap_or_default())?)))
    }

    /// Adds records up to `last`: all of them, or none.
    fn add(&self, records: &[&UserRecord], last: &UserRecord) -> Result<(), BoxError> {
        let mut database = self.database.lock();
        let transaction = database.transaction()?;
        for record in records {
            let amount: i64 = std::str::from_utf8(&record.data)?.parse()?;
            transaction.execute(
                "INSERT INTO totals (customer, amount) VALUES (?1, ?2)
                 ON CONFLICT (customer) DO UPDATE SET amount = amount + ?2",
                params![&*record.partition_key, amount],
            )?;
        }
        let (sequence, sub) = (last.sequence_number.as_str(), i64::try_from(last.sub_sequence)?);
        let moved = transaction.execute(
            "UPDATE progress SET sequence = ?3, sub = ?4 WHERE shard = ?1 AND epoch = ?2",
            params![self.shard, self.epoch, sequence, sub],
        )?;
        if moved == 0 {
            return Err("a later processor has the shard".into());
        }
        Ok(transaction.commit()?)
    }
}

#[async_trait]
impl RecordProcessor for Totals {
    async fn initialize(&mut self, start: &Initialization) -> Result<(), BoxError> {
        self.epoch = i64::try_from(start.epoch)?;
        self.written = self.claim()?;
        if let Some(announced) = &start.pending {
            let happened = self.written.as_ref().is_some_and(|written| *written >= announced.checkpoint);
            eprintln!(
                "{}: what was announced {}",
                self.shard,
                if happened { "happened" } else { "did not happen" }
            );
        }
        Ok(())
    }

    async fn process_records(&mut self, batch: &Batch, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        let is_new = |record: &&UserRecord| self.written.as_ref().is_none_or(|at| record.checkpoint() > *at);
        let new: Vec<_> = batch.records.iter().filter(is_new).collect();
        let Some(last) = new.last() else { return Ok(()) };
        let prepared = checkpointer.prepare_at(last, None).await?;
        self.add(&new, last)?;
        // From here on a repetition adds nothing, also of this very call.
        self.written = Some(last.checkpoint());
        prepared.commit().await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let (stream, file) = arguments.next().zip(arguments.next()).ok_or("name a stream and a file")?;
    let database = Connection::open(file)?;
    database.busy_timeout(Duration::from_secs(10))?;
    database.execute_batch(TABLES)?;
    let database = Arc::new(Mutex::new(database));
    let consumer = Consumer::on_aws(&AwsSettings::default(), stream.parse()?, "totals")
        .await?
        .initial_position(InitialPosition::TrimHorizon)
        .settings(|settings| settings.checkpoints = CheckpointPolicy::Manual)
        .build(move |shard| Totals {
            database: database.clone(),
            shard: shard.shard.to_string(),
            epoch: 0,
            written: None,
        })?;
    consumer.run(async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
