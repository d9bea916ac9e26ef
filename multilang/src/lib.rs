//! Programs in any language as record processors: a child process for every shard, spoken to in JSON lines, as KCL's
//! MultiLangDaemon does.
//!
//! A [`DaemonSettings`] is read from the same `.properties` file, and [`run`] is the daemon. [`java`] understands the
//! command line by which packages for KCL start a JVM, and [`stub_jars`] makes the files that they want to find. Who
//! gets which shard, and how it is read, is the consumer SDK's.

mod child;
mod daemon;
mod error;
pub mod java;
pub mod log_configuration;
mod processor;
pub mod properties;
pub mod protocol;
pub mod settings;
pub mod stub_jars;

pub use self::daemon::run;
pub use self::error::{Error, Result};
pub use self::settings::DaemonSettings;
