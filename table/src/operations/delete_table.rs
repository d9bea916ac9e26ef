//! DeleteTable.

use super::describe::TableDescription;
use crate::arn::TableArn;
use crate::error::{Error, Result};
use crate::meta::{Phase, Status};
use crate::span::Span;
use crate::tables::{Inner, Tables};

impl Tables {
    /// Hides the table at once, or after the configured delay; its items are removed soon after. What is returned is
    /// the table as it is DELETING.
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
            Status::Deleting => return Err(in_use("deleted")),
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
            Some(span) => self.change(&mut control, &found, |meta| meta.phase = Phase::Deleting(span)).await,
        }?;
        Ok(TableDescription { status: Status::Deleting, ..TableDescription::of(&found) })
    }
}
