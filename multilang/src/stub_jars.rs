//! The archives that `amazon_kclpy` and `aws-kcl` want to find, without anything in them.
//!
//! Their installers fetch the Java daemon from Maven; where this daemon runs instead, archives that are valid and empty do.
//! Which ones a version wants stands in its `pom.xml`; those of the versions in the registries are known here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};

use crate::error::{Error, Result};

/// `group:artifact:version`, one a line.
const KNOWN: &str = include_str!("stub_jars/coordinates.txt");
/// An empty manifest is a valid one, and an archive of Java has one.
const MANIFEST_NAME: &str = "META-INF/MANIFEST.MF";
const MANIFEST: &[u8] = b"Manifest-Version: 1.0\r\n\r\n";

/// An archive in a Maven repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinate {
    pub group: String,
    pub artifact: String,
    pub version: String,
}

/// How the archives lie in their folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As in a Maven repository, which `KCL_MVN_REPO_SEARCH_URL` may name.
    Repository,
    /// Side by side, as `kcl-bootstrap --jar-path` wants them.
    Flat,
}

/// The archives that the known versions of the packages want.
#[must_use]
pub fn known() -> BTreeSet<Coordinate> {
    KNOWN.lines().filter_map(Coordinate::parse).collect()
}

/// The archives that a package's `pom.xml` lists.
///
/// # Errors
/// If it is not XML, or a dependency is not whole.
pub fn of_pom(path: &Path) -> Result<BTreeSet<Coordinate>> {
    let failed = |error| Error::File { path: path.to_owned(), error };
    let xml = fs::read_to_string(path).map_err(failed)?;
    listed(&xml).map_err(|reason| failed(io::Error::new(io::ErrorKind::InvalidData, reason)))
}

/// Writes the archives, in place of any that are there, and gives their number.
///
/// # Errors
/// If a file cannot be written.
pub fn write(directory: &Path, shape: Shape, coordinates: &BTreeSet<Coordinate>) -> Result<usize> {
    let archive = archive();
    for coordinate in coordinates {
        let path = directory.join(coordinate.path(shape));
        let parent = path.parent().unwrap_or(directory);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, &archive));
        written.map_err(|error| Error::File { path, error })?;
    }
    Ok(coordinates.len())
}

impl Coordinate {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.trim().split(':').map(str::to_owned);
        Some(Self { group: parts.next()?, artifact: parts.next()?, version: parts.next()? })
    }

    fn path(&self, shape: Shape) -> PathBuf {
        let Self { group, artifact, version } = self;
        let file = format!("{artifact}-{version}.jar");
        match shape {
            Shape::Flat => file.into(),
            Shape::Repository => [&group.replace('.', "/"), artifact, version, &file].into_iter().collect(),
        }
    }

    /// Whether its path stays within the folder.
    fn is_plain(&self) -> bool {
        let is_name = |text: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
            !text.is_empty() && text.chars().all(is_plain) && text.split('.').all(|part| !part.is_empty())
        };
        is_name(&self.group) && is_name(&self.artifact) && is_name(&self.version)
    }
}

fn listed(xml: &str) -> Result<BTreeSet<Coordinate>, String> {
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    let named = |node: Node<'_, '_>, name: &str| {
        let child = node.children().find(|child| child.tag_name().name() == name)?;
        child.text().map(|text| text.trim().to_owned())
    };
    let project = document.root_element();
    let properties = project.children().find(|node| node.tag_name().name() == "properties");
    let meant = |text: String| match text.strip_prefix("${").and_then(|text| text.strip_suffix('}')) {
        Some(name) => properties.and_then(|properties| named(properties, name)),
        None => Some(text),
    };
    let dependencies = document.descendants().filter(|node| node.tag_name().name() == "dependency");
    let coordinates = dependencies.map(|node| {
        let part = |name| named(node, name).and_then(meant);
        let (group, artifact, version) = (part("groupId")?, part("artifactId")?, part("version")?);
        Some(Coordinate { group, artifact, version }).filter(Coordinate::is_plain)
    });
    coordinates
        .collect::<Option<_>>()
        .ok_or_else(|| "a dependency has no group, artifact or version".to_owned())
}

/// An archive with nothing but a manifest: a ZIP file with one entry, not compressed.
fn archive() -> Vec<u8> {
    let checksum = crc32fast::hash(MANIFEST).to_le_bytes();
    // Both are a few bytes.
    let size = u32::try_from(MANIFEST.len()).unwrap_or_default().to_le_bytes();
    let name_size = u16::try_from(MANIFEST_NAME.len()).unwrap_or_default().to_le_bytes();
    let version = 20_u16.to_le_bytes();
    // No flags, stored, midnight of the first day of 1980, which is where this format begins.
    let method_and_time = [0, 0, 0, 0, 0, 0, 0x21, 0];
    let entry = [&version[..], &method_and_time, &checksum, &size, &size, &name_size, &[0, 0]].concat();
    let local = [b"PK\x03\x04", &entry[..], MANIFEST_NAME.as_bytes(), MANIFEST].concat();
    // No comment, first disk, no attributes, and the entry begins at 0.
    let directory = [
        b"PK\x01\x02",
        &version[..],
        &entry,
        &[0; 2],
        &[0; 2],
        &[0; 2],
        &[0; 4],
        &[0; 4],
        MANIFEST_NAME.as_bytes(),
    ]
    .concat();
    let at = u32::try_from(local.len()).unwrap_or_default().to_le_bytes();
    let length = u32::try_from(directory.len()).unwrap_or_default().to_le_bytes();
    let end = [b"PK\x05\x06", &[0; 4][..], &[1, 0, 1, 0], &length, &at, &[0; 2]].concat();
    [local, directory, end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_as_python_wrote_it() {
        // zipfile's output for the same entry, by its lengths: 30 + 20 + 25, 46 + 20, 22.
        let archive = archive();
        assert_eq!(archive.len(), 30 + 20 + 25 + 46 + 20 + 22);
        assert_eq!(&archive[26..30], [20, 0, 0, 0]);
        assert_eq!(&archive[75..79], b"PK\x01\x02");
        assert_eq!(&archive[archive.len() - 6..], [75, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_pom_lists_what_is_wanted() {
        let pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><properties><kcl.version>3.5.3</kcl.version></properties>\
                   <dependencies><dependency><groupId>software.amazon.kinesis</groupId><artifactId>amazon-kinesis-client</artifactId>\
                   <version>${kcl.version}</version></dependency></dependencies></project>";
        let listed = listed(pom).unwrap();
        let only = listed.first().unwrap();
        assert_eq!(
            only.path(Shape::Repository),
            Path::new("software/amazon/kinesis/amazon-kinesis-client/3.5.3/amazon-kinesis-client-3.5.3.jar")
        );
        assert_eq!(only.path(Shape::Flat), Path::new("amazon-kinesis-client-3.5.3.jar"));
        assert!(super::listed(&pom.replace("3.5.3</kcl", "../x</kcl")).is_err());
        assert!(super::listed(&pom.replace("${kcl.version}", "${other}")).is_err());
        assert!(super::listed("x").is_err());
    }

    #[test]
    fn what_is_known_is_whole_and_is_written() {
        let known = known();
        assert!(known.iter().all(Coordinate::is_plain) && known.len() > 80);
        assert_eq!(known.len(), KNOWN.lines().count());
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(write(directory.path(), Shape::Flat, &known).unwrap(), known.len());
        let client = directory.path().join("amazon-kinesis-client-multilang-3.5.3.jar");
        assert_eq!(fs::read(client).unwrap(), archive());
    }
}
