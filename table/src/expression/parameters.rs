//! Which parameters of a request go together: expressions with expressions, legacy ones with legacy ones.

use crate::error::{Error, Result};

/// The expressions and legacy parameters that an operation has, each with whether this request has it, in the
/// order in which AWS names them.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    pub expressions: &'a [(&'static str, bool)],
    pub legacy: &'a [(&'static str, bool)],
    pub has_names: bool,
    pub has_values: bool,
}

impl Parameters<'_> {
    /// # Errors
    ///
    /// When the two kinds are mixed, or names or values are given to no expression.
    pub fn check(&self) -> Result<()> {
        let expressions = self.given(self.expressions);
        if !expressions.is_empty() {
            let mut legacy = self.given(self.legacy);
            // A filter expression may go with legacy key conditions, which came first.
            if !expressions.contains(&"KeyConditionExpression") {
                legacy.retain(|name| *name != "KeyConditions");
            }
            if !legacy.is_empty() {
                return Err(Error::Validation(format!(
                    "Can not use both expression and non-expression parameters in the same request: \
                     Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                    legacy.join(", "),
                    expressions.join(", ")
                )));
            }
        }
        if self.has_names && expressions.is_empty() {
            let text = "ExpressionAttributeNames can only be specified when using expressions";
            return Err(Error::Validation(text.to_owned()));
        }
        let with_values: Vec<_> =
            self.expressions.iter().filter(|(name, _)| *name != "ProjectionExpression").collect();
        if self.has_values && with_values.iter().all(|(_, is_given)| !is_given) {
            let names: Vec<_> = with_values.iter().map(|(name, _)| *name).collect();
            return Err(Error::Validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {} {} null",
                names.join(" and "),
                if names.len() > 1 { "are" } else { "is" }
            )));
        }
        Ok(())
    }

    fn given(&self, all: &[(&'static str, bool)]) -> Vec<&'static str> {
        all.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(update: bool, condition: bool, expected: bool, has_names: bool, has_values: bool) -> String {
        let parameters = Parameters {
            expressions: &[("UpdateExpression", update), ("ConditionExpression", condition)],
            legacy: &[("AttributeUpdates", false), ("Expected", expected)],
            has_names,
            has_values,
        };
        parameters.check().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn spellings_are_not_mixed() {
        assert_eq!(check(true, false, false, true, true), "");
        assert_eq!(check(false, false, true, false, false), "");
        assert_eq!(
            check(true, false, true, false, false),
            "Can not use both expression and non-expression parameters in the same request: Non-expression \
             parameters: {Expected} Expression parameters: {UpdateExpression}"
        );
        assert_eq!(
            check(false, false, true, true, false),
            "ExpressionAttributeNames can only be specified when using expressions"
        );
        assert_eq!(
            check(false, false, true, false, true),
            "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and \
             ConditionExpression are null"
        );
    }

    #[test]
    fn legacy_key_conditions_go_with_a_filter_expression() {
        let check = |with_key_expression| {
            let parameters = Parameters {
                expressions: &[("FilterExpression", true), ("KeyConditionExpression", with_key_expression)],
                legacy: &[("KeyConditions", true)],
                has_names: false,
                has_values: false,
            };
            parameters.check().is_ok()
        };
        assert!(check(false));
        assert!(!check(true));
    }
}
