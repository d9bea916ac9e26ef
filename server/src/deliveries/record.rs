//! A change as readers of the stream get it: a record of JSON.

use bytestring::ByteString;
use millstream_engine::PutEntry;
use millstream_model::HashKey;
use millstream_table::{Cause, ChangeKind, DeliveredChange, Delivery, Precision};

use crate::aws::codec::encode::MemberWriter;
use crate::aws::codec::{Encode, Format, Writer, encode};
use crate::aws::dynamodb::service::streams::{EVENT_SOURCE, EXPIRY_KIND, EXPIRY_PRINCIPAL, event_name};
use crate::aws::dynamodb::service::values::{Attributes, attributes};

const RECORD_FORMAT: ByteString = ByteString::from_static("application/json");
const MICROSECOND: ByteString = ByteString::from_static("MICROSECOND");

/// What goes to the stream. Changes of one item have one partition key, and so one shard while it is open.
pub(super) fn entry(delivery: &Delivery, delivered: DeliveredChange) -> PutEntry {
    let record = Record::of(delivery, delivered);
    let (mut keys, mut data) = (Vec::new(), Vec::new());
    encode(Format::Json, &record.change.keys, &mut keys);
    encode(Format::Json, &record, &mut data);
    let partition_key = format!("{:032X}", HashKey::of_partition_key(&keys).0);
    PutEntry { partition_key: partition_key.into(), explicit_hash_key: None, data: data.into() }
}

struct Record {
    aws_region: ByteString,
    event_id: ByteString,
    event_name: ChangeKind,
    user_identity: UserIdentity,
    table_name: ByteString,
    change: Change,
}

struct UserIdentity(Cause);

struct Change {
    /// Since the Unix epoch, in the unit of the destination's precision.
    at: i64,
    /// AWS says it only where it is not the one that it always was.
    precision: Option<ByteString>,
    keys: Attributes,
    new: Option<Attributes>,
    old: Option<Attributes>,
    size_bytes: i64,
}

impl Record {
    fn of(delivery: &Delivery, delivered: DeliveredChange) -> Self {
        let DeliveredChange { event_id, change, size_bytes, .. } = delivered;
        let (at, precision) = match delivery.precision {
            Precision::Millisecond => (change.at_micros / 1_000, None),
            Precision::Microsecond => (change.at_micros, Some(MICROSECOND)),
        };
        Self {
            aws_region: delivery.table.region.to_string().into(),
            event_id: dashed(&event_id).into(),
            event_name: change.kind,
            user_identity: UserIdentity(change.cause),
            table_name: delivery.table.name.as_str().into(),
            change: Change {
                at: i64::try_from(at).unwrap_or(i64::MAX),
                precision,
                keys: attributes(change.keys),
                new: change.new.map(attributes),
                old: change.old.map(attributes),
                size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
            },
        }
    }
}

/// 32 digits as a UUID is written, which is how ids look here and not in a table's own stream.
fn dashed(digits: &str) -> String {
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| digits.get(group).unwrap_or_default());
    groups.join("-")
}

impl Encode for Record {
    fn encode<W: Writer>(&self, writer: &mut W) {
        let mut members = MemberWriter::open(writer);
        members.required("awsRegion", &self.aws_region);
        members.required("eventID", &self.event_id);
        members.required("eventName", &event_name(self.event_name));
        members.required("userIdentity", &self.user_identity);
        members.required("recordFormat", &RECORD_FORMAT);
        members.required("tableName", &self.table_name);
        members.required("dynamodb", &self.change);
        members.required("eventSource", &EVENT_SOURCE);
        members.close();
    }
}

impl Encode for UserIdentity {
    fn encode<W: Writer>(&self, writer: &mut W) {
        match self.0 {
            Cause::Caller => writer.null(),
            Cause::Expiry => {
                let mut members = MemberWriter::open(writer);
                members.required("principalId", &EXPIRY_PRINCIPAL);
                members.required("type", &EXPIRY_KIND);
                members.close();
            }
        }
    }
}

impl Encode for Change {
    fn encode<W: Writer>(&self, writer: &mut W) {
        let mut members = MemberWriter::open(writer);
        members.required("ApproximateCreationDateTime", &self.at);
        members.required("Keys", &self.keys);
        members.optional("NewImage", self.new.as_ref());
        members.optional("OldImage", self.old.as_ref());
        members.required("SizeBytes", &self.size_bytes);
        members.optional("ApproximateCreationDateTimePrecision", self.precision.as_ref());
        members.close();
    }
}
