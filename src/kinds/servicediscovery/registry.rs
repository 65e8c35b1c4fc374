//! The DNS name of a service: ECS registers its tasks here, and Cloud Map resolves the name to their addresses.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html>

use std::time::Duration;

use aws_sdk_servicediscovery::{
    operation::list_services::ListServicesOutput,
    types::{
        DnsConfig, DnsConfigChange, DnsRecord, HealthCheckCustomConfig, RecordType, RoutingPolicy, ServiceChange,
        ServiceFilter, ServiceFilterName, ServiceSummary,
    },
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::servicediscovery::names,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, fields},
};

/// The name of the registry kind.
const KIND: &str = "registry";

/// A service of Cloud Map.
pub struct Registry;

/// The registry that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The id of the namespace.
    pub namespace: Input,
    /// The TTL of DNS responses, in seconds.
    pub ttl: u32,
}

/// The registry as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `srv-…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The id of its namespace.
    pub namespace: String,
    /// The TTL of DNS responses, in seconds.
    pub ttl: u32,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Ttl = "ttl",
    }

    /// The fields whose change replaces the registry.
    pub enum Fixed {
        Namespace = "namespace",
    }
}

impl Kind for Registry {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = KIND;
    const DOC: Doc = Doc {
        summary: "The DNS name of a service, which resolves to the addresses of its tasks.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html",
    };
    const USES: &'static [&'static str] = &["namespace"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> =
        Cost::Free("AWS charges nothing for what ECS registers; DNS queries are charged and not included");
    const NOT_YET: &'static [&'static str] = names::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["servicediscovery:ListServices"]),
        Permission::make(&["servicediscovery:CreateService", "servicediscovery:TagResource"], On::Tagged),
        Permission::make(&["servicediscovery:UpdateService"], On::Owned),
        Permission::delete(&["servicediscovery:DeleteService"], On::Owned),
    ];
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    const DEADLINE: Duration = Duration::from_secs(600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let namespaces = names::namespaces(cx).await?.into_iter().filter_map(|namespace| namespace.id);
        let found = try_join_all(namespaces.map(|namespace| registries(cx, namespace))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::Namespace, &live.namespace, &desired.namespace);
        diff.field(Field::Ttl, &live.ttl, &desired.ttl);
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let namespace = desired.namespace.get()?;
        let dns = DnsConfig::builder()
            .routing_policy(RoutingPolicy::Multivalue)
            .dns_records(record(desired.ttl)?)
            .build()
            .map_err(|error| Failure::internal(error.to_string()))?;
        // With this setting, ECS reports which tasks are healthy.
        // https://docs.aws.amazon.com/cloud-map/latest/api/API_HealthCheckCustomConfig.html
        let health = HealthCheckCustomConfig::builder().build();
        let call = cx
            .aws
            .names
            .create_service()
            .name(address.name())
            .namespace_id(namespace)
            .description(names::description(&cx.id, address))
            .dns_config(dns)
            .health_check_custom_config(health)
            .creator_request_id(aws::discriminated(&cx.id, address, &format!("{namespace} {}", cx.run), 64))
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await.during("CreateService")?;
        let service = given(answer.service, "CreateService", "Service")?;
        Ok(Live {
            id: given(service.id, "CreateService", "Service.Id")?,
            arn: given(service.arn, "CreateService", "Service.Arn")?,
            namespace: namespace.to_owned(),
            ttl: desired.ttl,
        })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::Ttl => set_ttl(cx, desired, live).await?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.names.delete_service().id(&live.id).customize().once();
        call.send().await.or_absent("DeleteService", &["ServiceNotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["ResourceInUse"]).then_some("ECS to deregister its last tasks")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |namespace: &str, ttl| Desired { namespace: namespace.into(), ttl };
        crate::kind::Sample::new(super::model::cloud_with_namespaces, desired(super::model::NAMESPACE, 10))
            .variant(&["ttl"], desired(super::model::NAMESPACE, 30))
            .variant(&["namespace"], desired(super::model::ANOTHER, 10))
    }
}

/// Returns the stack's registries in one namespace.
async fn registries(cx: &Context, namespace: String) -> Result<Vec<Found<Live>>, Failure> {
    let filter = ServiceFilter::builder().name(ServiceFilterName::NamespaceId).values(&namespace).build();
    let filter = filter.map_err(|error| Failure::internal(error.to_string()))?;
    let pages = cx.aws.names.list_services().filters(filter).into_paginator().send();
    let pages: Vec<ListServicesOutput> = pages.try_collect().await.during("ListServices")?;
    let services = pages.into_iter().flat_map(|page| page.services.unwrap_or_default());
    let found = services.filter_map(|service: ServiceSummary| {
        let address = names::address_of(&cx.id, KIND, service.description())?;
        let ttl = service.dns_config().and_then(|dns| dns.dns_records().first()).map(DnsRecord::ttl);
        let live = Live {
            ttl: ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(),
            id: service.id?,
            arn: service.arn?,
            namespace: namespace.clone(),
        };
        Some(Found { address, id: live.id.clone(), live })
    });
    Ok(found.collect())
}

fn record(ttl: u32) -> Result<DnsRecord, Failure> {
    let record = DnsRecord::builder().r#type(RecordType::A).ttl(i64::from(ttl)).build();
    record.map_err(|error| Failure::internal(error.to_string()))
}

async fn set_ttl(cx: &Context, desired: &Desired, live: Live) -> Result<Live, Failure> {
    let dns = DnsConfigChange::builder().dns_records(record(desired.ttl)?).build();
    let dns = dns.map_err(|error| Failure::internal(error.to_string()))?;
    let change = ServiceChange::builder().dns_config(dns).build();
    let call = cx.aws.names.update_service().id(&live.id).service(change).customize().once();
    call.send().await.during("UpdateService")?;
    Ok(Live { ttl: desired.ttl, ..live })
}
