//! Checks that two environments of a file do not give resources the same name. A name on AWS joins the stack, the
//! environment and a part with hyphens.

use std::collections::BTreeMap;

use super::{
    problem::{Collector, Span},
    stack::Stack,
};

/// The names used by the environments read so far, by kind and name; each with its environment and part.
#[derive(Default)]
pub(super) struct Names(BTreeMap<(&'static str, String), (String, String)>);

impl Names {
    /// Adds the names of `stack`. The file has the stack at `span`.
    pub(super) fn take(&mut self, stack: Option<&Stack>, span: Span, problems: &mut Collector) {
        let Some(stack) = stack else { return };
        let services = stack.programs().map(|(name, _)| ("service", name));
        for (kind, part) in services.chain(stack.buckets.keys().map(|name| ("bucket", name))) {
            let own = (stack.environment.clone(), part.clone());
            let name = format!("{}-{}-{part}", stack.name, stack.environment);
            let key = (kind, name);
            if let Some((environment, other)) = self.0.get(&key).filter(|(environment, _)| *environment != own.0) {
                let message = format!(
                    "the {kind} `{part}` in the environment `{}` and `{other}` in `{environment}` have the same name on \
                     AWS, `{}`",
                    own.0, key.1
                );
                let path = format!("environments.{}", own.0);
                problems.add(span, &path, message, "rename one of the two, or one of the environments");
            } else {
                self.0.insert(key, own);
            }
        }
    }
}
