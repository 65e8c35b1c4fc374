//! Which stack is drawn.

use crate::{model::StackId, spec::Stack};

/// The identity of `stack` in its environment.
#[must_use]
pub fn id(stack: &Stack) -> StackId {
    StackId { stack: stack.name.clone(), environment: stack.environment.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::DEFAULT_ENVIRONMENT;

    #[test]
    fn the_environment_without_a_name_is_the_same_everywhere() {
        assert_eq!(StackId::DEFAULT, DEFAULT_ENVIRONMENT);
    }
}
