//! The tables in docs/compatibility.md are as `make compatibility` makes them, and what stands beside them is so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use millstream_tests::compatibility::{Outcome, Section, Table};
use millstream_tests::operations;

fn read(file: &str) -> String {
    operations::source(file)
}

/// What the cells say is the business of the tests that show it.
#[test]
fn the_page_has_the_tables_as_they_are_made() {
    let page = read("docs/compatibility.md");
    let table = Table::on(&page);
    assert_eq!(table.put_on(&page), page, "`make compatibility` makes them");
    for section in Section::ALL {
        let (all, built) = (section.operations(), section.built());
        assert!(all.len() > 30 && built.is_subset(&all), "{all:?} {built:?}");
        for operation in &built {
            for client in section.clients() {
                let cell = table.cell(section, operation, client);
                assert!(
                    cell == Outcome::Passed || cell == Outcome::Missing,
                    "{operation} with {client}: {cell}"
                );
            }
        }
    }
}

/// That an operation is not in a client is a surprise to whoever uses it.
#[test]
fn a_client_lacks_what_the_page_explains() {
    let page = read("docs/compatibility.md");
    let table = Table::on(&page);
    let explained = page.split_once("\n*Not in it*").unwrap().1;
    let explained = explained.split("\n\n").next().unwrap();
    for section in Section::ALL {
        for operation in section.built() {
            let is_missing = |client: &&str| table.cell(section, &operation, client) == Outcome::Missing;
            if section.clients().iter().any(is_missing) {
                assert!(explained.contains(&format!("`{operation}`")), "{operation}");
            }
        }
    }
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
    let (requirements, package) =
        ("tests/clients/python/requirements.txt", "tests/clients/node/package.json");
    let go = |service: &str| {
        let module = format!("github.com/aws/aws-sdk-go-v2/service/{service}");
        let version = between("tests/clients/go/go.mod", &format!("\t{module} v"), '\n');
        (module, version)
    };
    let rust = |name: &str| {
        (name.to_owned(), between("Cargo.lock", &format!("name = \"{name}\"\nversion = \""), '"'))
    };
    let python = |name: &str| (name.to_owned(), between(requirements, &format!("\n{name}=="), '\n'));
    let node = |name: &str| (name.to_owned(), between(package, &format!("\"{name}\": \""), '"'));
    let java = |name: &str, before: &str| {
        (format!("software.amazon.awssdk:{name}"), between("tests/clients/java/pom.xml", before, '<'))
    };
    for (client, version) in [
        python("awscli"),
        python("boto3"),
        node("@aws-sdk/client-kinesis"),
        node("@aws-sdk/client-dynamodb"),
        node("@aws-sdk/client-dynamodb-streams"),
        java("kinesis", "<artifactId>bom</artifactId>\n        <version>"),
        java("dynamodb", "<artifactId>dynamodb</artifactId>\n      <version>"),
        go("kinesis"),
        go("dynamodb"),
        go("dynamodbstreams"),
        rust("aws-sdk-kinesis"),
        rust("aws-sdk-dynamodb"),
        rust("aws-sdk-dynamodbstreams"),
    ] {
        assert!(page.contains(&format!("`{client}` {version} ")), "{client} {version} is not on the page");
    }
}
