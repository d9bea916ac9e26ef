//! What is kept of AWS's model: the operations that a service is built for, and what they need.

use std::collections::BTreeSet;

use crate::catalog::parts_of;
use crate::model::{Model, Shape};
use crate::service::Service;

/// Drops all operations, members and shapes that `service` does not need.
pub(crate) fn trim(model: &mut Model, service: &Service) {
    if !service.operations.is_empty() {
        model.operations.retain(|name, _| service.operations.contains(&name.as_str()));
    }
    for left_out in service.left_out {
        if let Some(Shape::Structure(structure)) = model.shapes.get_mut(left_out.structure) {
            structure.members.retain(|name, _| !left_out.members.contains(&name.as_str()));
            structure.required.retain(|name| !left_out.members.contains(&name.as_str()));
        }
    }
    let mut needed = BTreeSet::new();
    for operation in model.operations.values() {
        for part in operation.input.iter().chain(&operation.output).chain(&operation.errors) {
            reach(model, &part.shape, &mut needed);
        }
    }
    model.shapes.retain(|name, _| needed.contains(name));
}

/// Adds the shape and all that it holds. Recursion ends at what was reached before.
fn reach(model: &Model, name: &str, needed: &mut BTreeSet<String>) {
    if let Some(shape) = model.shapes.get(name)
        && needed.insert(name.to_owned())
    {
        parts_of(shape).into_iter().for_each(|part| reach(model, part, needed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_kept_operation_needs_is_dropped() {
        let json = r#"{"metadata": {"apiVersion": "1", "serviceId": "S", "jsonVersion": "1.0", "targetPrefix": "T"},
            "operations": {"Keep": {"input": {"shape": "In"}}, "Drop": {"input": {"shape": "Other"}}},
            "shapes": {"In": {"type": "structure", "required": ["A", "B"],
                              "members": {"A": {"shape": "Text"}, "B": {"shape": "Number"}, "In": {"shape": "In"}}},
                       "Other": {"type": "structure", "members": {}},
                       "Text": {"type": "string"}, "Number": {"type": "integer"}}}"#;
        let mut model = Model::parse(json).unwrap();
        let left_out = crate::service::LeftOut { structure: "In", members: &["B"], reason: "" };
        let service = Service {
            operations: &["Keep"],
            left_out: Box::leak(Box::new([left_out])),
            ..crate::service::SERVICES[0]
        };
        trim(&mut model, &service);
        assert_eq!(model.shapes.keys().collect::<Vec<_>>(), ["In", "Text"]);
        let Shape::Structure(structure) = &model.shapes["In"] else { panic!() };
        assert_eq!(structure.required, ["A"]);
        assert_eq!(structure.members.keys().collect::<Vec<_>>(), ["A", "In"]);
    }
}
