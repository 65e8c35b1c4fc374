//! The namespace for the names of services: a private DNS namespace of AWS Cloud Map, which is a hosted zone of the
//! VPC.
//!
//! <https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html>

use std::time::Duration;

use aws_sdk_servicediscovery::types::OperationStatus;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::servicediscovery::names::{self, KIND},
    model::{Address, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, fields},
};

/// A namespace.
pub struct Namespace;

/// The namespace that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The VPC in which its names resolve.
    pub vpc: Input,
}

/// The namespace as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `ns-…`. Empty during its creation.
    pub id: String,
    /// Its name, such as `shop.internal`.
    pub name: String,
    /// The VPC in which its names resolve. Cloud Map does not report it, so the description contains it.
    pub vpc: String,
    /// The operation that creates it, while this run waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The reason why the operation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

fields! {
    /// The fields whose change replaces the namespace.
    pub enum Fixed {
        Vpc = "vpc",
    }
}

impl Kind for Namespace {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = Fixed;

    const NAME: &'static str = KIND;
    const DOC: Doc = Doc {
        summary: "Contains the DNS names by which services call each other.",
        page: "https://docs.aws.amazon.com/cloud-map/latest/dg/working-with-namespaces.html",
    };
    const USES: &'static [&'static str] = &["vpc"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Each { what: "a private hosted zone", price: "hosted_zone month" };
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["servicediscovery:ListNamespaces"]),
        Permission::make(&["servicediscovery:CreatePrivateDnsNamespace", "servicediscovery:TagResource"], On::Tagged),
        // Cloud Map creates and deletes the hosted zone with the permissions of the caller. A zone has no known id
        // before it is created.
        // https://docs.aws.amazon.com/cloud-map/latest/dg/cloud-map-api-permissions-ref.html
        Permission::make(
            &[
                "ec2:DescribeRegions",
                "ec2:DescribeVpcs",
                "route53:CreateHostedZone",
                "route53:GetHostedZone",
                "route53:ListHostedZonesByName",
                "servicediscovery:GetOperation",
            ],
            On::Any,
        ),
        Permission::delete(&["route53:DeleteHostedZone"], On::Any),
        Permission::delete(&["servicediscovery:DeleteNamespace"], On::Owned),
    ];
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    const USUAL: Duration = Duration::from_secs(45);
    const DEADLINE: Duration = Duration::from_secs(600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let found = names::namespaces(cx).await?.into_iter().filter_map(|namespace| {
            let address = names::address_of(&cx.id, KIND, namespace.description())?;
            let (_, vpc) = namespace.description()?.rsplit_once(" in ")?;
            let live =
                Live { vpc: vpc.to_owned(), id: namespace.id?, name: namespace.name?, operation: None, failure: None };
            Some(Found { address, id: live.id.clone(), live })
        });
        Ok(found.collect())
    }

    /// Reads the operation that creates the namespace: it shows when the namespace exists, or why the creation failed.
    async fn look(cx: &Context, waited_for: Vec<(Address, Live)>) -> Result<Vec<Found<Live>>, Failure> {
        for (address, live) in waited_for {
            let Some(operation) = live.operation.clone() else { continue };
            let call = cx.aws.names.get_operation().operation_id(operation).send().await;
            let found = call.or_absent("GetOperation", &["OperationNotFound"])?.and_then(|answer| answer.operation);
            let failure = match found.as_ref().and_then(|found| found.status()) {
                Some(OperationStatus::Success) => continue,
                Some(OperationStatus::Fail) => {
                    let why = found.and_then(|found| found.error_message);
                    Some(why.unwrap_or_else(|| "AWS gave no reason".to_owned()))
                }
                _ => None,
            };
            return Ok(vec![Found { address, id: live.id.clone(), live: Live { failure, ..live } }]);
        }
        Self::list(cx).await
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<NoField, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::Vpc, &live.vpc, &desired.vpc);
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        match &live.failure {
            Some(why) => Phase::Failed(why.clone()),
            None if live.id.is_empty() => Phase::Pending("creating its hosted zone".into()),
            None => Phase::Ready,
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id).with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (name, vpc) = (names::namespace_name(&cx.id), desired.vpc.get()?);
        let call = cx
            .aws
            .names
            .create_private_dns_namespace()
            .name(&name)
            .vpc(vpc)
            .description(format!("{} in {vpc}", names::description(&cx.id, address)))
            // Repeated calls of one run must create one namespace.
            .creator_request_id(aws::discriminated(&cx.id, address, &format!("{vpc} {}", cx.run), 64))
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await;
        // An earlier, interrupted call is already creating the namespace.
        let answer = answer.or_absent("CreatePrivateDnsNamespace", &["DuplicateRequest"])?;
        let operation = answer.and_then(|answer| answer.operation_id);
        Ok(Live { id: String::new(), name, vpc: vpc.to_owned(), operation, failure: None })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.names.delete_namespace().id(&live.id).customize().once();
        // A repeated call finds the deletion in progress.
        call.send().await.or_absent("DeleteNamespace", &["NamespaceNotFound", "DuplicateRequest"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["ResourceInUse"]).then_some("its names to be deleted")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        crate::kind::Sample::new(super::model::cloud, Desired { vpc: "vpc-given".into() })
            .variant(&["vpc"], Desired { vpc: "vpc-other".into() })
    }
}
