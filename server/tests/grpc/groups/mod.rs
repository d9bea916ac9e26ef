//! Members of groups: how shards come and go, what is sent and acknowledged, and how calls end.

mod ends;
mod limits;
mod member;
mod shards;
mod unreadable;
mod windows;

use millstream_proto::v1::JoinStart;
use millstream_runtime::Clock;

use super::*;
use member::{Heard, Member, start};
