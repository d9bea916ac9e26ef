//! PutRecords where a part of the entries is to fail: they are taken out, the others are put, and the answer has
//! all of them in their order.

use std::time::Duration;

use super::{Answer, Kinesis, encryption, names, records};
use crate::aws::caller::Caller;
use crate::aws::codec::ErrorCode;
use crate::aws::kinesis::generated::{
    Exception, Operation, PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry,
};
use crate::faults::{Target, Verdict};

/// The answer to an entry that is not put.
type Failed = Option<PutRecordsResultEntry>;

pub(super) async fn put_records(
    kinesis: &Kinesis,
    caller: &Caller,
    input: PutRecordsInput,
) -> Answer<PutRecordsOutput> {
    let Kinesis { engine, faults, .. } = kinesis;
    if faults.is_quiet() || input.dry_run == Some(true) {
        return records::put_records(engine, caller, input).await;
    }
    let (failed, delay) = judge(kinesis, caller, &input);
    faults.wait(delay).await;
    if failed.iter().all(Option::is_none) {
        return records::put_records(engine, caller, input).await;
    }
    // What is wrong with the call is told before what is to go wrong with its entries.
    let dry =
        records::put_records(engine, caller, PutRecordsInput { dry_run: Some(true), ..input.clone() }).await;
    if let Err(error) = dry
        && ![Exception::DryRunOperation, Exception::ProvisionedThroughputExceeded]
            .iter()
            .any(|passed| error.code() == passed.code())
    {
        return Err(error);
    }
    let PutRecordsInput { records: entries, .. } = &input;
    let passing = entries.iter().zip(&failed).filter(|(_, failed)| failed.is_none());
    let passing: Vec<_> = passing.map(|(entry, _)| entry.clone()).collect();
    let put = if passing.is_empty() {
        let stream = names::stream_of!(caller, input)?;
        let encryption_type = encryption::of_records(engine.is_encrypted(&stream)?);
        PutRecordsOutput { failed_record_count: Some(0), records: Vec::new(), encryption_type }
    } else {
        records::put_records(engine, caller, PutRecordsInput { records: passing, ..input }).await?
    };
    Ok(merge(put, failed))
}

fn judge(
    Kinesis { engine, faults, .. }: &Kinesis,
    caller: &Caller,
    input: &PutRecordsInput,
) -> (Vec<Failed>, Duration) {
    let (arn, name) = (input.stream_arn.as_ref(), input.stream_name.as_ref());
    let call = Target::named(Operation::PutRecords, caller, arn, name);
    let mut longest = Duration::ZERO;
    let failed = input.records.iter().map(|entry| {
        let target = call.with_entry(engine, entry.partition_key.as_ref(), entry.explicit_hash_key.as_ref());
        let Verdict { delay, failure } = faults.on_entry(&target);
        longest = longest.max(delay);
        let (code, text) = failure?.of_entry(&target);
        Some(PutRecordsResultEntry {
            error_code: Some(code.into()),
            error_message: Some(text.into()),
            ..PutRecordsResultEntry::default()
        })
    });
    let failed = failed.collect();
    (failed, longest)
}

/// Puts the answers to the entries that failed between those to the entries that were put.
fn merge(put: PutRecordsOutput, failed: Vec<Failed>) -> PutRecordsOutput {
    let count = failed.iter().flatten().count();
    let mut outcomes = put.records.into_iter();
    let records = failed.into_iter().filter_map(|failed| failed.or_else(|| outcomes.next())).collect();
    let failed_record_count =
        put.failed_record_count.map(|others| others.saturating_add(i32::try_from(count).unwrap_or(i32::MAX)));
    PutRecordsOutput { failed_record_count, records, ..put }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_keep_the_order_of_the_entries() {
        let shown =
            |id: &'static str| PutRecordsResultEntry { shard_id: Some(id.into()), ..Default::default() };
        let put = PutRecordsOutput {
            failed_record_count: Some(1),
            records: vec![shown("b"), shown("d")],
            encryption_type: None,
        };
        let merged = merge(put, vec![Some(shown("a")), None, Some(shown("c")), None]);
        let ids: Vec<_> = merged.records.iter().map(|entry| entry.shard_id.as_deref().unwrap()).collect();
        assert_eq!((ids.concat().as_str(), merged.failed_record_count), ("abcd", Some(3)));
    }
}
