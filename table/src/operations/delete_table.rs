//! DeleteTable.

use std::sync::Arc;

use millstream_model::Span;

use super::describe::TableDescription;
use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::meta::{Phase, Status, TableMeta};
use crate::tables::{Found, Inner, Tables};

impl Tables {
    /// Hides the table at once, or after the configured delay; its items are removed soon after. Its streams end and
    /// can be read for as long as their records are kept. What is returned is the table as it is DELETING.
    pub async fn delete_table(&self, arn: &TableArn) -> Result<TableDescription> {
        let arn = arn.clone();
        self.carry_through("deletion of a table", move |tables| async move {
            tables.inner.delete_table(&arn).await
        })
        .await
    }
}

impl Inner {
    async fn delete_table(&self, arn: &TableArn) -> Result<TableDescription> {
        let mut control = self.control.lock().await;
        let found = self.find(arn)?;
        let in_use = |what: &str| {
            Error::ResourceInUse(format!(
                "Attempt to change a resource which is still in use: Table is being {what}: {}",
                arn.name
            ))
        };
        match found.status {
            Status::Creating => return Err(in_use("created")),
            Status::Updating => return Err(in_use("updated")),
            // Whoever wants it gone need not want it twice.
            Status::Deleting => return Ok(deleting(&found)),
            Status::Active => {}
        }
        if found.meta.deletion_protection {
            return Err(Error::Validation(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                 protection first."
                    .to_owned(),
            ));
        }
        match Span::starting(found.now, self.settings.delays.delete) {
            None => self.bury(&mut control, &found.table).await,
            Some(span) => {
                let begin = |meta: &mut TableMeta| {
                    meta.phase = Phase::Deleting(span);
                    meta.end_stream(found.now);
                };
                self.change(&mut control, &found, begin).await
            }
        }?;
        Ok(deleting(&found))
    }
}

/// A table that is being deleted is shown without its global indexes.
fn deleting(found: &Found) -> TableDescription {
    let mut meta = TableMeta::clone(&found.meta);
    meta.global_indexes.clear();
    let meta = Arc::new(meta);
    TableDescription { status: Status::Deleting, meta, ..TableDescription::of(found) }
}
