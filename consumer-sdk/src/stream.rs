//! A stream that is read, and whether it is still the same one.

use millstream_client::{Error, Result, StreamApi, StreamRef};
use millstream_lease::StreamIdentifier;
use millstream_model::{StreamArn, Timestamp};
use tokio::sync::watch;

/// A stream as it was when the consumer began.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: StreamRef,
    pub(crate) arn: StreamArn,
    pub(crate) created: Timestamp,
    /// Set where one lease table serves many streams.
    pub(crate) identifier: Option<StreamIdentifier>,
    ended: watch::Sender<Option<Ended>>,
}

/// How a stream came to be another one, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Deleted,
    Recreated { at: Timestamp },
}

impl Stream {
    /// Asks the service what the stream is now.
    pub(crate) async fn describe(api: &dyn StreamApi, name: StreamRef, is_one_of_many: bool) -> Result<Self> {
        let summary = api.describe_stream_summary(&name).await?;
        let identifier = is_one_of_many.then(|| StreamIdentifier {
            account: summary.arn.account.to_string(),
            stream: summary.name.to_string(),
            creation_epoch: summary.created.as_secs(),
        });
        let ended = watch::Sender::new(None);
        Ok(Self { name, arn: summary.arn, created: summary.created, identifier, ended })
    }

    /// How it has ended, if it has.
    pub(crate) async fn look(&self, api: &dyn StreamApi) -> Result<Option<Ended>> {
        match api.describe_stream_summary(&self.name).await {
            Ok(summary) if summary.created == self.created => Ok(None),
            Ok(summary) => Ok(Some(Ended::Recreated { at: summary.created })),
            Err(Error::ResourceNotFound(_)) => Ok(Some(Ended::Deleted)),
            Err(error) => Err(error),
        }
    }

    /// Tells the consumer that the stream is gone.
    pub(crate) fn end(&self, how: Ended) {
        self.ended.send_replace(Some(how));
    }

    /// Resolves when the stream was found to be gone.
    pub(crate) async fn ended(&self) -> crate::Error {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this stream.
        let how = ended.wait_for(Option::is_some).await.ok().and_then(|how| *how);
        match how {
            Some(Ended::Recreated { at }) => crate::Error::StreamRecreated {
                stream: self.name.clone(),
                known_millis: self.created.as_millis(),
                found_millis: at.as_millis(),
            },
            Some(Ended::Deleted) | None => crate::Error::StreamDeleted(self.name.clone()),
        }
    }
}
