//! A service model, as far as the wire needs it: operations, shapes, constraints.
//!
//! The models in `models/` are what remains when AWS's `service-2.json` is read into these types and
//! written again: no prose, no endpoints, no client settings. The order of members is the model's and is
//! kept, since AWS reports faults in it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
pub struct Model {
    pub metadata: Metadata,
    pub operations: IndexMap<String, Operation>,
    pub shapes: IndexMap<String, Shape>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub api_version: String,
    pub service_id: String,
    pub json_version: String,
    pub target_prefix: String,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Operation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<ShapeRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<ShapeRef>,
    /// What it may answer instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ShapeRef>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShapeRef {
    pub shape: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Shape {
    Structure(Structure),
    List {
        member: ShapeRef,
        #[serde(flatten)]
        bounds: Bounds,
    },
    Map {
        key: ShapeRef,
        value: ShapeRef,
        #[serde(flatten)]
        bounds: Bounds,
    },
    String {
        #[serde(flatten)]
        bounds: Bounds,
        #[serde(skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
        #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
    },
    Blob(Bounds),
    Integer(Bounds),
    Long(Bounds),
    Double {},
    Boolean {},
    Timestamp {},
}

/// `min` and `max`: of a number its value, of anything else its length.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Bounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct Structure {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    pub members: IndexMap<String, ShapeRef>,
    /// An error of the service.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exception: bool,
    /// An error of the service that is the service's fault.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fault: bool,
    /// What an operation streams: one of the members at a time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub eventstream: bool,
}

impl Model {
    /// Reads a model, AWS's own or a trimmed one.
    pub fn parse(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// The model as it is kept in `models/`: a line for each operation and shape, so that a difference
    /// between two versions can be read.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let metadata = serde_json::to_string(&self.metadata)?;
        let operations = lines(&self.operations)?;
        let shapes = lines(&self.shapes)?;
        Ok(format!(
            "{{\n\"metadata\": {metadata},\n\"operations\": {{\n{operations}\n}},\n\"shapes\": {{\n{shapes}\n}}\n}}\n"
        ))
    }
}

fn lines<T: Serialize>(entries: &IndexMap<String, T>) -> serde_json::Result<String> {
    let mut lines = Vec::new();
    for (name, entry) in entries {
        lines.push(format!("\"{name}\": {}", serde_json::to_string(entry)?));
    }
    Ok(lines.join(",\n"))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_and_client_settings_are_left_out() {
        let json = r#"{"version": "2.0",
            "metadata": {"apiVersion": "2013", "serviceId": "S", "jsonVersion": "1.1", "targetPrefix": "T", "uid": "u"},
            "operations": {"Op": {"name": "Op", "http": {"method": "POST"}, "input": {"shape": "In"}}},
            "shapes": {"In": {"type": "structure", "documentation": "<p>", "members": {"B": {"shape": "S", "documentation": "d"}, "A": {"shape": "S"}}},
                       "S": {"type": "string", "min": 1, "sensitive": true}}}"#;
        let trimmed = Model::parse(json).unwrap().to_json().unwrap();
        let compact: String = trimmed.split_whitespace().collect();
        assert_eq!(
            compact,
            concat!(
                r#"{"metadata":{"apiVersion":"2013","serviceId":"S","jsonVersion":"1.1","targetPrefix":"T"},"#,
                r#""operations":{"Op":{"input":{"shape":"In"}}},"#,
                r#""shapes":{"In":{"type":"structure","members":{"B":{"shape":"S"},"A":{"shape":"S"}}},"#,
                r#""S":{"type":"string","min":1}}}"#
            )
        );
    }
}
