//! Generates the server's typed inputs and outputs, their constraints and the operation enum from AWS's
//! service models.
//!
//! The generated code is committed, and a test here says when it is not what the models give. What the
//! generated code stands on (the codec, the constraints) is written by hand in the server.

mod catalog;
mod emit;
mod error;
mod format;
pub mod model;
mod names;
mod pattern;
pub mod service;
mod trim;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
pub use crate::error::Error;
use crate::model::Model;
use crate::service::Service;

/// The root of the workspace that this crate was built in.
#[must_use]
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The generated modules of a service: file name to formatted text.
pub fn generate(root: &Path, service: &Service) -> Result<BTreeMap<String, String>, Error> {
    let model = read_model(&root.join("codegen/models").join(service.model))?;
    let catalog = Catalog::new(&model, service)?;
    let mut modules = BTreeMap::new();
    for (name, text) in emit::modules(&catalog)? {
        modules.insert(format!("{name}.rs"), format::rustfmt(root, name, &text)?);
    }
    Ok(modules)
}

/// Writes the generated modules of a service where they belong.
pub fn write(root: &Path, service: &Service) -> Result<(), Error> {
    let folder = root.join(service.output);
    fs::create_dir_all(&folder).map_err(|source| Error::File { path: folder.clone(), source })?;
    for (name, text) in generate(root, service)? {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| Error::File { path, source })?;
    }
    Ok(())
}

/// Reads one of AWS's models or one of ours.
pub fn read_model(path: &Path) -> Result<Model, Error> {
    let json = fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    Model::parse(&json).map_err(|source| Error::Model { path: path.to_owned(), source })
}

/// AWS's model of one of [`service::SERVICES`] as it is kept in `models/`.
pub fn trimmed(path: &Path) -> Result<Model, Error> {
    let mut model = read_model(path)?;
    let id = &model.metadata.service_id;
    let service = Service::of_id(id).ok_or_else(|| Error::UnknownService(id.clone()))?;
    trim::trim(&mut model, service);
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::SERVICES;

    #[test]
    fn what_is_committed_is_what_the_models_give() {
        let root = workspace_root();
        for service in SERVICES {
            let folder = root.join(service.output);
            let generated = generate(&root, service).unwrap();
            for (name, text) in &generated {
                let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
                assert!(
                    committed == *text,
                    "{}/{name} differs; run `cargo run -p millstream-codegen`",
                    service.output
                );
            }
            for file in fs::read_dir(&folder).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                assert!(generated.contains_key(&name), "{}/{name} is not generated", service.output);
            }
        }
    }

    #[test]
    fn the_models_hold_nothing_that_is_not_needed() {
        for service in SERVICES {
            let path = workspace_root().join("codegen/models").join(service.model);
            assert_eq!(trimmed(&path).unwrap().to_json().unwrap(), fs::read_to_string(&path).unwrap());
        }
    }

    #[test]
    fn every_deviation_names_something_of_the_model() {
        for service in SERVICES {
            let model = read_model(&workspace_root().join("codegen/models").join(service.model)).unwrap();
            let catalog = Catalog::new(&model, service).unwrap();
            for entry in service.enum_orders {
                let mut values = catalog.enum_values(entry.shape).unwrap().unwrap().to_vec();
                let mut order = entry.order.to_vec();
                values.sort();
                order.sort_unstable();
                assert_eq!(values, order, "{}", entry.shape);
            }
            for entry in service.shown_patterns {
                assert!(model.shapes.contains_key(entry.shape), "{}", entry.shape);
            }
            for entry in service.handwritten {
                assert!(model.shapes.contains_key(entry.shape), "{}", entry.shape);
            }
            for name in service.operations {
                assert!(model.operations.contains_key(*name), "{name}");
            }
            let members = [service.optional_members, service.demanded_members, service.omitted_members];
            for entry in members.into_iter().flatten() {
                let model::Shape::Structure(structure) = &model.shapes[entry.structure] else { panic!() };
                assert!(structure.members.contains_key(entry.member), "{}", entry.member);
            }
        }
    }
}
