//! The members of an input, in the types that the SDK takes.

use std::collections::HashMap;

use aws_sdk_kinesis::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'v>(pub(crate) &'v Value);

impl<'v> Given<'v> {
    pub(crate) fn text(self, member: &str) -> Option<String> {
        self.0[member].as_str().map(str::to_owned)
    }

    pub(crate) fn number(self, member: &str) -> Option<i32> {
        self.0[member].as_i64().map(|number| i32::try_from(number).unwrap())
    }

    pub(crate) fn truth(self, member: &str) -> Option<bool> {
        self.0[member].as_bool()
    }

    pub(crate) fn data(self, member: &str) -> Option<Blob> {
        self.0[member].as_str().map(|data| Blob::new(BASE64.decode(data).unwrap()))
    }

    pub(crate) fn members(self, member: &str) -> Option<Given<'v>> {
        self.0.get(member).map(Given)
    }

    pub(crate) fn list(self, member: &str) -> Option<Vec<Given<'v>>> {
        self.0[member].as_array().map(|items| items.iter().map(Given).collect())
    }

    /// A list of texts, each as something that the SDK has a type for.
    pub(crate) fn each<T: From<String>>(self, member: &str) -> Option<Vec<T>> {
        let texts = self.0[member].as_array()?;
        Some(texts.iter().map(|text| T::from(text.as_str().unwrap().to_owned())).collect())
    }

    pub(crate) fn map(self, member: &str) -> Option<HashMap<String, String>> {
        let entries = self.0[member].as_object()?;
        Some(entries.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect())
    }
}
