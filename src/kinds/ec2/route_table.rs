//! A route table for some subnets, with its routes and associations.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>

use aws_sdk_ec2::types::{Filter, ResourceType, Route as SdkRoute};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::ec2,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, fields},
};

/// The destination of the default route.
const DEFAULT: &str = "0.0.0.0/0";

/// A route table.
pub struct RouteTable;

/// The target of the default route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// An internet gateway, by id.
    Internet(Input),
    /// A NAT gateway, by id.
    Nat(Input),
}

/// The route table that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The VPC of the table.
    pub vpc: Input,
    /// The default route, if there is one.
    pub default_route: Option<Route>,
    /// The associated subnets.
    pub subnets: Vec<Input>,
}

/// The route table as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `rtb-…`.
    pub id: String,
    /// The VPC of the table.
    pub vpc: String,
    /// The gateway of the default route. Empty if there is no default route.
    pub default_route: String,
    /// The destinations of all routes except the default route and the local route of AWS.
    pub other_routes: Vec<String>,
    /// The associated subnets: subnet id and association id.
    pub associations: Vec<(String, String)>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        OtherRoutes = "other_routes",
        DefaultRoute = "default_route",
        Subnets = "subnets",
    }

    /// The fields whose change replaces the table.
    pub enum Fixed {
        Vpc = "vpc",
    }
}

impl Kind for RouteTable {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "route_table";
    const DOC: Doc = Doc {
        summary: "The routes of one or more subnets.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html",
    };
    const USES: &'static [&'static str] = &["vpc", "subnet", "internet_gateway", "nat_gateway"];
    const ADOPTABLE: bool = true;
    const IN_TWO_STEPS: bool = true;
    const MANY: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a route table");
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeRouteTables"]),
        Permission::make(&["ec2:CreateRouteTable"], On::Tagged),
        Permission::make(
            &[
                "ec2:AssociateRouteTable",
                "ec2:CreateRoute",
                "ec2:CreateRouteTable",
                "ec2:ReplaceRoute",
                "ec2:ReplaceRouteTableAssociation",
            ],
            On::Owned,
        ),
        ec2::TAGGING,
        Permission::delete(&["ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:DisassociateRouteTable"], On::Owned),
    ];
    const GONE_AT_ONCE: bool = true;
    // A subnet that changes its table always has one.
    const TAKES_OVER: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages =
            cx.aws.ec2.describe_route_tables().set_filters(Some(ec2::wanted(cx, "route-table-id"))).into_paginator();
        let tables = pages.items().send().try_collect().await.during("DescribeRouteTables")?;
        Ok(tables
            .into_iter()
            .filter_map(|table| {
                let address = cx.address_of(table.tags())?;
                let mut live = Live {
                    id: table.route_table_id().unwrap_or_default().to_owned(),
                    vpc: table.vpc_id().unwrap_or_default().to_owned(),
                    default_route: String::new(),
                    other_routes: Vec::new(),
                    associations: Vec::new(),
                };
                for route in table.routes() {
                    let target = target(route);
                    match route.destination_cidr_block() {
                        Some(DEFAULT) => target.clone_into(&mut live.default_route),
                        Some(destination) if target != "local" => live.other_routes.push(destination.to_owned()),
                        _ => {}
                    }
                }
                for association in table.associations() {
                    if let (Some(subnet), Some(id)) =
                        (association.subnet_id(), association.route_table_association_id())
                    {
                        live.associations.push((subnet.to_owned(), id.to_owned()));
                    }
                }
                Some(Found { address, id: live.id.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let none = Input::from("");
        let route = match &desired.default_route {
            Some(Route::Internet(gateway) | Route::Nat(gateway)) => gateway,
            None => &none,
        };
        let subnets: Vec<String> = live.associations.iter().map(|(subnet, _)| subnet.clone()).collect();
        Diff::new()
            .fixed_input(Fixed::Vpc, &live.vpc, &desired.vpc)
            .input(Field::DefaultRoute, &live.default_route, route)
            .set(Field::OtherRoutes, &live.other_routes, &[])
            .inputs(Field::Subnets, &subnets, &desired.subnets)
            .finish()
    }

    /// Keeps the default route until the tasks in these subnets are replaced by tasks elsewhere.
    fn wider(desired: &Desired, live: &Live) -> Option<Desired> {
        let loses = desired.default_route.is_none() && !live.default_route.is_empty();
        let kept = || Some(Route::Nat(live.default_route.as_str().into()));
        loses.then(|| Desired { default_route: kept(), ..desired.clone() })
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let vpc = desired.vpc.get()?;
        let tags = ec2::tagged(&cx.id, address, ResourceType::RouteTable);
        let call = cx.aws.ec2.create_route_table().vpc_id(vpc).tag_specifications(tags);
        let answer = call.customize().once().send().await.during("CreateRouteTable")?;
        let table = given(answer.route_table, "CreateRouteTable", "routeTable")?;
        Ok(Live {
            id: given(table.route_table_id, "CreateRouteTable", "routeTableId")?,
            vpc: vpc.to_owned(),
            default_route: String::new(),
            other_routes: Vec::new(),
            associations: Vec::new(),
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
            match field {
                Field::OtherRoutes => {
                    for destination in live.other_routes.drain(..) {
                        delete_route(cx, &live.id, &destination).await?;
                    }
                }
                Field::DefaultRoute => set_default_route(cx, desired.default_route.as_ref(), &mut live).await?,
                Field::Subnets => set_subnets(cx, desired, &mut live).await?,
            }
        }
        Ok(live)
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        for (_, association) in &live.associations {
            disassociate(cx, association).await?;
        }
        let call = cx.aws.ec2.delete_route_table().route_table_id(&live.id).customize().once();
        call.send().await.or_absent("DeleteRouteTable", &["InvalidRouteTableID.NotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // A stale read did not show that the subnet already has this table, or showed its previous association.
        let lagged = failure.is(&["Resource.AlreadyAssociated"])
            || (failure.is_of("ReplaceRouteTableAssociation") && failure.is(&["InvalidAssociationID.NotFound"]));
        let associated = lagged.then_some("AWS to show the route table of a subnet");
        associated.or_else(|| failure.is(&["DependencyViolation"]).then_some("the resources that use it to be deleted"))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let base = || Desired {
            vpc: "vpc-given".into(),
            default_route: Some(Route::Nat("nat-given".into())),
            subnets: vec!["subnet-given".into()],
        };
        let far = || vec!["subnet-far".into()];
        crate::kind::Sample::new(ec2::model::cloud, base())
            .variant(&["vpc", "subnets"], Desired { vpc: "vpc-other".into(), subnets: far(), ..base() })
            .variant(&["default_route"], Desired { default_route: Some(Route::Internet("igw-given".into())), ..base() })
            .variant(&["default_route"], Desired { default_route: None, ..base() })
            .variant(&["subnets"], Desired { subnets: vec!["subnet-given".into(), "subnet-other".into()], ..base() })
            .drift(&["subnets"], |cloud| cloud.with(ec2::model::Ec2::move_subnets_away))
            .drift(&["other_routes"], |cloud| cloud.with(ec2::model::Ec2::add_routes))
    }
}

async fn set_default_route(cx: &Context, desired: Option<&Route>, live: &mut Live) -> Result<(), Failure> {
    let wanted = match desired {
        Some(Route::Internet(gateway) | Route::Nat(gateway)) => gateway.get()?,
        None => "",
    };
    match desired {
        None => delete_route(cx, &live.id, DEFAULT).await?,
        // An existing route is replaced in one call. Between two calls, the subnets could not reach the internet.
        Some(route) if !live.default_route.is_empty() => replace_route(cx, &live.id, route).await?,
        Some(route) if !create_route(cx, &live.id, route).await? => replace_route(cx, &live.id, route).await?,
        Some(_) => {}
    }
    wanted.clone_into(&mut live.default_route);
    Ok(())
}

async fn set_subnets(cx: &Context, desired: &Desired, live: &mut Live) -> Result<(), Failure> {
    let wanted = Input::all(&desired.subnets)?;
    for (subnet, association) in std::mem::take(&mut live.associations) {
        if wanted.contains(&subnet) {
            live.associations.push((subnet, association));
        } else {
            disassociate(cx, &association).await?;
        }
    }
    for subnet in wanted {
        if live.associations.iter().all(|(served, _)| *served != subnet) {
            let association = associate(cx, &live.id, &subnet).await?;
            live.associations.push((subnet, association));
        }
    }
    Ok(())
}

/// Associates the table with a subnet. A subnet that already has a table is moved in one call: AWS rejects a second
/// association, and without one the subnet could not reach the internet.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html>
async fn associate(cx: &Context, table: &str, subnet: &str) -> Result<String, Failure> {
    let of_subnet = Filter::builder().name("association.subnet-id").values(subnet).build();
    let call = cx.aws.ec2.describe_route_tables().filters(of_subnet).send().await;
    let found = call.during("DescribeRouteTables")?;
    let served = found.route_tables().iter().find_map(|other| {
        let association = other.associations().iter().find(|association| association.subnet_id() == Some(subnet))?;
        Some((other.route_table_id()?, association.route_table_association_id()?))
    });
    let id = match served {
        Some((by, association)) if by == table => return Ok(association.to_owned()),
        Some((_, association)) => {
            let call = cx.aws.ec2.replace_route_table_association().association_id(association).route_table_id(table);
            let answer = call.customize().once().send().await;
            answer.during("ReplaceRouteTableAssociation")?.new_association_id
        }
        None => {
            let call = cx.aws.ec2.associate_route_table().route_table_id(table).subnet_id(subnet);
            let answer = call.customize().once().send().await;
            answer.during("AssociateRouteTable")?.association_id
        }
    };
    given(id, "AssociateRouteTable", "associationId")
}

/// Returns the target of a route: the first target id that is set.
fn target(route: &SdkRoute) -> &str {
    let ids = [
        route.nat_gateway_id(),
        route.gateway_id(),
        route.transit_gateway_id(),
        route.vpc_peering_connection_id(),
        route.instance_id(),
        route.network_interface_id(),
        route.egress_only_internet_gateway_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
    ];
    ids.into_iter().flatten().next().unwrap_or("another target")
}

/// Returns the ids of the internet gateway and the NAT gateway of a route. Exactly one of them is set.
fn gateways(route: &Route) -> Result<(Option<String>, Option<String>), Failure> {
    Ok(match route {
        Route::Internet(gateway) => (Some(gateway.get()?.to_owned()), None),
        Route::Nat(gateway) => (None, Some(gateway.get()?.to_owned())),
    })
}

/// Creates the default route. Returns `false` if the table already has one, which a stale read may not show.
async fn create_route(cx: &Context, table: &str, route: &Route) -> Result<bool, Failure> {
    let (internet, nat) = gateways(route)?;
    let call = cx.aws.ec2.create_route().route_table_id(table).destination_cidr_block(DEFAULT);
    let call = call.set_gateway_id(internet).set_nat_gateway_id(nat);
    let answer = call.customize().once().send().await;
    Ok(answer.or_absent("CreateRoute", &["RouteAlreadyExists"])?.is_some())
}

/// Replaces the default route.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html>
async fn replace_route(cx: &Context, table: &str, route: &Route) -> Result<(), Failure> {
    let (internet, nat) = gateways(route)?;
    let call = cx.aws.ec2.replace_route().route_table_id(table).destination_cidr_block(DEFAULT);
    let call = call.set_gateway_id(internet).set_nat_gateway_id(nat);
    call.customize().once().send().await.during("ReplaceRoute").map(drop)
}

async fn delete_route(cx: &Context, table: &str, destination: &str) -> Result<(), Failure> {
    let call = cx.aws.ec2.delete_route().route_table_id(table).destination_cidr_block(destination);
    let answer = call.customize().once().send().await;
    answer.or_absent("DeleteRoute", &["InvalidRoute.NotFound"]).map(drop)
}

async fn disassociate(cx: &Context, association: &str) -> Result<(), Failure> {
    let call = cx.aws.ec2.disassociate_route_table().association_id(association);
    let answer = call.customize().once().send().await;
    answer.or_absent("DisassociateRouteTable", &["InvalidAssociationID.NotFound"]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired() -> Desired {
        let default_route = Some(Route::Nat("nat-1".into()));
        Desired { vpc: "vpc-1".into(), default_route, subnets: vec!["subnet-1".into()] }
    }

    fn live() -> Live {
        Live {
            id: "rtb-1".into(),
            vpc: "vpc-1".into(),
            default_route: "nat-1".into(),
            other_routes: Vec::new(),
            associations: vec![("subnet-1".into(), "rtbassoc-1".into())],
        }
    }

    #[test]
    fn unchanged_route_table_has_no_changes() {
        assert_eq!(RouteTable::diff(&desired(), &live()), []);
    }

    #[test]
    fn routes_added_or_removed_outside_stackctl_are_changes() {
        let drifted = Live { other_routes: vec!["1.2.3.0/24".into()], default_route: String::new(), ..live() };
        let fields: Vec<String> =
            RouteTable::diff(&desired(), &drifted).into_iter().map(|change| change.field).collect();
        assert_eq!(fields, ["default_route", "other_routes"]);
    }
}
