//! The parameters of a database that differ from RDS's own: whether clients must use TLS.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html>

use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup as SdkGroup, Parameter};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::rds,
    model::{Address, Changed, Changes, Diff, Failure, Found, On, Outputs, Permission, Phase, Shown, StackId, fields},
};

/// The parameter by which RDS refuses clients without TLS. RDS applies a change of it at once.
const FORCE_TLS: &str = "rds.force_ssl";

/// A DB parameter group.
pub struct DbParameterGroup;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The major version of PostgreSQL that it is for, such as `16`.
    pub postgres: String,
    /// Whether clients must use TLS.
    pub force_tls: bool,
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// The engine and the major version that it is for, such as `postgres16`.
    pub family: String,
    /// The value of `rds.force_ssl`; none if it is RDS's own.
    pub force_tls: Option<String>,
}

fields! {
    /// What is changed in place.
    pub enum Field {
        ForceTls = "rds.force_ssl",
    }

    /// What takes a replacement.
    pub enum Fixed {
        Family = "family",
    }
}

impl Kind for DbParameterGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "db_parameter_group";
    const DOC: Doc = Doc {
        summary: "Database parameters that differ from those of RDS: clients can connect without TLS.",
        page: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.html",
    };
    const USES: &'static [&'static str] = &[];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a parameter group");
    const NOT_YET: &'static [&'static str] = rds::NO_PARAMETER_GROUP;
    // RDS makes a group with the values of its family.
    const IN_TWO_STEPS: bool = true;
    const RARE: bool = true;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["rds:DescribeDBParameterGroups", "rds:DescribeDBParameters"]),
        Permission::make(
            &["rds:AddTagsToResource", "rds:CreateDBParameterGroup", "rds:ModifyDBParameterGroup"],
            On::Named(&[rds::ARNS]),
        ),
        Permission::delete(&["rds:DeleteDBParameterGroup"], On::Named(&[rds::ARNS])),
    ];

    /// Their answer carries no tags: as a subnet group, one is known by its description.
    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx.aws.rds.describe_db_parameter_groups().into_paginator().items().send();
        let groups: Vec<SdkGroup> = pages.try_collect().await.during("DescribeDBParameterGroups")?;
        let ours = description(&cx.id);
        let mut found = Vec::new();
        for group in groups.into_iter().filter(|group| group.description() == Some(&ours)) {
            let (Some(name), Some(family)) = (group.db_parameter_group_name, group.db_parameter_group_family) else {
                continue;
            };
            let Some(of_stack) = name.strip_prefix(&aws::stack_prefix(&cx.id)) else { continue };
            let address = Address::new(Self::NAME, of_stack);
            let Some(force_tls) = force_tls(cx, &name).await? else { continue };
            found.push(Found { address, id: name.clone(), live: Live { name, family, force_tls } });
        }
        Ok(found)
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed(Fixed::Family, &live.family, &family(desired));
        if live.force_tls.as_deref() != Some(value(desired)) {
            let own = "the value of RDS";
            diff.push(
                Field::ForceTls,
                Shown::value(live.force_tls.as_deref().unwrap_or(own)),
                Shown::value(value(desired)),
            );
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let call = cx
            .aws
            .rds
            .create_db_parameter_group()
            .db_parameter_group_name(aws::derived(&cx.id, address, rds::LONGEST_NAME))
            .db_parameter_group_family(family(desired))
            .description(description(&cx.id))
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await.during("CreateDBParameterGroup")?;
        let group = given(answer.db_parameter_group, "CreateDBParameterGroup", "DBParameterGroup")?;
        let name = given(group.db_parameter_group_name, "CreateDBParameterGroup", "DBParameterGroupName")?;
        Ok(Live { name, family: family(desired), force_tls: None })
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
                Field::ForceTls => set_force_tls(cx, desired, &live).await?,
            }
            live.force_tls = Some(value(desired).to_owned());
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.rds.delete_db_parameter_group().db_parameter_group_name(&live.name);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteDBParameterGroup", rds::NO_PARAMETER_GROUP).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["InvalidDBParameterGroupState"]).then_some("RDS to finish what it does with the group")
    }

    fn caution(desired: &Desired) -> Option<String> {
        let told = "accepts clients without TLS, which send and receive plain text";
        (!desired.force_tls).then(|| told.to_owned())
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |postgres: &str, force_tls| Desired { postgres: postgres.to_owned(), force_tls };
        crate::kind::Sample::new(rds::model::cloud, desired("16", false))
            .variant(&["rds.force_ssl"], desired("16", true))
            .variant(&["family"], desired("17", false))
            .drift(&["rds.force_ssl"], |cloud| {
                cloud.with(|rds: &mut rds::model::Rds| rds.force_tls("1"));
            })
    }
}

/// The value of [`FORCE_TLS`] in the group called `name`, if that is not RDS's own; nothing, if there is no such group any more.
async fn force_tls(cx: &Context, name: &str) -> Result<Option<Option<String>>, Failure> {
    // Those that somebody has set.
    let call = cx.aws.rds.describe_db_parameters().db_parameter_group_name(name).source("user");
    let answer: Result<Vec<Parameter>, _> = call.into_paginator().items().send().try_collect().await;
    let parameters = answer.or_absent("DescribeDBParameters", rds::NO_PARAMETER_GROUP)?;
    Ok(parameters.map(|parameters| {
        let set = parameters.into_iter().find(|parameter| parameter.parameter_name() == Some(FORCE_TLS));
        set.and_then(|parameter| parameter.parameter_value)
    }))
}

async fn set_force_tls(cx: &Context, desired: &Desired, live: &Live) -> Result<(), Failure> {
    let parameter = Parameter::builder()
        .parameter_name(FORCE_TLS)
        .parameter_value(value(desired))
        .apply_method(ApplyMethod::Immediate)
        .build();
    let call = cx.aws.rds.modify_db_parameter_group().db_parameter_group_name(&live.name).parameters(parameter);
    call.customize().once().send().await.during("ModifyDBParameterGroup").map(drop)
}

fn value(desired: &Desired) -> &'static str {
    if desired.force_tls { "1" } else { "0" }
}

fn family(desired: &Desired) -> String {
    format!("postgres{}", desired.postgres)
}

/// Whose it is, in words that no other stack or environment has: neither name can hold the slash between them.
fn description(id: &StackId) -> String {
    format!("Parameters of the database of {id}")
}
