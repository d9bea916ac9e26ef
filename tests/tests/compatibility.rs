//! What docs/compatibility.md says of operations and of clients is so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The operations that the page lists with this state.
fn listed(page: &str, state: &str) -> BTreeSet<String> {
    let end = format!("` | {state} |");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(&end));
    rows.map(str::to_owned).collect()
}

/// `put_record` as `PutRecord`.
fn operation_of(function: &str) -> String {
    let words = function.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect()
}

#[test]
fn the_page_lists_every_operation_and_whether_it_is_built() {
    let page = read("docs/compatibility.md");
    let service = read("server/src/aws/kinesis/service/mod.rs");
    let functions = service.split("async fn ").skip(1).filter_map(|rest| rest.split('(').next());
    let built: BTreeSet<_> = functions.map(operation_of).collect();
    assert_eq!(listed(&page, "works"), built);

    let model = read("server/src/aws/kinesis/generated/operation.rs");
    let names = model.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let all: BTreeSet<_> = names.map(|(name, _)| name.to_owned()).collect();
    assert!(all.len() > 50, "{all:?}");
    assert_eq!(listed(&page, "not built yet"), all.difference(&built).cloned().collect());
}

/// The text between `before` and `after`.
fn between(file: &str, before: &str, after: char) -> String {
    let text = read(file);
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{file} has no {before}")).1;
    rest.split(after).next().unwrap().trim().to_owned()
}

#[test]
fn the_page_names_the_clients_in_the_versions_that_are_tested() {
    let page = read("docs/compatibility.md");
    let go = "github.com/aws/aws-sdk-go-v2/service/kinesis";
    for (client, version) in [
        ("awscli", between("tests/clients/python/requirements.txt", "\nawscli==", '\n')),
        ("boto3", between("tests/clients/python/requirements.txt", "\nboto3==", '\n')),
        (
            "@aws-sdk/client-kinesis",
            between("tests/clients/node/package.json", "\"@aws-sdk/client-kinesis\": \"", '"'),
        ),
        (
            "software.amazon.awssdk:kinesis",
            between("tests/clients/java/pom.xml", "<artifactId>bom</artifactId>\n        <version>", '<'),
        ),
        (go, between("tests/clients/go/go.mod", &format!("\t{go} v"), '\n')),
        ("aws-sdk-kinesis", between("Cargo.lock", "name = \"aws-sdk-kinesis\"\nversion = \"", '"')),
    ] {
        assert!(page.contains(&format!("`{client}` {version} |")), "{client} {version} is not on the page");
    }
}
