//! A DB subnet group: the private subnets, in at least two zones, in which a database may be placed.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html>

use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Blocker, Context, Cost, Doc, Kind, Owned},
    kinds::rds,
    model::{
        Address, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, StackId,
        fields,
    },
};

/// The advice for a database in a zone that is to be removed.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html>
const STAYS: &str = "the database or its standby is in the zone to be removed, and RDS does not move it. Restore \
                     `network.zones` and run `stackctl up`. To move a standby, set `multi_az: false` and then `true` \
                     again; to move the database, reboot it with failover to its standby";

/// A DB subnet group.
pub struct DbSubnetGroup;

/// The subnet group that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The subnets.
    pub subnets: Vec<Input>,
}

/// The subnet group as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// The subnets.
    pub subnets: Vec<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Subnets = "subnets",
    }
}

impl Kind for DbSubnetGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "db_subnet_group";
    const DOC: Doc = Doc {
        summary: "The private subnets in which RDS can place the database.",
        page: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html",
    };
    const USES: &'static [&'static str] = &["subnet"];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a subnet group");
    const NOT_YET: &'static [&'static str] = rds::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["rds:DescribeDBSubnetGroups"]),
        // Finds the resources that may block a deletion.
        Permission::look(&["rds:DescribeDBInstances"]),
        Permission::make(
            &["rds:AddTagsToResource", "rds:CreateDBSubnetGroup", "rds:ModifyDBSubnetGroup"],
            On::Named(&[rds::ARNS]),
        ),
        Permission::delete(&["rds:DeleteDBSubnetGroup"], On::Named(&[rds::ARNS])),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // The response contains no tags, and reading the tags of each group would take more calls for larger accounts.
        // So a group is found by its description. The name alone is ambiguous: a group of the environment
        // `demo/staging-2` could be taken for one of `demo/staging`.
        let pages = cx.aws.rds.describe_db_subnet_groups().into_paginator().items().send();
        let groups = pages.try_collect().await.during("DescribeDBSubnetGroups")?;
        let ours = description(&cx.id);
        Ok(groups
            .into_iter()
            .filter(|group| group.db_subnet_group_description() == Some(&ours))
            .filter_map(|group| {
                let name = group.db_subnet_group_name?;
                let of_stack = name.strip_prefix(&aws::stack_prefix(&cx.id))?;
                let address = Address::new(Self::NAME, of_stack);
                let subnets = group.subnets.unwrap_or_default();
                let subnets = subnets.into_iter().filter_map(|subnet| subnet.subnet_identifier).collect();
                Some(Found { address, id: name.clone(), live: Live { name, subnets } })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        Diff::new().inputs(Field::Subnets, &live.subnets, &desired.subnets).finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let subnets = Input::all(&desired.subnets)?;
        let call = cx
            .aws
            .rds
            .create_db_subnet_group()
            .db_subnet_group_name(aws::derived(&cx.id, address, rds::LONGEST_NAME))
            .db_subnet_group_description(description(&cx.id))
            .set_subnet_ids(Some(subnets.clone()))
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await.during("CreateDBSubnetGroup")?;
        let group = given(answer.db_subnet_group, "CreateDBSubnetGroup", "DBSubnetGroup")?;
        Ok(Live { name: given(group.db_subnet_group_name, "CreateDBSubnetGroup", "DBSubnetGroupName")?, subnets })
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
            live.subnets = match field {
                Field::Subnets => set_subnets(cx, desired, &live).await?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.rds.delete_db_subnet_group().db_subnet_group_name(&live.name);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteDBSubnetGroup", &["DBSubnetGroupNotFoundFault"]).map(drop)
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let all = rds::instances(cx).await?;
        let named = all.iter().filter_map(|database| {
            let group = database.db_subnet_group().and_then(|group| group.db_subnet_group_name())?;
            let group = going.iter().find(|one| one.live.name == group)?;
            let id = database.db_instance_identifier().filter(|id| !owned.has(id))?;
            let what = database.engine().map(str::to_owned);
            let way_out = "delete it, or move it to another subnet group";
            Some(Blocker::new("database", id, format!("in {}", group.address), what, way_out))
        });
        Ok(named.collect())
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["InvalidDBSubnetGroupStateFault"]).then_some("its database to be deleted")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |subnets: &[&str]| Desired { subnets: subnets.iter().map(|id| Input::from(*id)).collect() };
        let base = desired(&["subnet-1", "subnet-2"]);
        let more = desired(&["subnet-1", "subnet-2", "subnet-3"]);
        crate::kind::Sample::new(rds::model::cloud, base).variant(&["subnets"], more)
    }
}

async fn set_subnets(cx: &Context, desired: &Desired, live: &Live) -> Result<Vec<String>, Failure> {
    let subnets = Input::all(&desired.subnets)?;
    let call =
        cx.aws.rds.modify_db_subnet_group().db_subnet_group_name(&live.name).set_subnet_ids(Some(subnets.clone()));
    let answer = call.customize().once().send().await.during("ModifyDBSubnetGroup");
    answer.map_err(|failure| if failure.is(&["SubnetAlreadyInUse"]) { failure.hint(STAYS) } else { failure })?;
    Ok(subnets)
}

/// Returns the description, which is unique for each stack and environment: neither name can contain the slash between
/// them.
fn description(id: &StackId) -> String {
    format!("Private subnets of {id}")
}
