//! How long a call may take, as its client says in `grpc-timeout`.

use std::time::Duration;

use hyper::http::request::Parts;
use tonic::Status;

use super::reply::expired;

/// The protocol's own limit.
const DIGITS_MAX: usize = 8;

/// How long the client waits; `None` where it waits for as long as it takes. Nothing is begun for one that does not
/// wait at all, or whose time is none: it would not be kept.
pub(super) fn timeout(parts: &Parts) -> Result<Option<Duration>, Status> {
    let Some(value) = parts.headers.get("grpc-timeout") else { return Ok(None) };
    match value.to_str().ok().and_then(parse) {
        None => Err(Status::invalid_argument(
            "grpc-timeout is at most eight digits and one of the units H, M, S, m, u and n.",
        )),
        Some(Duration::ZERO) => Err(expired()),
        limit => Ok(limit),
    }
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_eight_digits_and_a_unit() {
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse("2M"), Some(Duration::from_secs(120)));
        assert_eq!(parse("3S"), Some(Duration::from_secs(3)));
        assert_eq!(parse("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse("0u"), Some(Duration::ZERO));
        assert_eq!(parse("5n"), Some(Duration::from_nanos(5)));
        for text in ["", "S", "1", "123456789S", "-1S", "1.5S", "1s", "é", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
