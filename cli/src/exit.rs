//! How the process ends: what went wrong, in words and as an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use millstream_client::Error;

use crate::admin::AdminError;
use crate::lease::LeaseFailure;
use crate::put::PutFailure;
use crate::snapshot::FileError;

/// Shown at the end of the help; the codes of [`Failure::code`].
pub(crate) const CODES_HELP: &str = "\
Exit codes:
  0    done
  1    failed: the input or the request was refused
  2    the command line is wrong
  3    the service cannot be reached, or kept failing
  4    no such stream, lease table or lease
  130  interrupted
  141  nobody reads the output any more";

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Service(#[from] Error),
    #[error(transparent)]
    Lease(Box<LeaseFailure>),
    #[error("{0}")]
    Server(#[from] millstream_server::ServerError),
    #[error("{0}")]
    Multilang(#[from] millstream_multilang::Error),
    #[error("{0}")]
    Agent(#[from] millstream_agent::Error),
    #[error("{0}")]
    Bench(#[from] millstream_benches::Error),
    #[error(transparent)]
    Put(Box<PutFailure>),
    #[error("{0}")]
    Admin(#[from] AdminError),
    #[error("{0}")]
    File(FileError),
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
    #[error("interrupted")]
    Interrupted,
}

impl From<PutFailure> for Failure {
    fn from(failure: PutFailure) -> Self {
        Self::Put(Box::new(failure))
    }
}

impl From<LeaseFailure> for Failure {
    fn from(failure: LeaseFailure) -> Self {
        Self::Lease(Box::new(failure))
    }
}

impl Failure {
    /// Says what happened, unless whoever could read it is gone or caused it.
    pub(crate) fn report(&self, endpoint: Option<&str>) -> ExitCode {
        if !self.is_quiet() {
            let hint = self.hint(endpoint);
            // Where even standard error is closed, the exit code has to do.
            let _ = writeln!(io::stderr(), "error: {self}{hint}");
        }
        ExitCode::from(self.code())
    }

    fn is_quiet(&self) -> bool {
        matches!(self, Self::Interrupted) || self.is_broken_pipe()
    }

    fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Service(error) => code_of(error),
            Self::Put(failure) => failure.service_error().map_or(1, code_of),
            Self::Lease(failure) => failure.code(),
            Self::Output(_) if self.is_broken_pipe() => 141,
            Self::Admin(AdminError::Url(_)) => 2,
            Self::Multilang(error) => of_multilang(error),
            Self::Agent(error) => of_agent(error),
            Self::Admin(AdminError::Unreachable { .. } | AdminError::BrokenOff(_)) => 3,
            Self::Output(_) | Self::Server(_) | Self::Bench(_) | Self::Admin(_) | Self::File(_) => 1,
            Self::Interrupted => 130,
        }
    }

    /// What the user can do about it, where that is not plain.
    fn hint(&self, endpoint: Option<&str>) -> String {
        let error = match self {
            Self::Service(error) => Some(error),
            Self::Put(failure) => failure.service_error(),
            Self::Agent(millstream_agent::Error::Service(error)) => Some(error),
            Self::Agent(_)
            | Self::Usage(_)
            | Self::Lease(_)
            | Self::Server(_)
            | Self::Multilang(_)
            | Self::Bench(_)
            | Self::Admin(_)
            | Self::File(_)
            | Self::Output(_)
            | Self::Interrupted => None,
        };
        let is_unreachable = match self {
            Self::Lease(failure) => failure.is_unreachable(),
            _ => matches!(error, Some(Error::Unreachable(_))),
        };
        match (error, endpoint) {
            (_, Some(url)) if is_unreachable => {
                format!("\nhint: the endpoint is {url}; is a server running there?")
            }
            (Some(Error::Untrusted(_)), _) => {
                "\nhint: --ca-bundle names certificates to trust, --insecure accepts any".to_owned()
            }
            (Some(Error::Credentials(_) | Error::Configuration(_)), None) => {
                "\nhint: without an endpoint this goes to AWS; a server on this machine is reached with \
                 --endpoint-url or AWS_ENDPOINT_URL"
                    .to_owned()
            }
            _ => String::new(),
        }
    }
}

fn code_of(error: &Error) -> u8 {
    match error {
        Error::ResourceNotFound(_) => 4,
        error if error.is_retryable() => 3,
        _ => 1,
    }
}

fn of_agent(error: &millstream_agent::Error) -> u8 {
    match error {
        millstream_agent::Error::Service(error) => code_of(error),
        _ => 1,
    }
}

fn of_multilang(error: &millstream_multilang::Error) -> u8 {
    match (error, error.of_service()) {
        (millstream_multilang::Error::CommandLine(_), _) => 2,
        (_, Some(error)) => code_of(error),
        _ if error.is_table_unreachable() => 3,
        _ => 1,
    }
}
