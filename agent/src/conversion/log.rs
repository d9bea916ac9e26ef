//! Lines of known logs into the members of an object.
//!
//! The names of the members are the Kinesis Agent's. Its patterns refuse some lines that are valid; these take all that
//! the programs write: addresses of IPv6, quotes that are escaped, errors without a client.

use regex::Regex;
use serde_json::Value;

use super::{JsonStyle, Unconvertible, object};

/// Names what a pattern captures.
#[derive(Clone, Debug)]
pub struct LogToJson {
    pattern: Regex,
    names: Vec<String>,
    /// Whether `-` stands for nothing.
    has_dashes: bool,
    style: JsonStyle,
}

/// Logs that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `COMMONAPACHELOG`, NGINX's as well.
    CommonApache,
    /// `COMBINEDAPACHELOG`, NGINX's as well.
    CombinedApache,
    /// `APACHEERRORLOG`.
    ApacheError,
    /// `SYSLOG`: RFC 3164.
    Syslog,
    /// `RFC3339SYSLOG`: with the times of RFC 3339.
    Rfc3339Syslog,
}

const ACCESS: &str = r#"(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" ([+-]?\d+|-) ([+-]?\d+|-)"#;
const REFERER_AND_AGENT: &str = r#" "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)""#;
const ERROR: &str = concat!(
    r"\[([^\]]+)\] \[(?:([\w-]*):)?(\w+)\] \[pid (\d+)(?::tid (\d+))?\]",
    r"(?: \[client ([^\]]+)\])? (.*)"
);
const RFC_3164_TIME: &str = r"(?:<\d+>)?([A-Z][a-z]{2,8}\s+\d{1,2}\s+\d{1,2}:\d{2}:\d{2}(?:[.,:]\d+)?)";
const RFC_3339_TIME: &str = r"(?:<\d+>)?(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))";
const SYSLOG_REST: &str = r" (?:<\d+\.\d+> )?(\S+) ([^\s\[:]+)(?:\[(\d+)\])?: (.*)";

const ACCESS_NAMES: [&str; 9] =
    ["host", "ident", "authuser", "datetime", "request", "response", "bytes", "referer", "agent"];
const ERROR_NAMES: [&str; 7] =
    ["timestamp", "module", "severity", "processid", "threadid", "client", "message"];
const SYSLOG_NAMES: [&str; 5] = ["timestamp", "hostname", "program", "processid", "message"];

impl LogFormat {
    fn pattern(self) -> String {
        match self {
            Self::CommonApache => format!("{ACCESS}.*"),
            Self::CombinedApache => format!("{ACCESS}{REFERER_AND_AGENT}.*"),
            Self::ApacheError => ERROR.to_owned(),
            Self::Syslog => format!("{RFC_3164_TIME}{SYSLOG_REST}"),
            Self::Rfc3339Syslog => format!("{RFC_3339_TIME}{SYSLOG_REST}"),
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::CommonApache => &ACCESS_NAMES[..7],
            Self::CombinedApache => &ACCESS_NAMES,
            Self::ApacheError => &ERROR_NAMES,
            Self::Syslog | Self::Rfc3339Syslog => &SYSLOG_NAMES,
        }
    }
}

impl LogToJson {
    /// Reads a format, with another pattern or other names where they are given. A pattern has to match whole records.
    ///
    /// # Errors
    /// If the pattern is none, or does not capture as many groups as there are names.
    pub fn new(
        format: LogFormat,
        pattern: Option<&str>,
        names: Option<Vec<String>>,
        style: JsonStyle,
    ) -> Result<Self, String> {
        let whole = match pattern {
            Some(pattern) => format!(r"\A(?:{pattern})\z"),
            None => format!(r"(?s)\A(?:{})\z", format.pattern()),
        };
        let pattern = Regex::new(&whole).map_err(|error| error.to_string())?;
        let names = names.unwrap_or_else(|| format.names().iter().copied().map(str::to_owned).collect());
        let groups = pattern.captures_len() - 1;
        if groups != names.len() {
            return Err(format!("the pattern captures {groups} groups, and there are {} names", names.len()));
        }
        let has_dashes = !matches!(format, LogFormat::Syslog | LogFormat::Rfc3339Syslog);
        Ok(Self { pattern, names, has_dashes, style })
    }

    pub(super) fn apply(&self, record: &[u8]) -> Result<Vec<u8>, Unconvertible> {
        let record = String::from_utf8_lossy(record);
        let captures = self.pattern.captures(&record);
        let captures = captures.ok_or_else(|| Unconvertible("it is not of the log format".to_owned()))?;
        let value = |index: usize| {
            let text = captures.get(index + 1).map(|group| group.as_str());
            Value::from(text.filter(|text| !(self.has_dashes && *text == "-")))
        };
        let members: Vec<_> =
            self.names.iter().enumerate().map(|(index, name)| (name.as_str(), value(index))).collect();
        Ok(object(&members, self.style))
    }
}

impl PartialEq for LogToJson {
    fn eq(&self, other: &Self) -> bool {
        let form = |log: &Self| (log.pattern.as_str().to_owned(), log.names.clone(), log.style);
        form(self) == form(other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(format: LogFormat, record: &str) -> Option<Value> {
        let log = LogToJson::new(format, None, None, JsonStyle::Compact).unwrap();
        log.apply(record.as_bytes()).ok().map(|json| serde_json::from_slice(&json).unwrap())
    }

    #[test]
    fn access_logs_are_read() {
        let line = r#"2001:db8::1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a\"b HTTP/1.0" 200 -"#;
        let read_common = read(LogFormat::CommonApache, line).unwrap();
        assert_eq!(
            read_common,
            json!({
                "host": "2001:db8::1", "ident": null, "authuser": "frank",
                "datetime": "10/Oct/2000:13:55:36 -0700", "request": "GET /a\\\"b HTTP/1.0", "response": "200",
                "bytes": null,
            })
        );
        assert_eq!(read(LogFormat::CombinedApache, line), None);
        let combined = format!(r#"{line} "-" "Mozilla/5.0 (X11)" more"#);
        let value = read(LogFormat::CombinedApache, &combined).unwrap();
        assert_eq!((&value["referer"], &value["agent"]), (&Value::Null, &json!("Mozilla/5.0 (X11)")));
        assert_eq!(read(LogFormat::CommonApache, &combined), Some(read_common));
        assert_eq!(read(LogFormat::CommonApache, "nonsense"), None);
    }

    #[test]
    fn error_logs_are_read() {
        let line = "[Wed Oct 11 14:32:52.1 2017] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187:80] no";
        assert_eq!(
            read(LogFormat::ApacheError, line).unwrap(),
            json!({
                "timestamp": "Wed Oct 11 14:32:52.1 2017", "module": "core", "severity": "error",
                "processid": "35708", "threadid": "4328636416", "client": "72.15.99.187:80", "message": "no",
            })
        );
        let short = read(LogFormat::ApacheError, "[Wed Oct 11 14:32:52 2017] [notice] [pid 1] up").unwrap();
        assert_eq!(
            (&short["module"], &short["client"], &short["message"]),
            (&Value::Null, &Value::Null, &json!("up"))
        );
    }

    #[test]
    fn syslog_is_read() {
        let value = read(LogFormat::Syslog, "Oct  1 22:14:15 my-host su[230]: 'su root' failed - x").unwrap();
        assert_eq!(
            value,
            json!({
                "timestamp": "Oct  1 22:14:15", "hostname": "my-host", "program": "su", "processid": "230",
                "message": "'su root' failed - x",
            })
        );
        let value = read(LogFormat::Rfc3339Syslog, "2026-01-02T03:04:05.67+01:00 h kernel: - up").unwrap();
        assert_eq!(
            (&value["timestamp"], &value["processid"]),
            (&json!("2026-01-02T03:04:05.67+01:00"), &Value::Null)
        );
        assert_eq!(read(LogFormat::Syslog, "2026-01-02T03:04:05Z h kernel: up"), None);
    }

    #[test]
    fn patterns_and_names_can_be_others() {
        let names = |names: &[&str]| Some(names.iter().copied().map(str::to_owned).collect());
        let new =
            |pattern, names| LogToJson::new(LogFormat::CommonApache, pattern, names, JsonStyle::Compact);
        let log = new(Some(r"(\d+) (\w+)"), names(&["number", "word"])).unwrap();
        assert_eq!(log.apply(b"17 abc").unwrap(), br#"{"number":"17","word":"abc"}"#);
        assert!(log.apply(b"17 abc more").is_err(), "the whole record has to match");
        assert!(new(Some(r"(\d+)"), None).unwrap_err().contains("captures 1 groups, and there are 7 names"));
        assert!(new(Some("("), None).is_err());
        assert!(new(Some(r"(?<=a)b"), None).is_err());
    }

    proptest! {
        /// What was written in the common format is found again, whatever stands in quotes.
        #[test]
        fn fields_survive(host in "[a-z0-9.:-]{1,20}", request in "[^\"\\\\\n]{0,30}", response in 100..600_u32) {
            let line = format!(r#"{host} - - [10/Oct/2000:13:55:36 -0700] "{request}" {response} 17"#);
            let value = read(LogFormat::CommonApache, &line).unwrap();
            let expected = if host == "-" { Value::Null } else { json!(host) };
            prop_assert_eq!(&value["host"], &expected);
            let expected = if request == "-" { Value::Null } else { json!(request) };
            prop_assert_eq!(&value["request"], &expected);
            prop_assert_eq!(&value["response"], &json!(response.to_string()));
        }

        #[test]
        fn any_text_is_read_or_refused(record in ".{0,200}") {
            for format in [LogFormat::CombinedApache, LogFormat::ApacheError, LogFormat::Syslog, LogFormat::Rfc3339Syslog] {
                let _ = read(format, &record);
            }
        }
    }
}
