//! The AWS wire in front of the engine; admin and configuration.

pub mod aws;
