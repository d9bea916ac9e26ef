//! The operations of the service models, and those of them that the server carries out, by its source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a client has a type of its own for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Kinesis,
    DynamoDb,
    DynamoDbStreams,
}

impl Service {
    /// As the AWS CLI and boto3 call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
            Self::DynamoDbStreams => "dynamodbstreams",
        }
    }

    /// All operations that are generated.
    ///
    /// # Panics
    /// When the source is not where it should be.
    #[must_use]
    pub fn operations(self) -> BTreeSet<String> {
        let generated = source(match self {
            Self::Kinesis => "server/src/aws/kinesis/generated/operation.rs",
            Self::DynamoDb => "server/src/aws/dynamodb/generated/operation.rs",
            Self::DynamoDbStreams => "server/src/aws/dynamodb/streams/generated/operation.rs",
        });
        let names =
            generated.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// Those that the server carries out: what the generated trait has by default answers that there is no such
    /// operation.
    ///
    /// # Panics
    /// When the source is not where it should be.
    #[must_use]
    pub fn built(self) -> BTreeSet<String> {
        let (folder, implemented) = match self {
            Self::Kinesis => ("server/src/aws/kinesis", "impl KinesisService for "),
            Self::DynamoDb => ("server/src/aws/dynamodb", "impl DynamoDbService for "),
            Self::DynamoDbStreams => ("server/src/aws/dynamodb", "impl DynamoDbStreamsService for "),
        };
        let files = files(&workspace().join(folder));
        let implementation = files.iter().find_map(|text| text.split_once(implemented));
        let (_, rest) = implementation.unwrap_or_else(|| panic!("{folder} has no {implemented}"));
        let methods = rest.split("\n}").next().unwrap_or_default();
        let functions = methods.split("async fn ").skip(1).filter_map(|rest| rest.split('(').next());
        functions.map(named).collect()
    }
}

/// `put_record` as `PutRecord`.
fn named(function: &str) -> String {
    function.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// The texts of all files in a folder and below it, but for tests, which have services of their own.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| !path.ends_with("tests"));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![text(&path)] }).collect()
}

/// A file of the workspace.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn source(file: &str) -> String {
    text(&workspace().join(file))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
