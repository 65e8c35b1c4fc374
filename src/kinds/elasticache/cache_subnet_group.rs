//! A cache subnet group: the private subnets in which a cache may be placed.
//!
//! <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SubnetGroups.html>

use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Blocker, Context, Cost, Doc, Kind, Owned},
    kinds::elasticache,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, fields},
};

/// A cache subnet group.
pub struct CacheSubnetGroup;

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

impl Kind for CacheSubnetGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "cache_subnet_group";
    const DOC: Doc = Doc {
        summary: "The private subnets in which ElastiCache can place the cache.",
        page: "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SubnetGroups.html",
    };
    const USES: &'static [&'static str] = &["subnet"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a subnet group");
    const NOT_YET: &'static [&'static str] = elasticache::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["elasticache:DescribeCacheSubnetGroups"]),
        // Finds the resources that may block a deletion.
        Permission::look(&["elasticache:DescribeCacheClusters"]),
        Permission::make(
            &[
                "elasticache:AddTagsToResource",
                "elasticache:CreateCacheSubnetGroup",
                "elasticache:ModifyCacheSubnetGroup",
            ],
            On::Named(&[elasticache::ARNS]),
        ),
        Permission::delete(&["elasticache:DeleteCacheSubnetGroup"], On::Named(&[elasticache::ARNS])),
        elasticache::INTERFACES,
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let group = elasticache::subnet_group(cx).await?;
        let found = group.iter().filter_map(|(address, group)| {
            let subnets = group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier());
            let subnets = subnets.map(str::to_owned).collect();
            let name = group.cache_subnet_group_name()?.to_owned();
            Some(Found { address: address.clone(), id: name.clone(), live: Live { name, subnets } })
        });
        Ok(found.collect())
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
            .cache
            .create_cache_subnet_group()
            .cache_subnet_group_name(elasticache::subnet_group_name(cx, address))
            .cache_subnet_group_description(elasticache::description(&cx.id, address))
            .set_subnet_ids(Some(subnets.clone()))
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await;
        let group = answer.during("CreateCacheSubnetGroup")?.cache_subnet_group;
        let group = given(group, "CreateCacheSubnetGroup", "CacheSubnetGroup")?;
        let name = given(group.cache_subnet_group_name, "CreateCacheSubnetGroup", "CacheSubnetGroupName")?;
        Ok(Live { name, subnets })
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
            match field {
                Field::Subnets => {
                    live.subnets = Input::all(&desired.subnets)?;
                    let call = cx.aws.cache.modify_cache_subnet_group().cache_subnet_group_name(&live.name);
                    let call = call.set_subnet_ids(Some(live.subnets.clone())).customize().once();
                    call.send().await.during("ModifyCacheSubnetGroup")?;
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.cache.delete_cache_subnet_group().cache_subnet_group_name(&live.name);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteCacheSubnetGroup", &[elasticache::NO_SUBNET_GROUP]).map(drop)
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let all = elasticache::nodes(cx).await?;
        let named = all.iter().filter_map(|cache| {
            let group = going.iter().find(|one| cache.cache_subnet_group_name() == Some(&one.live.name))?;
            let id = cache.cache_cluster_id().filter(|id| !owned.has(id))?;
            let of = cache.replication_group_id();
            let is_own = of.is_some_and(|of| owned.has(of));
            let about = of.map(|of| format!("of {of}"));
            (!is_own).then(|| Blocker::new("cache", id, format!("in {}", group.address), about, "delete it"))
        });
        Ok(named.collect())
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["CacheSubnetGroupInUse"]).then_some("its cache to be deleted")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |subnets: &[&str]| Desired { subnets: subnets.iter().map(|id| Input::from(*id)).collect() };
        let base = desired(&["subnet-1", "subnet-2"]);
        let more = desired(&["subnet-1", "subnet-2", "subnet-3"]);
        crate::kind::Sample::new(elasticache::model::cloud, base).variant(&["subnets"], more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::How;

    #[test]
    fn added_subnet_is_a_change_but_reordering_is_not() {
        let live = Live { name: "demo-default-main".into(), subnets: vec!["subnet-b".into(), "subnet-a".into()] };
        let desired = |subnets: &[&str]| Desired { subnets: subnets.iter().map(|id| Input::from(*id)).collect() };
        assert_eq!(CacheSubnetGroup::diff(&desired(&["subnet-a", "subnet-b"]), &live), []);
        let changes = CacheSubnetGroup::diff(&desired(&["subnet-a", "subnet-b", "subnet-c"]), &live);
        assert_eq!(changes.iter().map(|change| change.how).collect::<Vec<_>>(), [How::InPlace]);
    }
}
