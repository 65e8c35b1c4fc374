//! Helpers for the Cloud Map kinds: the stack's namespace, and the owner of a resource. Lists contain no tags, so the
//! description of each resource stores its address, its stack and its environment.

use aws_sdk_servicediscovery::{
    operation::list_namespaces::ListNamespacesOutput,
    types::{NamespaceFilter, NamespaceFilterName, NamespaceSummary},
};

use crate::{
    aws::Outcome,
    kind::Context,
    model::{Address, Failure, StackId},
};

/// The name of the namespace kind.
pub(super) const KIND: &str = "namespace";

/// The name of a stack's only namespace.
pub const NAMESPACE: &str = "names";

/// The error codes for a new resource that is not visible everywhere yet.
pub(super) const NOT_YET: &[&str] = &["NamespaceNotFound", "ServiceNotFound"];

/// Returns the DNS name of the stack's namespace, such as `shop.internal` or `staging.shop.internal`.
pub fn namespace_name(id: &StackId) -> String {
    if id.is_default() { format!("{}.internal", id.stack) } else { format!("{}.{}.internal", id.environment, id.stack) }
}

/// Returns the description of the resource at `address`.
pub(super) fn description(id: &StackId, address: &Address) -> String {
    format!("{address} of {}/{}", id.stack, id.environment)
}

/// Returns the address in a description, if the resource belongs to the stack.
pub(super) fn address_of(id: &StackId, kind: &str, described: Option<&str>) -> Option<Address> {
    let described = described?.split_once(" in ").map_or(described?, |(described, _)| described);
    let (address, stack) = described.split_once(" of ")?;
    let name = address.strip_prefix(kind)?.strip_prefix('.')?;
    (stack == format!("{}/{}", id.stack, id.environment)).then(|| Address::new(kind, name))
}

/// Returns the stack's namespace, if it exists, or two during a replacement. They are listed once per look at AWS.
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
    fn namespace_name_contains_environment_and_stack() {
        assert_eq!(namespace_name(&id("default")), "shop.internal");
        assert_eq!(namespace_name(&id("staging")), "staging.shop.internal");
    }

    #[test]
    fn description_is_recognized_only_by_its_own_stack() {
        let address = Address::new("registry", "api");
        let described = description(&id("staging"), &address);
        assert_eq!(address_of(&id("staging"), "registry", Some(&described)), Some(address));
        assert_eq!(address_of(&id("default"), "registry", Some(&described)), None);
        assert_eq!(address_of(&id("staging"), "namespace", Some(&described)), None);
        assert_eq!(address_of(&id("staging"), "registry", Some("names of our own")), None);
    }
}
