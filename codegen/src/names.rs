//! The model's names in Rust's and in AWS's other spellings.

/// Units and plurals that are one word to a reader but two to a case converter.
const WORDS: [(&str, &str); 3] = [("MiBps", "Mibps"), ("KiB", "Kib"), ("ARNs", "Arns")];

/// `StreamARN` becomes `stream_arn`, `S3TablesARN` becomes `s3_tables_arn`.
pub(crate) fn snake_case(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// `StreamARN` becomes `STREAM_ARN`.
pub(crate) fn screaming_case(name: &str) -> String {
    words(name).join("_").to_uppercase()
}

/// `AT_TIMESTAMP` becomes `AtTimestamp`, `KMSOptInRequired` becomes `KmsOptInRequired`.
pub(crate) fn pascal_case(name: &str) -> String {
    words(name)
        .iter()
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_uppercase() + &rest.to_lowercase()
        })
        .collect()
}

/// The name of a struct field. `Type` would need escaping at each use; other words of Rust and the local
/// names of the generated code get an underscore.
pub(crate) fn field(member: &str) -> String {
    match snake_case(member).as_str() {
        "type" => "kind".to_owned(),
        "fields" | "match" | "members" | "ref" | "self" | "use" | "wire_name" => {
            format!("{}_", snake_case(member))
        }
        name => name.to_owned(),
    }
}

/// How AWS names a member in the path of a fault: `StreamARN` becomes `streamARN`.
pub(crate) fn path_step(member: &str) -> String {
    let (first, rest) = member.split_at(1);
    first.to_lowercase() + rest
}

/// Splits at underscores and other marks, before a capital that follows a small letter or digit, and before
/// the last capital of a run that goes on in small letters.
fn words(name: &str) -> Vec<String> {
    let name = WORDS.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to));
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = index.checked_sub(1).map(|before| chars[before]);
        let after_small = before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let ends_run = before.is_some_and(|b| b.is_ascii_uppercase())
            && chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && (after_small || ends_run) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_become_fields() {
        for (member, name) in [
            ("StreamName", "stream_name"),
            ("StreamARN", "stream_arn"),
            ("GSRSchemaARN", "gsr_schema_arn"),
            ("S3DestinationConfiguration", "s3_destination_configuration"),
            ("MaxRecordSizeInKiB", "max_record_size_in_kib"),
            ("WarmThroughputMiBps", "warm_throughput_mibps"),
            ("Type", "kind"),
        ] {
            assert_eq!(field(member), name);
        }
    }

    #[test]
    fn values_become_variants() {
        for (value, name) in [
            ("AT_SEQUENCE_NUMBER", "AtSequenceNumber"),
            ("IncomingBytes", "IncomingBytes"),
            ("S3_TABLES", "S3Tables"),
            ("GSR_JSON", "GsrJson"),
            ("ALL", "All"),
            ("KMSOptInRequired", "KmsOptInRequired"),
            ("aws:kms", "AwsKms"),
        ] {
            assert_eq!(pascal_case(value), name);
        }
    }

    #[test]
    fn other_spellings() {
        assert_eq!(screaming_case("PutRecordsRequestEntryList"), "PUT_RECORDS_REQUEST_ENTRY_LIST");
        assert_eq!(path_step("StreamARN"), "streamARN");
        assert_eq!(path_step("S3DestinationConfiguration"), "s3DestinationConfiguration");
    }
}
