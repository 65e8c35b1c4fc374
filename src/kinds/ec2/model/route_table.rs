//! The operations on route tables, their routes and their associations.

use aws_sdk_ec2::{
    operation::{
        associate_route_table::{AssociateRouteTableError, AssociateRouteTableInput, AssociateRouteTableOutput},
        create_route::{CreateRouteError, CreateRouteInput, CreateRouteOutput},
        create_route_table::{CreateRouteTableError, CreateRouteTableInput, CreateRouteTableOutput},
        delete_route::{DeleteRouteError, DeleteRouteInput, DeleteRouteOutput},
        delete_route_table::{DeleteRouteTableError, DeleteRouteTableInput, DeleteRouteTableOutput},
        describe_route_tables::{DescribeRouteTablesError, DescribeRouteTablesInput, DescribeRouteTablesOutput},
        disassociate_route_table::{
            DisassociateRouteTableError, DisassociateRouteTableInput, DisassociateRouteTableOutput,
        },
        replace_route::{ReplaceRouteError, ReplaceRouteInput, ReplaceRouteOutput},
        replace_route_table_association::{
            ReplaceRouteTableAssociationError, ReplaceRouteTableAssociationInput, ReplaceRouteTableAssociationOutput,
        },
    },
    types::{NatGateway, ResourceType, Route, RouteTable, RouteTableAssociation},
};

use super::state::{self, Ec2, find, in_use, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateRouteTableError::generic, create);
    cloud.on(DescribeRouteTablesError::generic, describe);
    cloud.on(DeleteRouteTableError::generic, delete);
    cloud.on(CreateRouteError::generic, create_route);
    cloud.on(ReplaceRouteError::generic, replace_route);
    cloud.on(DeleteRouteError::generic, delete_route);
    cloud.on(AssociateRouteTableError::generic, associate);
    cloud.on(ReplaceRouteTableAssociationError::generic, replace_association);
    cloud.on(DisassociateRouteTableError::generic, disassociate);
}

/// Returns the line for a route table. Routes and subnets are left out for a table that belongs to no stack.
pub(super) fn line(table: &RouteTable) -> String {
    let table_line = state::line("route table", table.tags());
    if table.tags().is_empty() {
        return table_line;
    }
    let mut parts: Vec<&str> = table.associations().iter().filter_map(RouteTableAssociation::subnet_id).collect();
    parts.extend(table.routes().iter().filter_map(|route| route.gateway_id().or(route.nat_gateway_id())));
    parts.sort_unstable();
    format!("{table_line} with {}", parts.join(", "))
}

impl Ec2 {
    fn route_table(&mut self, id: Option<&str>) -> Result<&mut RouteTable, Refusal> {
        let at = find(&self.route_tables, RouteTable::route_table_id, id, "InvalidRouteTableID.NotFound")?;
        Ok(&mut self.route_tables[at])
    }

    /// Returns the associations of the table that contains the association `id`, and its index there.
    fn association(&mut self, id: Option<&str>) -> Result<(&mut Vec<RouteTableAssociation>, usize), Refusal> {
        let unknown = || Refusal::new("InvalidAssociationID.NotFound", "the association does not exist");
        let all = self.route_tables.iter_mut().filter_map(|table| table.associations.as_mut());
        let found = all.filter_map(|of_table| {
            let at = of_table.iter().position(|association| association.route_table_association_id() == id)?;
            Some((of_table, at))
        });
        found.into_iter().next().ok_or_else(unknown)
    }

    /// Associates the subnets of the stack's tables with `rtb-given`, as a user of the console would.
    pub(in super::super) fn move_subnets_away(&mut self) {
        let (given, ours): (Vec<_>, Vec<_>) =
            self.route_tables.iter_mut().partition(|table| table.route_table_id() == Some("rtb-given"));
        let moved = ours.into_iter().flat_map(|table| std::mem::take(table.associations.get_or_insert_default()));
        let moved: Vec<RouteTableAssociation> = moved.collect();
        given.into_iter().for_each(|table| table.associations.get_or_insert_default().extend(moved.clone()));
    }

    /// Adds an unexpected route to the stack's tables.
    pub(in super::super) fn add_routes(&mut self) {
        for table in self.route_tables.iter_mut().filter(|table| !table.tags().is_empty()) {
            let route = Route::builder().destination_cidr_block("192.0.2.0/24").vpc_peering_connection_id("pcx-1");
            table.routes.get_or_insert_default().push(route.build());
        }
    }

    /// Returns a route to an existing gateway.
    fn route(&self, to: &str, gateway: Option<&str>, nat: Option<&str>) -> Result<Route, Refusal> {
        if gateway.is_some() {
            self.internet_gateway(gateway)?;
        } else {
            find(&self.nat_gateways, NatGateway::nat_gateway_id, nat, "InvalidNatGatewayID.NotFound")?;
        }
        let (gateway, nat) = (gateway.map(str::to_owned), nat.map(str::to_owned));
        Ok(Route::builder().destination_cidr_block(to).set_gateway_id(gateway).set_nat_gateway_id(nat).build())
    }
}

/// Returns the index of the route to `destination`.
fn place(table: &RouteTable, destination: &str) -> Option<usize> {
    table.routes().iter().position(|route| route.destination_cidr_block() == Some(destination))
}

fn create(ec2: &mut Ec2, input: &CreateRouteTableInput) -> Result<CreateRouteTableOutput, Refusal> {
    let at = ec2.vpc(input.vpc_id())?;
    let local = Route::builder().set_destination_cidr_block(ec2.vpcs[at].cidr_block.clone()).gateway_id("local");
    let table = RouteTable::builder()
        .route_table_id(ec2.id("rtb"))
        .set_vpc_id(input.vpc_id.clone())
        .routes(local.build())
        .set_associations(Some(Vec::new()))
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::RouteTable)))
        .build();
    ec2.route_tables.push(table.clone());
    Ok(CreateRouteTableOutput::builder().route_table(table).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeRouteTablesInput) -> Result<DescribeRouteTablesOutput, Refusal> {
    let shown = ec2.route_tables.iter().filter(|table| {
        let subnets: Vec<&str> = table.associations().iter().filter_map(RouteTableAssociation::subnet_id).collect();
        let id = [table.route_table_id().unwrap_or_default()];
        let vpc = [table.vpc_id().unwrap_or_default()];
        let properties: [(&str, &[&str]); 3] =
            [("route-table-id", &id), ("association.subnet-id", &subnets), ("vpc-id", &vpc)];
        passes(input.filters(), table.tags(), &properties)
    });
    Ok(DescribeRouteTablesOutput::builder().set_route_tables(Some(shown.cloned().collect())).build())
}

fn delete(ec2: &mut Ec2, input: &DeleteRouteTableInput) -> Result<DeleteRouteTableOutput, Refusal> {
    if !ec2.route_table(input.route_table_id())?.associations().is_empty() {
        return Err(in_use(input.route_table_id()));
    }
    ec2.route_tables.retain(|table| table.route_table_id() != input.route_table_id());
    Ok(DeleteRouteTableOutput::builder().build())
}

fn create_route(ec2: &mut Ec2, input: &CreateRouteInput) -> Result<CreateRouteOutput, Refusal> {
    let to = input.destination_cidr_block().unwrap_or_default();
    let route = ec2.route(to, input.gateway_id(), input.nat_gateway_id())?;
    let table = ec2.route_table(input.route_table_id())?;
    if place(table, to).is_some() {
        return Err(Refusal::new("RouteAlreadyExists", format!("there is a route to {to}")));
    }
    table.routes.get_or_insert_default().push(route);
    Ok(CreateRouteOutput::builder().build())
}

fn replace_route(ec2: &mut Ec2, input: &ReplaceRouteInput) -> Result<ReplaceRouteOutput, Refusal> {
    let to = input.destination_cidr_block().unwrap_or_default();
    let route = ec2.route(to, input.gateway_id(), input.nat_gateway_id())?;
    let table = ec2.route_table(input.route_table_id())?;
    // EC2 documents no specific code for this error.
    let at = place(table, to).ok_or_else(|| Refusal::new("InvalidParameterValue", format!("no route to {to}")))?;
    table.routes.get_or_insert_default()[at] = route;
    Ok(ReplaceRouteOutput::builder().build())
}

fn delete_route(ec2: &mut Ec2, input: &DeleteRouteInput) -> Result<DeleteRouteOutput, Refusal> {
    let to = input.destination_cidr_block().unwrap_or_default();
    let table = ec2.route_table(input.route_table_id())?;
    let at = place(table, to).ok_or_else(|| Refusal::new("InvalidRoute.NotFound", format!("no route to {to}")))?;
    table.routes.get_or_insert_default().remove(at);
    Ok(DeleteRouteOutput::builder().build())
}

fn associate(ec2: &mut Ec2, input: &AssociateRouteTableInput) -> Result<AssociateRouteTableOutput, Refusal> {
    ec2.subnet(input.subnet_id())?;
    let mut associations = ec2.route_tables.iter().flat_map(RouteTable::associations);
    if associations.any(|association| association.subnet_id() == input.subnet_id()) {
        return Err(Refusal::new("Resource.AlreadyAssociated", "the subnet has a route table"));
    }
    let id = ec2.id("rtbassoc");
    let association = RouteTableAssociation::builder()
        .route_table_association_id(&id)
        .set_subnet_id(input.subnet_id.clone())
        .set_route_table_id(input.route_table_id.clone());
    ec2.route_table(input.route_table_id())?.associations.get_or_insert_default().push(association.build());
    Ok(AssociateRouteTableOutput::builder().association_id(id).build())
}

fn replace_association(
    ec2: &mut Ec2,
    input: &ReplaceRouteTableAssociationInput,
) -> Result<ReplaceRouteTableAssociationOutput, Refusal> {
    ec2.route_table(input.route_table_id())?;
    let id = ec2.id("rtbassoc");
    let (of_table, at) = ec2.association(input.association_id())?;
    let mut association = of_table.remove(at);
    association.route_table_association_id = Some(id.clone());
    association.route_table_id.clone_from(&input.route_table_id);
    ec2.route_table(input.route_table_id())?.associations.get_or_insert_default().push(association);
    Ok(ReplaceRouteTableAssociationOutput::builder().new_association_id(id).build())
}

fn disassociate(ec2: &mut Ec2, input: &DisassociateRouteTableInput) -> Result<DisassociateRouteTableOutput, Refusal> {
    let (of_table, at) = ec2.association(input.association_id())?;
    of_table.remove(at);
    Ok(DisassociateRouteTableOutput::builder().build())
}
