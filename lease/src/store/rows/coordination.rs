//! Rows that are no leases: reports of workers, the leader's lock, coordinator state.

use super::super::Cas;
use super::super::table::{Change, Changes, Expect, Expected, RowTable};
use super::{TableStore, expect, outcome, put};
use crate::error::Result;
use crate::leader::Lock;
use crate::row::lock::{IS_RELEASED, LEADER_KEY, LEASE_DURATION, OWNER_NAME, RECORD_VERSION};
use crate::row::{EntityType, Row, Value, attribute, lock, worker};
use crate::worker::WorkerReport;

const LAST_UPDATE: &str = "lut";

impl<T: RowTable> TableStore<T> {
    pub(super) async fn write_report(
        &self,
        last: Option<&WorkerReport>,
        new: &WorkerReport,
    ) -> Result<Cas<WorkerReport>> {
        let (table, key) = (&self.layout.workers, self.layout.workers.key_attribute);
        let last = last.map(|report| Value::number(report.updated_secs));
        let expected = vec![expect(LAST_UPDATE, Expect::as_seen(last))];
        let row = worker::to_row(new, key);
        let changes = row.into_iter().filter(|(name, _)| name != key);
        let changes = changes.map(|(name, value)| put(&name, value)).collect();
        let written = self.table.update(table, new.worker.as_str(), expected, changes).await?;
        outcome(written, |row| worker::of_row(row, key))
    }

    pub(super) async fn read_reports(&self) -> Result<Vec<WorkerReport>> {
        let table = &self.layout.workers;
        let is_report =
            |row: &Row| *table != self.layout.leases || EntityType::of(row) == EntityType::WorkerMetricStats;
        let rows = self.scan(table).await?;
        let mut reports: Vec<_> = rows
            .into_iter()
            .filter(is_report)
            .filter_map(|row| match worker::of_row(row, table.key_attribute) {
                Ok(report) => Some(report),
                Err(bad) => {
                    tracing::warn!(%bad, "a worker's report cannot be read");
                    None
                }
            })
            .collect();
        reports.sort_by(|a, b| a.worker.cmp(&b.worker));
        Ok(reports)
    }

    pub(super) async fn remove_report(&self, seen: &WorkerReport) -> Result<Cas<WorkerReport>> {
        let table = &self.layout.workers;
        let expected = vec![expect(LAST_UPDATE, Expect::Equals(Value::number(seen.updated_secs)))];
        let removed = self.table.delete(table, seen.worker.as_str(), expected).await?;
        outcome(removed, |row| worker::of_row(row, table.key_attribute))
    }

    pub(super) async fn read_lock(&self) -> Result<Option<Lock>> {
        let key = self.layout.state.key_attribute;
        let row = self.table.get(&self.layout.state, LEADER_KEY).await?;
        Ok(row.map(|row| lock::of_row(row, key)).transpose()?)
    }

    pub(super) async fn write_lock(&self, seen: Option<&Lock>, new: &Lock) -> Result<Cas<Lock>> {
        let key = self.layout.state.key_attribute;
        let expected = match seen {
            None => vec![expect(key, Expect::Absent)],
            Some(seen) => vec![
                expect(key, Expect::Equals(Value::text(LEADER_KEY))),
                expect(RECORD_VERSION, Expect::Equals(Value::text(&seen.version))),
                expect(IS_RELEASED, Expect::as_seen(seen.is_released.then(|| Value::text("1")))),
            ],
        };
        let written = self.table.put(&self.layout.state, lock::to_row(new, key), expected).await?;
        outcome(written, |row| lock::of_row(row, key))
    }

    pub(super) async fn renew_lock(&self, held: &Lock, new: &Lock) -> Result<Cas<Lock>> {
        let changes: Changes = vec![
            put(LEASE_DURATION, Value::text(new.lease_duration.as_millis())),
            put(RECORD_VERSION, Value::text(&new.version)),
        ];
        let (table, key) = (&self.layout.state, self.layout.state.key_attribute);
        let written = self.table.update(table, LEADER_KEY, self.holds_lock(held), changes).await?;
        outcome(written, |row| lock::of_row(row, key))
    }

    pub(super) async fn remove_lock(&self, held: &Lock) -> Result<Cas<Lock>> {
        let (table, key) = (&self.layout.state, self.layout.state.key_attribute);
        let removed = self.table.delete(table, LEADER_KEY, self.holds_lock(held)).await?;
        outcome(removed, |row| lock::of_row(row, key))
    }

    fn holds_lock(&self, held: &Lock) -> Expected {
        vec![
            expect(self.layout.state.key_attribute, Expect::Equals(Value::text(LEADER_KEY))),
            expect(RECORD_VERSION, Expect::Equals(Value::text(&held.version))),
            expect(OWNER_NAME, Expect::Equals(Value::text(&held.owner))),
        ]
    }

    pub(super) async fn write_state(&self, key: &str, seen: Option<&Row>, new: Row) -> Result<Cas<Row>> {
        let table = &self.layout.state;
        let expected: Expected = match seen {
            None => vec![expect(table.key_attribute, Expect::Absent)],
            Some(seen) => {
                seen.iter().map(|(name, value)| expect(name, Expect::Equals(value.clone()))).collect()
            }
        };
        let dropped = seen.into_iter().flatten().filter(|(name, _)| !new.contains_key(*name));
        let dropped = dropped
            .filter(|(name, _)| ![table.key_attribute, attribute::ENTITY_TYPE].contains(&name.as_str()));
        let mut changes: Changes = dropped.map(|(name, _)| (name.clone(), Change::Remove)).collect();
        changes.extend(new.into_iter().map(|(name, value)| put(&name, value)));
        outcome(self.table.update(table, key, expected, changes).await?, Ok::<_, crate::Error>)
    }
}
