//! What the kinds of Cloud Map share: the stack's namespace, and whose something is. Lists show no tags: what is the stack's is told by
//! its description, which names the resource, its stack and its environment.

use aws_sdk_servicediscovery::{
    operation::list_namespaces::ListNamespacesOutput,
    types::{NamespaceFilter, NamespaceFilterName, NamespaceSummary},
};

use crate::{
    aws::Outcome,
    kind::Context,
    model::{Address, Failure, StackId},
};

/// The kind of namespaces, as addresses have it.
pub(super) const KIND: &str = "namespace";

/// What the one namespace of a stack is called.
pub const NAMESPACE: &str = "names";

/// Codes that say that something is not known everywhere yet.
pub(super) const NOT_YET: &[&str] = &["NamespaceNotFound", "ServiceNotFound"];

/// The name of the stack's namespace: `shop.internal`, or `staging.shop.internal`.
pub fn namespace_name(id: &StackId) -> String {
    if id.is_default() { format!("{}.internal", id.stack) } else { format!("{}.{}.internal", id.environment, id.stack) }
}

/// The description of what is at `address` of the stack.
pub(super) fn description(id: &StackId, address: &Address) -> String {
    format!("{address} of {}/{}", id.stack, id.environment)
}

/// The address that a description gives, if it says that it is the stack's.
pub(super) fn address_of(id: &StackId, kind: &str, described: Option<&str>) -> Option<Address> {
    let described = described?.split_once(" in ").map_or(described?, |(described, _)| described);
    let (address, stack) = described.split_once(" of ")?;
    let name = address.strip_prefix(kind)?.strip_prefix('.')?;
    (stack == format!("{}/{}", id.stack, id.environment)).then(|| Address::new(kind, name))
}

/// The stack's namespace, if it is there; two, while one takes the place of another. Read once in a look at the cloud.
pub(super) async fn namespaces(cx: &Context) -> Result<Vec<NamespaceSummary>, Failure> {
    let name = namespace_name(&cx.id);
    let read = async {
        let filter = NamespaceFilter::builder().name(NamespaceFilterName::Name).values(&name).build();
        let filter = filter.map_err(|error| Failure::internal(error.to_string()))?;
        let pages = cx.aws.names.list_namespaces().filters(filter).into_paginator().send();
        let pages: Vec<ListNamespacesOutput> = pages.try_collect().await.during("ListNamespaces")?;
        Ok(pages.into_iter().flat_map(|page| page.namespaces.unwrap_or_default()).collect::<Vec<_>>())
    };
    let known = cx.shared("namespaces", read).await?;
    let is_ours = |known: &&NamespaceSummary| address_of(&cx.id, KIND, known.description()).is_some();
    Ok(known.iter().filter(is_ours).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(environment: &str) -> StackId {
        StackId { stack: "shop".into(), environment: environment.into() }
    }

    #[test]
    fn a_namespace_has_the_name_of_its_environment_and_stack() {
        assert_eq!(namespace_name(&id("default")), "shop.internal");
        assert_eq!(namespace_name(&id("staging")), "staging.shop.internal");
    }

    #[test]
    fn a_description_gives_the_address_to_its_own_stack_only() {
        let address = Address::new("registry", "api");
        let described = description(&id("staging"), &address);
        assert_eq!(address_of(&id("staging"), "registry", Some(&described)), Some(address));
        assert_eq!(address_of(&id("default"), "registry", Some(&described)), None);
        assert_eq!(address_of(&id("staging"), "namespace", Some(&described)), None);
        assert_eq!(address_of(&id("staging"), "registry", Some("names of our own")), None);
    }
}
