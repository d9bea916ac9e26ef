//! Whom a statement is about.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::PolicyFault;
use super::document::OneOrMany;
use crate::aws::validation::expression::Expression;

#[derive(Debug)]
pub(super) enum Principal {
    /// `"*"`
    Everyone,
    Listed(Listed),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    #[serde(rename = "AWS", default)]
    aws: Option<OneOrMany<String>>,
    #[serde(rename = "Service", default)]
    service: Option<OneOrMany<String>>,
    #[serde(rename = "Federated", default)]
    federated: Option<OneOrMany<String>>,
    #[serde(rename = "CanonicalUser", default)]
    canonical_user: Option<OneOrMany<String>>,
}

/// Accounts, users, roles and sessions. A wildcard stands for all of them or for none.
static AWS: Expression = Expression::new(
    r"^(\*|[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[^ \t\n\x0B\f\r*?]+)|arn:aws[a-z-]*:sts::[0-9]{12}:(assumed-role|federated-user)/[^ \t\n\x0B\f\r*?]+)$",
);
static SERVICE: Expression = Expression::new(r"^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$");
static FEDERATED: Expression = Expression::new(r"^[^ \t\n\x0B\f\r]+$");
static CANONICAL_USER: Expression = Expression::new("^[0-9a-f]{64}$");

impl Principal {
    pub(super) fn check(&self) -> Result<(), PolicyFault> {
        let Self::Listed(Listed { aws, service, federated, canonical_user }) = self else { return Ok(()) };
        let kinds =
            [(aws, &AWS), (service, &SERVICE), (federated, &FEDERATED), (canonical_user, &CANONICAL_USER)];
        if kinds.iter().all(|(listed, _)| listed.as_ref().is_none_or(|listed| listed.0.is_empty())) {
            return Err(PolicyFault::invalid("a Principal names nobody"));
        }
        for (listed, form) in kinds {
            let mut listed = listed.iter().flat_map(|listed| &listed.0);
            if let Some(wrong) = listed.find(|name| !form.matches(name)) {
                return Err(PolicyFault::invalid(format!("{wrong:?} is not a principal")));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PrincipalVisitor)
    }
}

struct PrincipalVisitor;

impl<'de> Visitor<'de> for PrincipalVisitor {
    type Value = Principal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"*\" or a map of principals")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Principal, E> {
        if text == "*" {
            Ok(Principal::Everyone)
        } else {
            Err(E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Principal, A::Error> {
        Listed::deserialize(MapAccessDeserializer::new(map)).map(Principal::Listed)
    }
}
