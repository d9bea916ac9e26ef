//! The AWS wire and gRPC in front of the engine; admin and configuration.
//!
//! A request comes in through [`http`], is read by [`aws`] or [`grpc`], carried out by the engine, and answered. What a
//! stream is and how it is stored is not known here.

mod admin;
pub mod aws;
mod deliveries;
mod faults;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod grpc;
mod http;
mod init;
mod kept_file;
mod master_key;
mod metrics;
mod server;
pub mod settings;

pub use http::tls::TlsError;
pub use init::{InvalidStreams, MakeError, UnreadableScripts};
pub use kept_file::SecretFileError;
pub use master_key::{MasterKeyError, Secrets};
pub use server::{Server, ServerError};
pub use settings::Settings;
