//! Which files a flow follows: a path with `*`, `?`, `[…]`, `{…,…}` in any of its parts, and `**` for any depth.
//!
//! Archives are never meant: what is packed cannot be followed, and was followed before it was packed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

/// Endings of files that rotation has packed.
const PACKED: [&str; 7] = ["gz", "bz2", "zip", "xz", "zst", "lz4", "Z"];

/// Files by their paths.
#[derive(Clone, Debug)]
pub struct FilePattern {
    text: String,
    root: PathBuf,
    components: Vec<Component>,
}

/// What one part of a path is to be.
#[derive(Clone, Debug)]
pub(super) enum Component {
    Name(String),
    Glob(GlobMatcher),
    AnyDepth,
}

/// It cannot be a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no pattern of files: {reason}")]
pub struct InvalidPattern {
    pattern: String,
    reason: String,
}

impl FilePattern {
    /// Where to begin to look.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn components(&self) -> &[Component] {
        &self.components
    }

    /// Whether a file's name says that it is packed.
    #[must_use]
    pub fn is_packed(path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| PACKED.iter().any(|packed| packed.eq_ignore_ascii_case(ending)))
    }

    /// Whether a path, as it would be found, is meant.
    #[must_use]
    pub fn is_match(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.root) else { return false };
        let names: Vec<_> = below.iter().collect();
        matches(&self.components, &names) && !Self::is_packed(path)
    }
}

fn matches(components: &[Component], names: &[&std::ffi::OsStr]) -> bool {
    let Some((first, rest)) = components.split_first() else { return names.is_empty() };
    match first {
        Component::AnyDepth => (0..=names.len()).any(|skipped| matches(rest, &names[skipped..])),
        Component::Name(name) => {
            names.split_first().is_some_and(|(is, names)| *is == name.as_str() && matches(rest, names))
        }
        Component::Glob(glob) => {
            names.split_first().is_some_and(|(is, names)| glob.is_match(is) && matches(rest, names))
        }
    }
}

impl FromStr for FilePattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let wrong = |reason: String| InvalidPattern { pattern: text.to_owned(), reason };
        if text.is_empty() || text.ends_with('/') {
            return Err(wrong("it names no file".to_owned()));
        }
        let mut root = PathBuf::from(if text.starts_with('/') { "/" } else { "" });
        let mut components = Vec::new();
        let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        for (index, part) in parts.iter().enumerate() {
            let is_plain = !part.contains(['*', '?', '[', '{', '\\']);
            if is_plain && components.is_empty() && index + 1 < parts.len() {
                root.push(part);
            } else if is_plain {
                components.push(Component::Name((*part).to_owned()));
            } else if *part == "**" {
                components.push(Component::AnyDepth);
            } else {
                let glob = GlobBuilder::new(part).literal_separator(true).build();
                let glob = glob.map_err(|error| wrong(error.kind().to_string()))?;
                components.push(Component::Glob(glob.compile_matcher()));
            }
        }
        if matches!(components.last(), None | Some(Component::AnyDepth)) {
            return Err(wrong("it names no file".to_owned()));
        }
        Ok(Self { text: text.to_owned(), root, components })
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl PartialEq for FilePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for FilePattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_paths() {
        let is_match =
            |pattern: &str, path: &str| pattern.parse::<FilePattern>().unwrap().is_match(Path::new(path));
        assert!(is_match("/var/log/app.log", "/var/log/app.log"));
        assert!(!is_match("/var/log/app.log", "/var/log/app.log.1"));
        assert!(is_match("/var/log/app.log*", "/var/log/app.log.1"));
        assert!(!is_match("/var/log/app.log*", "/var/log/app.log.1.gz"));
        assert!(!is_match("/var/*.log", "/var/log/app.log"));
        assert!(is_match("/var/**/*.log", "/var/log/deep/app.log"));
        assert!(is_match("/var/**/*.log", "/var/app.log"));
        assert!(is_match("logs/{a,b}.log", "logs/b.log"));
        assert!(is_match("app.log", "app.log"));
        assert!(is_match("/a/a", "/a/a"));
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for text in ["", "/", "/var/log/", "/var/**", "/var/[a-"] {
            assert!(text.parse::<FilePattern>().is_err(), "{text:?}");
        }
    }
}
