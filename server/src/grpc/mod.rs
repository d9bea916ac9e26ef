//! gRPC, on the port of the AWS wire and told apart by its content type.
//!
//! A call is the operation of the AWS wire that has its name: its message is read into the same input
//! (`aws/codec/protobuf`), carried out by the same front with the same faults, and its answer is written by the same
//! code. What only gRPC has is here: frames, statuses with `google.rpc` details, deadlines, and the calls that stream.
//! Health and reflection are served as well, members of consumer groups, which are no operation of AWS, and on the admin
//! port the service of its own.
//!
//! Frames are made here and not by a library, because a subscription's records are sent from bytes that all
//! subscribers share, and because bodies count against the budget that all wires have.

mod admin;
mod admin_messages;
mod caller;
mod deadline;
mod front;
mod health;
mod join;
mod messages;
mod put_stream;
mod reflection;
mod reply;
mod single;
mod status;
mod subscribe;

pub(crate) use self::admin::AdminFront;
pub(crate) use self::front::{GrpcFront, is_grpc};
pub(crate) use self::health::HealthService;
pub(crate) use self::join::Groups;
#[cfg(any(test, fuzzing))]
pub(crate) use self::messages::check_messages;
pub(crate) use self::reflection::Reflection;
