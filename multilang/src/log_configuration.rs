//! Files by which Java programs configure their log (`logback.xml`): the levels in them, as a filter of ours.
//!
//! Where a log goes and how it looks is not taken over.

use roxmltree::{Document, Node};

/// A file that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not XML: {0}")]
pub struct InvalidLogConfiguration(String);

/// The level of the root, as a filter of the `tracing` crate; `None` where it has none. Levels of single loggers are
/// about classes that are not here.
///
/// # Errors
/// If it is not XML.
pub fn filter(xml: &str) -> Result<Option<&'static str>, InvalidLogConfiguration> {
    let document = Document::parse(xml).map_err(|error| InvalidLogConfiguration(error.to_string()))?;
    let root = document.descendants().find(|node| node.has_tag_name("root"));
    Ok(root.and_then(level).and_then(|level| meaning(&level)))
}

/// An attribute, or an element of its own as older files have it.
fn level(root: Node<'_, '_>) -> Option<String> {
    let child = || root.children().find(|node| node.has_tag_name("level"))?.attribute("value");
    // A default may stand behind the name of a variable: ${LEVEL:-INFO}.
    let level = root.attribute("level").or_else(child)?;
    let level =
        level.strip_prefix("${").and_then(|text| text.split_once(":-")).map_or(level, |(_, default)| default);
    Some(level.trim_end_matches('}').to_ascii_uppercase())
}

fn meaning(level: &str) -> Option<&'static str> {
    Some(match level {
        "ALL" | "TRACE" => "trace",
        "DEBUG" => "debug",
        "INFO" => "info",
        "WARN" => "warn",
        "ERROR" => "error",
        "OFF" => "off",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_the_root_counts() {
        let of = |root: &str| {
            filter(&format!(
                "<?xml version=\"1.0\"?><configuration><logger name=\"x\" level=\"ERROR\"/>{root}</configuration>"
            ))
        };
        assert_eq!(of("<root level=\"DEBUG\"><appender-ref ref=\"C\"/></root>"), Ok(Some("debug")));
        assert_eq!(of("<root><level value=\"warn\"/></root>"), Ok(Some("warn")));
        assert_eq!(of("<root level=\"${LEVEL:-INFO}\"/>"), Ok(Some("info")));
        assert_eq!(of("<root level=\"loud\"/>"), Ok(None));
        assert_eq!(of(""), Ok(None));
        assert!(filter("log4j.rootLogger=INFO").is_err());
    }
}
