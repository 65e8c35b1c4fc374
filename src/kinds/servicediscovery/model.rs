//! An in-memory model of AWS Cloud Map with the operations that its kinds call, as the API reference describes them. A
//! namespace is listed immediately, and accepts services once its hosted zone exists.
//! <https://docs.aws.amazon.com/cloud-map/latest/api/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use aws_sdk_servicediscovery::{
    operation::{
        create_private_dns_namespace::{
            CreatePrivateDnsNamespaceError, CreatePrivateDnsNamespaceInput, CreatePrivateDnsNamespaceOutput,
        },
        create_service::{CreateServiceError, CreateServiceInput, CreateServiceOutput},
        delete_namespace::{DeleteNamespaceError, DeleteNamespaceInput, DeleteNamespaceOutput},
        delete_service::{DeleteServiceError, DeleteServiceInput, DeleteServiceOutput},
        get_operation::{GetOperationError, GetOperationInput, GetOperationOutput},
        list_namespaces::{ListNamespacesError, ListNamespacesInput, ListNamespacesOutput},
        list_services::{ListServicesError, ListServicesInput, ListServicesOutput},
        update_service::{UpdateServiceError, UpdateServiceInput, UpdateServiceOutput},
    },
    types::{DnsConfig, NamespaceSummary, Operation, OperationStatus, ServiceSummary, Tag},
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// The ids of the namespaces in [`cloud_with_namespaces`].
pub(super) const NAMESPACE: &str = "ns-given";
pub(super) const ANOTHER: &str = "ns-other";

/// The number of reads of its operation after which a namespace exists.
const LOOKS: u32 = 2;

/// The namespaces and services of the account in the region.
#[derive(Clone, Default)]
pub(super) struct CloudMap {
    made: u32,
    namespaces: Vec<Namespace>,
    services: Vec<Named>,
}

#[derive(Clone)]
struct Namespace {
    id: String,
    name: String,
    description: String,
    token: String,
    tags: Vec<Tag>,
    /// The number of reads until it exists.
    comes: u32,
}

#[derive(Clone)]
struct Named {
    id: String,
    name: String,
    namespace: String,
    description: String,
    token: String,
    dns: Option<DnsConfig>,
    tags: Vec<Tag>,
}

impl Service for CloudMap {
    fn present(&self) -> Vec<String> {
        let namespaces = self.namespaces.iter().map(|namespace| line("namespace", &namespace.tags));
        namespaces.chain(self.services.iter().map(|service| line("registry", &service.tags))).collect()
    }
}

/// Returns an AWS with Cloud Map and a namespace that belongs to no stack but has a name that the stack could use.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(CreatePrivateDnsNamespaceError::generic, create_namespace);
    cloud.on(DeleteNamespaceError::generic, delete_namespace);
    cloud.on(GetOperationError::generic, operation);
    cloud.on(ListNamespacesError::generic, list_namespaces);
    cloud.on(CreateServiceError::generic, create);
    cloud.on(UpdateServiceError::generic, update);
    cloud.on(DeleteServiceError::generic, delete);
    cloud.on(ListServicesError::generic, list);
    cloud.with(|map: &mut CloudMap| map.namespaces.push(Namespace::there("ns-of-others", "our own names")));
    cloud
}

/// Returns the same AWS with two namespaces of the stack, as during a replacement.
pub(super) fn cloud_with_namespaces() -> Cloud {
    let cloud = cloud();
    cloud.with(|map: &mut CloudMap| {
        for (id, vpc) in [(NAMESPACE, "vpc-given"), (ANOTHER, "vpc-other")] {
            map.namespaces.push(Namespace::there(id, &format!("namespace.names of shop/test in {vpc}")));
        }
    });
    cloud
}

impl Namespace {
    fn there(id: &str, description: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: "test.shop.internal".to_owned(),
            description: description.to_owned(),
            token: String::new(),
            tags: Vec::new(),
            comes: 0,
        }
    }
}

impl CloudMap {
    fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }
}

fn create_namespace(
    map: &mut CloudMap,
    input: &CreatePrivateDnsNamespaceInput,
) -> Result<CreatePrivateDnsNamespaceOutput, Refusal> {
    let (name, token) = (input.name().unwrap_or_default(), input.creator_request_id().unwrap_or_default());
    let description = input.description().unwrap_or_default();
    let same = map.namespaces.iter().find(|known| known.name == name && known.description == description);
    if let Some(same) = same {
        return Err(if same.comes > 0 && same.token == token {
            Refusal::new("DuplicateRequest", "The operation is already in progress.")
        } else {
            Refusal::new("NamespaceAlreadyExists", "The namespace exists already.")
        });
    }
    let id = map.next();
    map.namespaces.push(Namespace {
        id: format!("ns-{id}"),
        name: name.to_owned(),
        description: description.to_owned(),
        token: token.to_owned(),
        tags: input.tags().to_vec(),
        comes: LOOKS,
    });
    Ok(CreatePrivateDnsNamespaceOutput::builder().operation_id(id.to_string()).build())
}

fn delete_namespace(map: &mut CloudMap, input: &DeleteNamespaceInput) -> Result<DeleteNamespaceOutput, Refusal> {
    let id = input.id().unwrap_or_default();
    if map.services.iter().any(|service| service.namespace == id) {
        return Err(Refusal::new("ResourceInUse", "The namespace has services."));
    }
    let at = map.namespaces.iter().position(|namespace| namespace.id == id);
    let at = at.ok_or_else(|| Refusal::new("NamespaceNotFound", "There is no such namespace."))?;
    map.namespaces.remove(at);
    Ok(DeleteNamespaceOutput::builder().operation_id("deletion").build())
}

/// Returns the operation of a namespace, which has the same number.
fn operation(map: &mut CloudMap, input: &GetOperationInput) -> Result<GetOperationOutput, Refusal> {
    let id = format!("ns-{}", input.operation_id().unwrap_or_default());
    let namespace = map.namespaces.iter_mut().find(|namespace| namespace.id == id);
    let namespace = namespace.ok_or_else(|| Refusal::new("OperationNotFound", "There is no such operation."))?;
    namespace.comes = namespace.comes.saturating_sub(1);
    let status = if namespace.comes > 0 { OperationStatus::Pending } else { OperationStatus::Success };
    Ok(GetOperationOutput::builder().operation(Operation::builder().status(status).build()).build())
}

fn list_namespaces(map: &mut CloudMap, input: &ListNamespacesInput) -> Result<ListNamespacesOutput, Refusal> {
    let wanted = input.filters().first().and_then(|filter| filter.values().first()).cloned();
    let shown =
        map.namespaces.iter().filter(|namespace| wanted.as_ref().is_none_or(|name| &namespace.name == name)).map(
            |namespace| {
                NamespaceSummary::builder()
                    .id(&namespace.id)
                    .name(&namespace.name)
                    .description(&namespace.description)
                    .build()
            },
        );
    Ok(ListNamespacesOutput::builder().set_namespaces(Some(shown.collect())).build())
}

fn shown(service: &Named) -> ServiceSummary {
    ServiceSummary::builder()
        .id(&service.id)
        .arn(format!("arn:aws:servicediscovery:eu-west-1:123456789012:service/{}", service.id))
        .name(&service.name)
        .description(&service.description)
        .set_dns_config(service.dns.clone())
        .build()
}

fn create(map: &mut CloudMap, input: &CreateServiceInput) -> Result<CreateServiceOutput, Refusal> {
    let (name, namespace) = (input.name().unwrap_or_default(), input.namespace_id().unwrap_or_default());
    if !map.namespaces.iter().any(|known| known.id == namespace && known.comes == 0) {
        // The namespace of a killed run becomes ready in the meantime.
        map.namespaces.iter_mut().for_each(|known| known.comes = known.comes.saturating_sub(1));
        return Err(Refusal::new("NamespaceNotFound", "There is no such namespace."));
    }
    let token = input.creator_request_id().unwrap_or_default();
    let there = map.services.iter().find(|known| known.namespace == namespace && known.name == name).cloned();
    let service = match there {
        Some(there) if there.token == token => there,
        Some(_) => return Err(Refusal::new("ServiceAlreadyExists", "The service exists already.")),
        None => {
            let made = Named {
                id: format!("srv-{}", map.next()),
                name: name.to_owned(),
                namespace: namespace.to_owned(),
                description: input.description().unwrap_or_default().to_owned(),
                token: token.to_owned(),
                dns: input.dns_config().cloned(),
                tags: input.tags().to_vec(),
            };
            map.services.push(made.clone());
            made
        }
    };
    let summary = shown(&service);
    let made = aws_sdk_servicediscovery::types::Service::builder()
        .set_id(summary.id)
        .set_arn(summary.arn)
        .set_name(summary.name)
        .build();
    Ok(CreateServiceOutput::builder().service(made).build())
}

fn unknown() -> Refusal {
    Refusal::new("ServiceNotFound", "There is no such service.")
}

fn update(map: &mut CloudMap, input: &UpdateServiceInput) -> Result<UpdateServiceOutput, Refusal> {
    let service = map.services.iter_mut().find(|known| Some(known.id.as_str()) == input.id()).ok_or_else(unknown)?;
    let records = input.service().and_then(|change| change.dns_config()).map(|dns| dns.dns_records().to_vec());
    let dns = DnsConfig::builder().set_dns_records(Some(records.unwrap_or_default())).build();
    service.dns = Some(dns.expect("the records are given"));
    Ok(UpdateServiceOutput::builder().operation_id("update").build())
}

fn delete(map: &mut CloudMap, input: &DeleteServiceInput) -> Result<DeleteServiceOutput, Refusal> {
    let at = map.services.iter().position(|known| Some(known.id.as_str()) == input.id()).ok_or_else(unknown)?;
    map.services.remove(at);
    Ok(DeleteServiceOutput::builder().build())
}

fn list(map: &mut CloudMap, input: &ListServicesInput) -> Result<ListServicesOutput, Refusal> {
    let wanted = input.filters().first().and_then(|filter| filter.values().first()).cloned();
    let here = map.services.iter().filter(|service| wanted.as_ref().is_none_or(|id| &service.namespace == id));
    Ok(ListServicesOutput::builder().set_services(Some(here.map(shown).collect())).build())
}
