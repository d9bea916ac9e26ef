//! Our TOML.

use std::path::PathBuf;
use std::time::Duration;

use millstream_client::aws::{AwsSettings, CredentialsFrom, Role};
use millstream_producer_sdk::Order;
use serde_json::{Map, Value};

use super::reader::Reader;
use super::{
    AgentSettings, Columns, Conversion, CsvToJson, FlowSettings, InitialPosition, JsonStyle, LogFormat,
    LogToJson, OnTooLarge, OnUnconvertible, PartitionKey, Remarks, StartPattern,
};

/// A day, which is long for anything here.
const MILLIS_MAX: u64 = 24 * 3600 * 1000;
const MIB: u64 = 1024 * 1024;
/// What a role is called while this agent has it.
const ROLE_SESSION: &str = "millstream-agent";

pub(super) fn read(document: &Map<String, Value>, remarks: &mut Remarks) -> AgentSettings {
    let mut reader = Reader::new(document, "", remarks);
    let kinesis = service(&mut reader);
    let mut settings = AgentSettings {
        kinesis,
        checkpoint_file: PathBuf::from(
            reader.text("checkpoint_file").unwrap_or("millstream-agent.checkpoint"),
        ),
        checkpoint_interval: reader
            .millis("checkpoint_interval_ms", 10, MILLIS_MAX)
            .unwrap_or(Duration::from_secs(1)),
        checkpoint_retention: Duration::from_secs(
            24 * 3600 * reader.number("checkpoint_retention_days", 1, 3650).unwrap_or(7),
        ),
        status_interval: Duration::from_secs(
            reader.number("status_interval_seconds", 0, 24 * 3600).unwrap_or(30),
        ),
        shutdown_timeout: reader
            .millis("shutdown_timeout_ms", 0, MILLIS_MAX)
            .unwrap_or(Duration::from_secs(10)),
        flows: Vec::new(),
    };
    for (index, flow) in reader.objects("flow").into_iter().enumerate() {
        let place =
            flow.get("name").and_then(Value::as_str).map_or(format!("flow {}", index + 1), str::to_owned);
        let flow = Reader::new(flow, &format!("{place}: "), reader.remarks());
        settings.flows.extend(self::flow(flow));
    }
    reader.finish();
    settings
}

fn service(reader: &mut Reader<'_>) -> AwsSettings {
    let role = reader.text("assume_role_arn");
    let external_id = reader.text("assume_role_external_id").map(str::to_owned);
    let sts = reader.text("sts_endpoint_url").map(str::to_owned);
    let profile = reader.text("profile").map(str::to_owned);
    let region = reader.text("region").map(str::to_owned);
    let credentials = match (role, profile) {
        (Some(arn), _) => CredentialsFrom::Role(Role {
            arn: arn.to_owned(),
            session_name: ROLE_SESSION.to_owned(),
            external_id,
            endpoint_url: sts,
            region: region.clone(),
        }),
        (None, Some(profile)) => CredentialsFrom::Profile(Some(profile)),
        (None, None) => CredentialsFrom::Anywhere,
    };
    AwsSettings {
        endpoint_url: reader.text("endpoint_url").map(str::to_owned),
        region,
        ca_bundle: reader.text("ca_bundle").map(PathBuf::from),
        insecure: reader.flag("insecure").unwrap_or(false),
        credentials,
    }
}

fn flow(mut reader: Reader<'_>) -> Option<FlowSettings> {
    let name = reader.required("name");
    let stream = reader.required("stream").and_then(|_| reader.parsed("stream"));
    let mut files = Vec::new();
    for pattern in reader.texts("files").unwrap_or_default() {
        match pattern.parse() {
            Ok(pattern) => files.push(pattern),
            Err(error) => reader.fault("files", error),
        }
    }
    let mut flow = FlowSettings::new(name.unwrap_or_default(), files, stream?);
    content(&mut reader, &mut flow);
    puts(&mut reader, &mut flow);
    following(&mut reader, &mut flow);
    reader.finish();
    name.is_some().then_some(flow)
}

/// What records are, and what is made of them.
fn content(reader: &mut Reader<'_>, flow: &mut FlowSettings) {
    let positions = [("start", InitialPosition::Start), ("end", InitialPosition::End)];
    set(&mut flow.initial_position, reader.word("initial_position", &positions));
    let header = reader.number("skip_header_lines", 0, 1_000_000);
    set(&mut flow.skip_header_lines, header.and_then(|lines| u32::try_from(lines).ok()));
    if let Some(pattern) = reader.text("multi_line_start") {
        match StartPattern::new(pattern) {
            Ok(pattern) => flow.multi_line_start = Some(pattern),
            Err(error) => reader.fault("multi_line_start", error),
        }
    }
    set(&mut flow.multi_line_wait, reader.millis("multi_line_wait_ms", 0, MILLIS_MAX));
    set(&mut flow.keep_newline, reader.flag("keep_newline"));
    for (index, step) in reader.objects("convert").into_iter().enumerate() {
        let place = format!("flow {}: convert {}: ", flow.name, index + 1);
        flow.conversions.extend(conversion(Reader::new(step, &place, reader.remarks())));
    }
    let unconvertible = [("send", OnUnconvertible::Send), ("skip", OnUnconvertible::Skip)];
    set(&mut flow.on_unconvertible, reader.word("unconvertible", &unconvertible));
    let terminator = reader.text("truncated_end").unwrap_or("").as_bytes().to_vec();
    flow.on_too_large = match reader.word("too_large", &[("truncate", true), ("skip", false)]) {
        Some(false) => OnTooLarge::Skip,
        Some(true) | None => OnTooLarge::Truncate { terminator },
    };
    set(&mut flow.record_bytes_max, reader.count("record_bytes_max", 2048, 10 * MIB));
}

/// How records go into the stream.
fn puts(reader: &mut Reader<'_>, flow: &mut FlowSettings) {
    set(&mut flow.partition_key, partition_key(reader));
    let orders = [("none", Order::None), ("key", Order::PartitionKey), ("shard", Order::Shard)];
    set(&mut flow.order, reader.word("order", &orders));
    set(&mut flow.aggregate, reader.flag("aggregate"));
    set(&mut flow.buffer_age, reader.millis("buffer_age_ms", 0, 15 * 60 * 1000));
    set(&mut flow.buffer_records, reader.count("buffer_records", 1, 500));
    set(&mut flow.buffer_bytes, reader.count("buffer_bytes", 1, 10 * MIB));
    set(&mut flow.outstanding_records_max, reader.count("outstanding_records_max", 1, 10_000_000));
    set(&mut flow.outstanding_bytes_max, reader.count("outstanding_bytes_max", MIB, 1 << 40));
}

fn following(reader: &mut Reader<'_>, flow: &mut FlowSettings) {
    set(&mut flow.open_files_max, reader.count("open_files_max", 1, 1_000_000));
    set(&mut flow.poll_interval, reader.millis("poll_interval_ms", 1, MILLIS_MAX));
    set(&mut flow.scan_interval, reader.millis("scan_interval_ms", 1, MILLIS_MAX));
    set(&mut flow.rotated_wait, reader.millis("rotated_wait_ms", 0, MILLIS_MAX));
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn partition_key(reader: &mut Reader<'_>) -> Option<PartitionKey> {
    let field = reader.text("partition_key_field").map(|name| PartitionKey::Field(name.to_owned()));
    let column = reader.count("partition_key_column", 1, 10_000);
    let delimiter = delimiter(reader, "partition_key_delimiter");
    let column = column.map(|column| PartitionKey::Column { index: column - 1, delimiter });
    let constant = reader.text("partition_key_constant").map(|key| PartitionKey::Constant(key.to_owned()));
    let words = [("random", 0), ("deterministic", 1), ("file", 2)];
    let word = reader.word("partition_key", &words).map(|word| match word {
        0 => PartitionKey::Random,
        1 => PartitionKey::Deterministic,
        _ => PartitionKey::File,
    });
    let mut given = [field, column, constant, word].into_iter().flatten();
    let key = given.next();
    if given.next().is_some() {
        reader.fault("partition_key", "there are several, and only one can be used");
    }
    key
}

/// One ASCII character; a comma unless another is given.
fn delimiter(reader: &mut Reader<'_>, key: &'static str) -> u8 {
    match reader.text(key).map(str::as_bytes) {
        None => b',',
        Some(&[delimiter]) if delimiter.is_ascii() && !b"\"\r\n".contains(&delimiter) => delimiter,
        Some(_) => {
            reader.fault(key, "it is one ASCII character, and neither a quote nor a line end");
            b','
        }
    }
}

fn conversion(mut reader: Reader<'_>) -> Option<Conversion> {
    let pretty = reader.flag("pretty").unwrap_or(false);
    let style = if pretty { JsonStyle::Pretty } else { JsonStyle::Compact };
    let kind = reader.required("kind")?;
    let conversion = match kind {
        "single_line" => Some(Conversion::SingleLine),
        "json" => Some(Conversion::CompactJson),
        "brackets" => Some(Conversion::Brackets),
        "csv_to_json" => {
            let names = reader.texts("columns");
            if names.is_none() {
                reader.fault("columns", "the names of the columns are missing");
            }
            let names = names.unwrap_or_default().into_iter().map(str::to_owned).collect();
            let columns = Columns::Quoted(delimiter(&mut reader, "delimiter"));
            Some(Conversion::Csv(CsvToJson { names, columns, style }))
        }
        "log_to_json" => log(&mut reader, style).map(Conversion::Log),
        "add_metadata" => {
            let metadata = reader.value("metadata").cloned().unwrap_or(Value::Null);
            Some(Conversion::AddMetadata { metadata, style })
        }
        other => {
            let known = "single_line, csv_to_json, log_to_json, json, add_metadata, brackets";
            reader.fault("kind", format_args!("{other:?} is none of {known}"));
            None
        }
    };
    reader.finish();
    conversion
}

fn log(reader: &mut Reader<'_>, style: JsonStyle) -> Option<LogToJson> {
    let formats = [
        ("apache_common", LogFormat::CommonApache),
        ("apache_combined", LogFormat::CombinedApache),
        ("apache_error", LogFormat::ApacheError),
        ("syslog", LogFormat::Syslog),
        ("syslog_rfc3339", LogFormat::Rfc3339Syslog),
    ];
    let pattern = reader.text("pattern");
    let names = reader.texts("fields").map(|names| names.into_iter().map(str::to_owned).collect());
    // With a pattern and names of its own, a log need not be one of these.
    let is_own = pattern.is_some() && names.is_some();
    let given = if is_own { reader.text("format") } else { reader.required("format") };
    let format =
        if given.is_none() && is_own { Some(LogFormat::Syslog) } else { reader.word("format", &formats) };
    LogToJson::new(format?, pattern, names, style).map_err(|error| reader.fault("pattern", error)).ok()
}
