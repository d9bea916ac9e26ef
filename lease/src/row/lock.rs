//! The leader's lock, as the DynamoDB lock client writes it.

use std::time::Duration;

use super::{BadRow, EntityType, Reader, Row, Value, attribute};
use crate::leader::Lock;

pub(crate) const OWNER_NAME: &str = "ownerName";
pub(crate) const LEASE_DURATION: &str = "leaseDuration";
pub(crate) const RECORD_VERSION: &str = "recordVersionNumber";
pub(crate) const IS_RELEASED: &str = "isReleased";

/// The row's key; KCL has one lock for the whole application.
pub(crate) const LEADER_KEY: &str = "Leader";

pub(crate) fn to_row(lock: &Lock, key_attribute: &str) -> Row {
    let mut row = lock.unknown.clone();
    row.insert(key_attribute.to_owned(), Value::text(LEADER_KEY));
    row.insert(attribute::ENTITY_TYPE.to_owned(), Value::text(EntityType::Leader.as_str()));
    row.insert(OWNER_NAME.to_owned(), Value::text(&lock.owner));
    row.insert(LEASE_DURATION.to_owned(), Value::text(lock.lease_duration.as_millis()));
    row.insert(RECORD_VERSION.to_owned(), Value::text(&lock.version));
    if lock.is_released {
        row.insert(IS_RELEASED.to_owned(), Value::text("1"));
    }
    row
}

pub(crate) fn of_row(row: Row, key_attribute: &str) -> Result<Lock, BadRow> {
    let mut reader = Reader::new(row, key_attribute);
    reader.take(key_attribute);
    reader.take(attribute::ENTITY_TYPE);
    let owner = reader.parsed(OWNER_NAME)?;
    let millis = reader.parsed::<u64>(LEASE_DURATION)?;
    let version = reader.text(RECORD_VERSION)?;
    Ok(Lock {
        owner: reader.required(OWNER_NAME, owner)?,
        lease_duration: Duration::from_millis(reader.required(LEASE_DURATION, millis)?),
        version: reader.required(RECORD_VERSION, version)?,
        is_released: reader.take(IS_RELEASED).is_some(),
        unknown: reader.into_rest(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_the_lock_client_is_read_and_kept() {
        let row = Row::from([
            ("key".to_owned(), Value::text("Leader")),
            ("entityType".to_owned(), Value::text("LEADER")),
            ("ownerName".to_owned(), Value::text("worker-1")),
            ("leaseDuration".to_owned(), Value::text("120000")),
            ("recordVersionNumber".to_owned(), Value::text("d5d1f4d8-6d0c-4c6f-9a43-7d7e4f2a9b11")),
            ("data".to_owned(), Value::B(b"x".to_vec())),
        ]);
        let lock = of_row(row.clone(), "key").unwrap();
        assert_eq!((lock.lease_duration, lock.is_released), (Duration::from_secs(120), false));
        assert_eq!(to_row(&lock, "key"), row);
        let mut released = row.clone();
        released.insert("isReleased".to_owned(), Value::text("1"));
        assert!(of_row(released, "key").unwrap().is_released);
        let mut bad = row;
        bad.insert("leaseDuration".to_owned(), Value::text("soon"));
        assert!(
            of_row(bad, "key").unwrap_err().to_string().contains("row Leader: leaseDuration is \"soon\"")
        );
    }
}
