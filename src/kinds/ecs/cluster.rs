//! Where the tasks of the stack's services are accounted for.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html>

use aws_sdk_ecs::types::ClusterField;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Kind},
    kinds::ecs,
    model::{Address, Failure, Found, On, Outputs, Permission, Phase},
};

/// An ECS cluster.
pub struct Cluster;

/// What stack.yaml asks of it: that it is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// AWS's word, such as `ACTIVE`.
    pub status: String,
}

impl Kind for Cluster {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "cluster";
    const USES: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecs:DescribeClusters"]),
        Permission::make(&["ecs:CreateCluster"], On::Named(&["ecs:{region}:{account}:cluster/{name:255}*"])),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("ecs.amazonaws.com")),
        ecs::TAGGING,
        Permission::delete(&["ecs:DeleteCluster"], On::Named(&["ecs:{region}:{account}:cluster/{name:255}*"])),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let call = cx.aws.ecs.describe_clusters().clusters(ecs::cluster_name(&cx.id)).include(ClusterField::Tags);
        let answer = call.send().await.during("DescribeClusters")?;
        Ok(answer
            .clusters
            .unwrap_or_default()
            .into_iter()
            // A deleted one stays listed as inactive for a while.
            .filter(|cluster| cluster.status() != Some("INACTIVE"))
            .filter_map(|cluster| {
                let address = aws::address_of(&cx.id, cluster.tags())?;
                let (name, arn) = (cluster.cluster_name?, cluster.cluster_arn?);
                let live = Live { name: name.clone(), arn, status: cluster.status.unwrap_or_default() };
                Some(Found { address, id: name, live })
            })
            .collect())
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        match live.status.as_str() {
            "ACTIVE" => Phase::Ready,
            "DEPROVISIONING" => Phase::Deleting("deprovisioning".into()),
            "FAILED" => Phase::Failed("AWS gives no reason".into()),
            other => Phase::Pending(other.to_lowercase()),
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name).with("arn", &live.arn)
    }

    async fn create(cx: &Context, address: &Address, _desired: &Desired) -> Result<Live, Failure> {
        let call = cx.aws.ecs.create_cluster().cluster_name(ecs::cluster_name(&cx.id));
        let call = call.set_tags(Some(aws::tags(&cx.id, address))).customize().once();
        let cluster = given(call.send().await.during("CreateCluster")?.cluster, "CreateCluster", "cluster")?;
        Ok(Live {
            name: given(cluster.cluster_name, "CreateCluster", "clusterName")?,
            arn: given(cluster.cluster_arn, "CreateCluster", "clusterArn")?,
            status: cluster.status.unwrap_or_default(),
        })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.ecs.delete_cluster().cluster(&live.arn).customize().once();
        call.send().await.or_absent("DeleteCluster", &["ClusterNotFoundException"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        let codes = ["ClusterContainsServicesException", "ClusterContainsTasksException", "UpdateInProgressException"];
        // The first cluster of an account has ECS make its service-linked role, and ECS may not be able to use it at once.
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
        let first = failure.operation == "CreateCluster" && failure.is(&["InvalidParameterException"]);
        let role = first.then_some("ECS to use the role that it makes for itself in a new account");
        role.or(failure.is(&codes).then_some("its tasks to end"))
    }
}
