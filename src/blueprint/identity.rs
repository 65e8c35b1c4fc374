//! Identifies the stack that is drawn.

use crate::{model::StackId, spec::Stack};

/// Returns the identity of `stack` in its environment.
#[must_use]
pub fn id(stack: &Stack) -> StackId {
    StackId { stack: stack.name.clone(), environment: stack.environment.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::DEFAULT_ENVIRONMENT;

    #[test]
    fn the_default_environment_has_the_same_name_everywhere() {
        assert_eq!(StackId::DEFAULT, DEFAULT_ENVIRONMENT);
    }
}
