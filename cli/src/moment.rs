//! Times and durations as people write and read them.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp as Instant};
use millstream_model::Timestamp;

/// Neither a duration nor a point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidMoment {
    #[error("a duration is written like 60s, 5m or 1h30m")]
    Duration,
    #[error("a time is written like 2013-01-01T05:00:00Z; without an offset it is taken as UTC")]
    Time,
}

/// `90s`, `5m`, `1h30m`, `2d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, InvalidMoment> {
    // Days are 24 hours here; the calendar plays no part.
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok()) {
        return Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    }
    let signed = text.parse::<SignedDuration>().map_err(|_| InvalidMoment::Duration)?;
    Duration::try_from(signed).map_err(|_| InvalidMoment::Duration)
}

/// RFC 3339, or a date and time or a date alone, which are UTC.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, InvalidMoment> {
    let instant = text.parse::<Instant>().or_else(|_| {
        let civil = text.parse::<DateTime>()?;
        Offset::UTC.to_timestamp(civil)
    });
    let millis = instant.map_err(|_| InvalidMoment::Time)?.as_millisecond();
    u64::try_from(millis).map(Timestamp::from_millis).map_err(|_| InvalidMoment::Time)
}

/// RFC 3339 in UTC, always with milliseconds, so that texts sort as times do.
pub(crate) fn format_time(time: Timestamp) -> String {
    let instant = i64::try_from(time.as_millis()).ok().and_then(|ms| Instant::from_millisecond(ms).ok());
    instant.map_or_else(|| time.to_string(), |instant| format!("{instant:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("60s"), Ok(60));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert_eq!(seconds("2d"), Ok(172_800));
        assert_eq!(seconds("0s"), Ok(0));
        for text in ["", "5", "-5m", "h", "5 parsecs"] {
            assert_eq!(seconds(text), Err(InvalidMoment::Duration), "{text}");
        }
    }

    #[test]
    fn times_are_read_and_written() {
        for (text, written) in [
            ("2013-01-01T05:00:00Z", "2013-01-01T05:00:00.000Z"),
            ("2013-01-01T05:00:00.0015+02:00", "2013-01-01T03:00:00.001Z"),
            ("2013-01-01T05:00", "2013-01-01T05:00:00.000Z"),
            ("2013-01-01", "2013-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(parse_time(text).map(format_time).as_deref(), Ok(written), "{text}");
        }
        for text in ["", "yesterday", "1969-12-31T00:00:00Z", "2013-13-01"] {
            assert_eq!(parse_time(text), Err(InvalidMoment::Time), "{text}");
        }
    }
}
