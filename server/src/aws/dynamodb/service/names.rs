//! How requests name tables: by a name in the caller's account and region, or by an ARN.

use std::collections::BTreeMap;

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

/// The tables of a request with the names by which it calls them: answers call them the same.
#[derive(Default)]
pub(super) struct Named(BTreeMap<TableArn, ByteString>);

impl Named {
    /// What is asked of each table.
    pub(super) fn tables<T, U>(
        caller: &Caller,
        asked: BTreeMap<ByteString, T>,
        mut convert: impl FnMut(T) -> Answer<U>,
    ) -> Answer<(Self, BTreeMap<TableArn, U>)> {
        let (mut named, mut tables) = (Self::default(), BTreeMap::new());
        for (name, asked) in asked {
            let arn = named.table(caller, &name)?;
            if tables.insert(arn, convert(asked)?).is_some() {
                return Err(validation(format!("Duplicate table in request: {name}")));
            }
        }
        Ok((named, tables))
    }

    /// The table that a `TableName` means.
    pub(super) fn table(&mut self, caller: &Caller, name: &ByteString) -> Answer<TableArn> {
        let arn = table(caller, name)?;
        self.0.insert(arn.clone(), name.clone());
        Ok(arn)
    }

    pub(super) fn name(&self, arn: &TableArn) -> ByteString {
        self.0.get(arn).cloned().unwrap_or_else(|| arn.name.as_str().into())
    }

    pub(super) fn by_name<T, U>(
        &self,
        by_arn: BTreeMap<TableArn, T>,
        convert: impl Fn(T) -> U,
    ) -> BTreeMap<ByteString, U> {
        by_arn.into_iter().map(|(arn, value)| (self.name(&arn), convert(value))).collect()
    }
}
