//! Threads for work that blocks for long: a storage engine's writer and its syncs.

use std::thread::JoinHandle;

/// Starts a named thread. Whoever starts one keeps the handle and joins it.
#[allow(clippy::disallowed_methods)] // the one place
pub fn spawn<T, F>(name: &str, body: F) -> std::io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}
