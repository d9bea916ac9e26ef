//! Which stream a lease table is about, written into the table itself.
//!
//! Where one table serves many streams their leases say so. Where it serves one, a row of its own does: without it, leases
//! of a stream that was deleted would be applied to the next one of its name. Its kind is KCL's for what is known of a
//! stream, with the one attribute that such a row must have: KCL 3.5 takes rows of kinds that it does not know for leases,
//! and logs a stack trace for each whenever it looks.

use millstream_lease::row::{EntityType, Row, Value};
use millstream_lease::{Cas, LeaseStore};
use millstream_model::Timestamp;

use crate::error::{Error, Result};
use crate::settings::OnRecreatedStream;
use crate::stream::Stream;

const KEY: &str = "millstream:stream";
const ENTITY_TYPE: &str = "entityType";
/// KCL's, which keeps one by the stream's identifier, and finds none under this row's key.
const STREAM_ID: &str = "streamId";
const CREATED_MILLIS: &str = "streamCreatedMillis";
/// Reads and writes of the row that others may come between.
const TRIES: usize = 10;

/// What is known and what was found: a pure decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// Nobody wrote it down yet.
    Unknown,
    Another {
        known: Timestamp,
    },
}

/// Makes sure that the leases are about this stream.
pub(crate) async fn check(
    store: &dyn LeaseStore,
    stream: &Stream,
    on_another: OnRecreatedStream,
) -> Result<()> {
    for _ in 0..TRIES {
        // Listed before the row is read: while that still names the old stream, no lease of the new one was made.
        let listing = store.list().await?;
        let seen = store.state(KEY).await?;
        match verdict(seen.as_ref(), stream) {
            Verdict::Same => return Ok(()),
            Verdict::Unknown => {}
            Verdict::Another { known } if on_another == OnRecreatedStream::Refuse => {
                return Err(Error::StreamRecreated {
                    stream: stream.name.clone(),
                    known_millis: known.as_millis(),
                    found_millis: stream.created.as_millis(),
                });
            }
            Verdict::Another { .. } => {
                tracing::warn!(stream = %stream.name, "the stream was created again; its old leases are removed");
                for lease in &listing.leases {
                    // Lost means that somebody renewed it: the next try removes it.
                    let _ = store.delete(lease).await?;
                }
                if !store.list().await?.leases.is_empty() {
                    continue;
                }
            }
        }
        if let Cas::Applied(_) = store.put_state(KEY, seen.as_ref(), row(stream)).await? {
            return Ok(());
        }
    }
    Err(Error::Configuration(
        "the leases of the stream's predecessor cannot be removed while workers hold them".to_owned(),
    ))
}

fn verdict(seen: Option<&Row>, stream: &Stream) -> Verdict {
    let Some(Value::N(millis)) = seen.and_then(|row| row.get(CREATED_MILLIS)) else {
        return Verdict::Unknown;
    };
    match millis.parse().map(Timestamp::from_millis) {
        Ok(known) if known == stream.created => Verdict::Same,
        Ok(known) => Verdict::Another { known },
        Err(_) => Verdict::Unknown,
    }
}

fn row(stream: &Stream) -> Row {
    Row::from([
        (ENTITY_TYPE.to_owned(), Value::text(EntityType::Stream.as_str())),
        (STREAM_ID.to_owned(), Value::text(&stream.arn)),
        (CREATED_MILLIS.to_owned(), Value::number(stream.created.as_millis())),
    ])
}
