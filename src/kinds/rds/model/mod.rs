//! An in-memory model of RDS with the operations that its kinds call, as the API reference describes them.
//!
//! An operation that is in progress at one read is complete at the next.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod instances;
mod parameter_groups;
mod state;
mod subnet_groups;

use aws_sdk_rds::types;

pub(super) use self::{instances::give_parameters, parameter_groups::OWN as OWN_PARAMETERS, state::Rds};
use crate::{
    aws::model::{Cloud, Service},
    kinds::secretsmanager,
};

impl Service for Rds {
    /// Leaves out final snapshots, which are not part of the desired state of a run.
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.subnet_groups.iter().map(subnet_groups::line).collect();
        present.extend(self.parameter_groups.iter().map(parameter_groups::line));
        present.extend(self.instances.iter().map(instances::line));
        present
    }
}

/// An AWS with an RDS that has the subnet groups `group-given` in `vpc-given` and `group-other` in `vpc-other`, the parameter group
/// [`OWN_PARAMETERS`], and with a secret for the master user's password.
pub(super) fn cloud() -> Cloud {
    let cloud = secretsmanager::model::cloud();
    instances::serve(&cloud);
    parameter_groups::serve(&cloud);
    subnet_groups::serve(&cloud);
    cloud.with(|rds: &mut Rds| {
        rds.parameter_groups.push(parameter_groups::own());
        for (group, vpc) in [("group-given", "vpc-given"), ("group-other", "vpc-other")] {
            rds.subnet_groups.push(types::DbSubnetGroup::builder().db_subnet_group_name(group).vpc_id(vpc).build());
        }
    });
    cloud
}
