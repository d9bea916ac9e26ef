use std::io::Write;

use millstream_runtime::SeededEntropy;
use proptest::prelude::*;

use super::*;

fn rules(keys: Keys) -> Rules {
    Rules { keys, record_bytes_max: 1000 }
}

fn field(name: &str) -> Rules {
    rules(Keys::Field(name.to_owned()))
}

/// All records of a file with this content, and the error at its end.
fn read(shape: Shape, rules: &Rules, content: &[u8]) -> (Vec<Pending>, Option<String>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let source = Source { name: "in".into(), path: Some(file.path().into()), shape };
    let mut records = Vec::new();
    let mut deliver = |pending| {
        records.push(pending);
        true
    };
    let result = read_all(&[source], rules, &SeededEntropy::shared(7), &AtomicU64::new(0), &mut deliver);
    (records, result.err().map(|error| error.to_string()))
}

fn data(records: &[Pending]) -> Vec<&[u8]> {
    records.iter().map(|pending| &pending.record.data[..]).collect()
}

fn keys(records: &[Pending]) -> Vec<&str> {
    records.iter().map(|pending| pending.record.partition_key.as_str()).collect()
}

#[test]
fn a_line_is_a_record() {
    let (records, error) = read(Shape::Lines, &rules(Keys::Random), b"a\r\n\n\xff\nlast");
    assert_eq!((data(&records), error), (vec![&b"a"[..], b"", b"\xff", b"last"], None));
    let lines: Vec<_> = records.iter().map(|pending| pending.position.line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
    let mut distinct = keys(&records);
    distinct.dedup();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn a_json_line_is_sent_as_it_stands() {
    let (records, error) =
        read(Shape::Json, &rules(Keys::Constant("k".to_owned())), b" {\"a\": 1.50} \n\n[2]\n");
    assert_eq!((data(&records), error), (vec![&br#"{"a": 1.50}"#[..], b"[2]"], None));
    assert_eq!(keys(&records), ["k", "k"]);
    assert_eq!(records[1].position.line, 3);
}

#[test]
fn a_json_member_is_the_key() {
    let content = br#"{"x":{"id":"no"},"id":"a\u00e9"}
{"id":17}
{"id":true}
{"id":""}
{"id":null}
{}"#;
    let (records, error) = read(Shape::Json, &field("id"), content);
    assert_eq!(error, None);
    assert_eq!(keys(&records)[..3], ["aé", "17", "true"]);
    let keyless: Vec<_> = records.iter().map(|pending| pending.keyless).collect();
    assert_eq!(keyless, [false, false, false, true, true, true]);
    assert!(keys(&records).iter().all(|key| !key.is_empty()));
}

#[test]
fn what_is_no_json_is_named() {
    for (content, named) in [
        (&b"{}\n{\n"[..], "in:2 (record 2)"),
        (b"{\"id\":[1]}", "no single value"),
        (b"[1]", "an object with a member \"id\""),
        (b"{\"id\":\"a\"} x", "trailing characters"),
        (b"\"\xff\"", "in:1"),
    ] {
        let (_, error) = read(Shape::Json, &field("id"), content);
        assert!(error.as_ref().is_some_and(|error| error.contains(named)), "{error:?}");
    }
}

#[test]
fn a_csv_row_is_an_object_of_strings() {
    let content = b"id,\"say \"\"it\"\"\",n\nN1,\"a\nb\",007\n,x,\nN1,y,1";
    let (records, error) = read(Shape::Csv, &field("id"), content);
    assert_eq!(error, None);
    let expected =
        [&br#"{"id":"N1","say \"it\"":"a\nb","n":"007"}"#[..], br#"{"id":"","say \"it\"":"x","n":""}"#];
    assert_eq!(data(&records)[..2], expected);
    assert_eq!((keys(&records)[0], keys(&records)[2]), ("N1", "N1"));
    assert!(records[1].keyless && !records[1].record.partition_key.is_empty());
    assert_eq!(records[1].position.line, 4);
}

#[test]
fn what_is_no_csv_is_named() {
    for (content, named) in [
        (&b"a,b\n1,2\n3\n"[..], "in:3 (record 2): 1 fields; the header has 2"),
        (b"a,a\n1,2\n", "column \"a\" twice"),
        (b"a,b\n\xff,1\n", "in:2 (record 1): not UTF-8"),
        (b"b,c\n1,2\n", "no column \"a\"; it has b, c"),
    ] {
        let (_, error) = read(Shape::Csv, &field("a"), content);
        assert!(error.as_ref().is_some_and(|error| error.contains(named)), "{error:?}");
    }
}

#[test]
fn a_record_that_is_too_large_is_named() {
    let keys = || rules(Keys::Constant("k".to_owned()));
    let (records, error) = read(Shape::Lines, &keys(), "x".repeat(999).as_bytes());
    assert_eq!((records.len(), error), (1, None));
    let (records, error) = read(Shape::Lines, &keys(), format!("ok\n{}\n", "x".repeat(1000)).as_bytes());
    assert_eq!(records.len(), 1);
    assert_eq!(error.unwrap(), "in:2 (record 2): a record of 1001 bytes with its key; the stream takes 1000");
    let (_, error) = read(Shape::Lines, &keys(), "x".repeat(5000).as_bytes());
    assert!(error.unwrap().contains("more than 1000 bytes"));
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
    let content = format!("a,b\n1,2\n3,\"{}", "4,5\n".repeat(100_000));
    let (records, error) = read(Shape::Csv, &rules(Keys::Random), content.as_bytes());
    assert_eq!(records.len(), 1);
    assert!(error.unwrap().contains("more than 1000 bytes"));
}

#[test]
fn a_key_that_is_too_long_is_named() {
    let content = format!("{{\"id\":\"{}\"}}", "é".repeat(257));
    let (_, error) = read(Shape::Json, &field("id"), content.as_bytes());
    assert!(error.unwrap().contains("a key of 257 characters"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let source = Source { name: "gone".into(), path: Some("/nowhere/gone".into()), shape: Shape::Lines };
    let result =
        read_all(&[source], &rules(Keys::Random), &SeededEntropy::shared(7), &AtomicU64::new(0), &mut |_| {
            true
        });
    assert!(result.unwrap_err().to_string().starts_with("cannot read gone: No such file"));
}

#[test]
fn endings_tell_the_shape() {
    for (path, shape) in [
        ("a.csv", Shape::Csv),
        ("b.ndjson", Shape::Json),
        ("c.json", Shape::Json),
        ("d.log", Shape::Lines),
        ("csv", Shape::Lines),
    ] {
        assert_eq!(Shape::of_path(Path::new(path)), shape, "{path}");
    }
}

proptest! {
    /// What a row says can be read from its object again.
    #[test]
    fn objects_hold_what_rows_say(rows in prop::collection::vec(("\\PC{0,20}", "[\\x00-\\x7f]{0,20}"), 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["one", "two"]).unwrap();
        rows.iter().for_each(|(one, two)| writer.write_record([one, two]).unwrap());
        let (records, error) = read(Shape::Csv, &rules(Keys::Random), &writer.into_inner().unwrap());
        prop_assert_eq!(error, None);
        let read: Vec<(String, String)> = records
            .iter()
            .map(|pending| serde_json::from_slice::<serde_json::Value>(&pending.record.data).unwrap())
            .map(|row| (row["one"].as_str().unwrap().to_owned(), row["two"].as_str().unwrap().to_owned()))
            .collect();
        prop_assert_eq!(read, rows);
    }
}
