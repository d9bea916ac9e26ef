//! What a member says once it has joined, checked.

use millstream_lease::Checkpoint;
use millstream_proto::v1;

use crate::error::Result;
use crate::start::invalid;

/// A request of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Checkpoint { assignment: i64, to: Checkpoint },
    ShardEnd { assignment: i64 },
    Release { assignment: i64 },
    Leave,
}

impl Request {
    pub(crate) fn read(request: v1::JoinRequest) -> Result<Self> {
        use v1::join_request::Request as Wire;
        match request.request {
            Some(Wire::Checkpoint(message)) => checkpoint(&message),
            Some(Wire::Release(message)) => {
                Ok(Self::Release { assignment: assignment(message.assignment_id)? })
            }
            Some(Wire::Leave(v1::LeaveRequest {})) => Ok(Self::Leave),
            Some(Wire::Start(_)) => {
                Err(invalid("A member has joined already: a start comes first and once."))
            }
            None => Err(invalid("A request says nothing.")),
        }
    }
}

fn assignment(id: Option<i64>) -> Result<i64> {
    id.ok_or_else(|| invalid("assignment_id is missing."))
}

fn checkpoint(message: &v1::CheckpointRequest) -> Result<Request> {
    let assignment = assignment(message.assignment_id)?;
    let has_number = message.sequence_number.is_some() || message.sub_sequence_number.is_some();
    match (message.shard_end.unwrap_or_default(), message.sequence_number.as_deref()) {
        (true, _) if has_number => Err(invalid("A checkpoint at the end of a shard has no sequence number.")),
        (true, _) => Ok(Request::ShardEnd { assignment }),
        (false, None) => Err(invalid("sequence_number is missing.")),
        (false, Some(text)) => {
            let number = text.parse().map_err(|_| invalid("sequence_number is no sequence number."))?;
            let sub = u64::try_from(message.sub_sequence_number.unwrap_or_default());
            let sub = sub.map_err(|_| invalid("sub_sequence_number is negative."))?;
            Ok(Request::Checkpoint { assignment, to: Checkpoint::at(number, sub) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn read(message: v1::CheckpointRequest) -> Result<Request> {
        let request = Some(v1::join_request::Request::Checkpoint(message));
        Request::read(v1::JoinRequest { request })
    }

    #[test]
    fn a_checkpoint_is_at_a_record_or_at_the_end() {
        let at = |number: &str, sub| v1::CheckpointRequest {
            assignment_id: Some(7),
            sequence_number: Some(number.to_owned()),
            sub_sequence_number: sub,
            shard_end: None,
        };
        let to = Checkpoint::at("5".parse().unwrap(), 3);
        assert_eq!(read(at("5", Some(3))).unwrap(), Request::Checkpoint { assignment: 7, to });
        let end =
            v1::CheckpointRequest { shard_end: Some(true), assignment_id: Some(7), ..Default::default() };
        assert_eq!(read(end.clone()).unwrap(), Request::ShardEnd { assignment: 7 });
        for wrong in [
            at("", None),
            at("-5", None),
            at("5", Some(-1)),
            v1::CheckpointRequest { shard_end: Some(true), ..at("5", None) },
            v1::CheckpointRequest { assignment_id: None, ..at("5", None) },
            v1::CheckpointRequest { sequence_number: None, ..at("5", None) },
            v1::CheckpointRequest { assignment_id: None, ..end },
        ] {
            assert!(matches!(read(wrong.clone()), Err(Error::InvalidArgument(_))), "{wrong:?}");
        }
    }
}
