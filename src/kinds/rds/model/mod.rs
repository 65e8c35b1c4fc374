//! An in-memory model of RDS with the operations that its kinds call, as the API reference describes them.
//!
//! An operation that is in progress at one read is complete at the next.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod instances;
mod state;
mod subnet_groups;

use aws_sdk_rds::types;

pub(super) use self::state::Rds;
use crate::{
    aws::model::{Cloud, Service},
    kinds::secretsmanager,
};

impl Service for Rds {
    /// Leaves out final snapshots, which are not part of the desired state of a run.
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.subnet_groups.iter().map(subnet_groups::line).collect();
        present.extend(self.instances.iter().map(instances::line));
        present
    }
}

/// Returns an AWS with an RDS that has the subnet groups `group-given` in `vpc-given` and `group-other` in `vpc-other`,
/// and with a secret for the master user's password.
pub(super) fn cloud() -> Cloud {
    let cloud = secretsmanager::model::cloud();
    instances::serve(&cloud);
    subnet_groups::serve(&cloud);
    cloud.with(|rds: &mut Rds| {
        for (group, vpc) in [("group-given", "vpc-given"), ("group-other", "vpc-other")] {
            rds.subnet_groups.push(types::DbSubnetGroup::builder().db_subnet_group_name(group).vpc_id(vpc).build());
        }
    });
    cloud
}
