//! Why nothing was generated.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the model names the shape {0} but does not have it")]
    UnknownShape(String),
    #[error("the operation {0} has no input shape")]
    NoInput(String),
    #[error("{0} is none of the services that are generated")]
    UnknownService(String),
    #[error("{path} is not a service model: {source}", path = path.display())]
    Model { path: PathBuf, source: serde_json::Error },
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("rustfmt refuses the generated {module}: {text}")]
    Format { module: String, text: String },
}
