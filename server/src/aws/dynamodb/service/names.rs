//! How requests name tables: by a name in the caller's account and region, or by an ARN.

use bytestring::ByteString;
use millstream_table::TableArn;

use super::{Answer, validation};
use crate::aws::caller::Caller;
use crate::aws::codec::{ApiError, ProtocolError};

const NAME_MIN: usize = 3;
const NAME_MAX: usize = 255;

/// The table that `TableName` means.
pub(super) fn table(caller: &Caller, text: &ByteString) -> Answer<TableArn> {
    if text.starts_with("arn:") {
        return text.parse().map_err(|_| {
            validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {text}"))
        });
    }
    let length = text.chars().count();
    if !(NAME_MIN..=NAME_MAX).contains(&length) {
        return Err(validation(format!(
            "TableName must be at least {NAME_MIN} characters long and at most {NAME_MAX} characters long"
        )));
    }
    let name = text.parse().map_err(|_| {
        validation(format!(
            "1 validation error detected: Value '{text}' at 'tableName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        ))
    })?;
    Ok(TableArn { account: caller.account.clone(), region: caller.region.clone(), name })
}

/// The table that `ResourceArn` means.
pub(super) fn resource(text: &ByteString) -> Answer<TableArn> {
    if !text.starts_with("arn:") {
        let text = format!("Invalid TableArn: Invalid ResourceArn provided as input {text}");
        return Err(validation(text));
    }
    text.parse().map_err(|_| {
        let text = format!("Access to the resource {text} is denied.");
        ApiError::new(ProtocolError::AccessDenied, text)
    })
}
