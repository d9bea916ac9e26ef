//! Every operation that is answered, whichever service it belongs to: for metrics and faults, which treat them
//! all alike.

use super::codec::{ErrorCode, ProtocolError};
use super::{cloudwatch, dynamodb, kinesis};

/// An operation of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Kinesis(kinesis::generated::Operation),
    DynamoDb(dynamodb::generated::Operation),
    DynamoDbStreams(dynamodb::streams::generated::Operation),
    CloudWatch(cloudwatch::generated::Operation),
    /// The one operation of STS.
    GetCallerIdentity,
    /// The calls of Kinesis that only gRPC has.
    PutStream,
    Subscribe,
    /// Being a member of a consumer group, over gRPC: no operation of AWS.
    Join,
}

/// A service, by the name that rules and metrics have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Kinesis,
    DynamoDb,
    DynamoDbStreams,
    CloudWatch,
    Sts,
    /// This server's own.
    Millstream,
}

/// An error that some operation declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    Kinesis(kinesis::generated::Exception),
    DynamoDb(dynamodb::generated::Exception),
    DynamoDbStreams(dynamodb::streams::generated::Exception),
    /// Of no service's model.
    Protocol(ProtocolError),
}

impl Service {
    pub(crate) const ALL: [Self; 6] =
        [Self::Kinesis, Self::DynamoDb, Self::DynamoDbStreams, Self::CloudWatch, Self::Sts, Self::Millstream];

    /// As metrics and rules spell it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
            Self::DynamoDbStreams => "dynamodbstreams",
            Self::CloudWatch => "cloudwatch",
            Self::Sts => "sts",
            Self::Millstream => "millstream",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The service's operation of that name.
    pub(crate) fn call(self, name: &str) -> Option<Call> {
        match self {
            Self::Kinesis => kinesis::generated::Operation::from_name(name).map(Call::Kinesis),
            Self::DynamoDb => dynamodb::generated::Operation::from_name(name).map(Call::DynamoDb),
            Self::DynamoDbStreams => {
                dynamodb::streams::generated::Operation::from_name(name).map(Call::DynamoDbStreams)
            }
            Self::CloudWatch => cloudwatch::generated::Operation::from_name(name).map(Call::CloudWatch),
            Self::Sts => (name == Call::GetCallerIdentity.name()).then_some(Call::GetCallerIdentity),
            Self::Millstream => (name == Call::Join.name()).then_some(Call::Join),
        }
    }
}

impl Call {
    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Kinesis(_) | Self::PutStream | Self::Subscribe => Service::Kinesis,
            Self::DynamoDb(_) => Service::DynamoDb,
            Self::DynamoDbStreams(_) => Service::DynamoDbStreams,
            Self::CloudWatch(_) => Service::CloudWatch,
            Self::GetCallerIdentity => Service::Sts,
            Self::Join => Service::Millstream,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kinesis(operation) => operation.name(),
            Self::DynamoDb(operation) => operation.name(),
            Self::DynamoDbStreams(operation) => operation.name(),
            Self::CloudWatch(operation) => operation.name(),
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::PutStream => "PutStream",
            Self::Subscribe => "Subscribe",
            Self::Join => "Join",
        }
    }

    /// The error of that code, if the operation declares it.
    pub(crate) fn declared(self, code: &str) -> Option<Declared> {
        fn find<E: ErrorCode>(declared: &[E], code: &str) -> Option<E> {
            declared.iter().copied().find(|error| error.code() == code)
        }
        match self {
            Self::Kinesis(operation) => find(operation.errors(), code).map(Declared::Kinesis),
            Self::DynamoDb(operation) => find(operation.errors(), code).map(Declared::DynamoDb),
            Self::DynamoDbStreams(operation) => find(operation.errors(), code).map(Declared::DynamoDbStreams),
            Self::CloudWatch(_)
            | Self::GetCallerIdentity
            | Self::PutStream
            | Self::Subscribe
            | Self::Join => None,
        }
    }

    /// What AWS throttles the operation with.
    pub(crate) fn throttling(self) -> Declared {
        let codes =
            ["ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"];
        let declared = codes.into_iter().find_map(|code| self.declared(code));
        declared.unwrap_or(match self {
            Self::Kinesis(_) => Declared::Kinesis(kinesis::generated::Exception::Throttling),
            _ => Declared::Protocol(ProtocolError::Throttling),
        })
    }

    /// What the service says of a failure of its own.
    pub(crate) fn internal(self) -> Declared {
        self.declared("InternalServerError").unwrap_or(Declared::Protocol(ProtocolError::InternalFailure))
    }
}

impl ErrorCode for Declared {
    fn code(self) -> &'static str {
        match self {
            Self::Kinesis(error) => error.code(),
            Self::DynamoDb(error) => error.code(),
            Self::DynamoDbStreams(error) => error.code(),
            Self::Protocol(error) => error.code(),
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Kinesis(error) => error.status(),
            Self::DynamoDb(error) => error.status(),
            Self::DynamoDbStreams(error) => error.status(),
            Self::Protocol(error) => error.status(),
        }
    }

    fn message_member(self) -> &'static str {
        match self {
            Self::Kinesis(error) => error.message_member(),
            Self::DynamoDb(error) => error.message_member(),
            Self::DynamoDbStreams(error) => error.message_member(),
            Self::Protocol(error) => error.message_member(),
        }
    }
}
