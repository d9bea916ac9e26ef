//! Starting and stopping a stream's encryption, and how it is shown.

use bytestring::ByteString;
use millstream_engine::Engine;

use super::errors::invalid_argument;
use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{EncryptionType, StartStreamEncryptionInput, StopStreamEncryptionInput};

pub(super) async fn start(engine: &Engine, caller: &Caller, input: StartStreamEncryptionInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    check(input.encryption_type)?;
    Ok(engine.start_encryption(&stream, &input.key_id).await?)
}

pub(super) async fn stop(engine: &Engine, caller: &Caller, input: StopStreamEncryptionInput) -> Answer<()> {
    let stream = names::stream_of!(caller, input)?;
    check(input.encryption_type)?;
    Ok(engine.stop_encryption(&stream, &input.key_id).await?)
}

/// The model knows NONE as well, but there is nothing to start or stop with it.
fn check(kind: EncryptionType) -> Answer<()> {
    match kind {
        EncryptionType::Kms => Ok(()),
        EncryptionType::None => Err(invalid_argument("EncryptionType must be KMS.")),
    }
}

/// Records in clear have no type.
pub(super) fn of_records(encrypted: bool) -> Option<EncryptionType> {
    encrypted.then_some(EncryptionType::Kms)
}

/// The type and the key of a stream. Streams in clear have the type NONE.
pub(super) fn of_stream(key_id: Option<&String>) -> (Option<EncryptionType>, Option<ByteString>) {
    let kind = if key_id.is_some() { EncryptionType::Kms } else { EncryptionType::None };
    (Some(kind), key_id.map(|key_id| key_id.as_str().into()))
}
