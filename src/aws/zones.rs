//! The availability zones that a new stack can use.

use aws_sdk_ec2::types::{AvailabilityZone, AvailabilityZoneOptInStatus, AvailabilityZoneState};

use super::{Aws, Outcome};
use crate::model::Failure;

/// Zones, by id, that lack a service which a stack needs, although EC2 reports them as available. Zone names differ
/// between accounts, so they cannot be used here.
///
/// - Fargate is not available in `usw1-az2`, `apne1-az3` and `cnn1-az3`:
///   <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html>. `apne1-az3` has no NAT
///   gateways either: <https://github.com/sysdiglabs/terraform-aws-secure-for-cloud/pull/52>.
/// - AWS adds nothing new in `use1-az3` and `cac1-az3`, and lists them with `usw1-az2` as zones to avoid:
///   <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>.
const LACKING: &[&str] = &["apne1-az3", "cac1-az3", "cnn1-az3", "use1-az3", "usw1-az2"];

impl Aws {
    /// Returns the region's availability zones that a new subnet can use, ordered by zone id: names differ between
    /// accounts, and the same file must always give the same layout. Local and wavelength zones are left out, and so
    /// are zones without Fargate or NAT gateways.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html>
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn zones(&self) -> Result<Vec<String>, Failure> {
        let answer = self.ec2.describe_availability_zones().send().await.during("DescribeAvailabilityZones")?;
        let usable = answer.availability_zones().iter().filter(|zone| is_usable(zone));
        let mut zones: Vec<(String, String)> =
            usable.filter_map(|zone| Some((zone.zone_id()?.to_owned(), zone.zone_name()?.to_owned()))).collect();
        zones.sort();
        Ok(zones.into_iter().map(|(_, name)| name).collect())
    }
}

fn is_usable(zone: &AvailabilityZone) -> bool {
    zone.state() == Some(&AvailabilityZoneState::Available)
        && zone.zone_type().is_none_or(|kind| kind == "availability-zone")
        && zone.opt_in_status() != Some(&AvailabilityZoneOptInStatus::NotOptedIn)
        && !zone.zone_id().is_some_and(|id| LACKING.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, state: AvailabilityZoneState) -> AvailabilityZone {
        AvailabilityZone::builder().zone_id(id).zone_type("availability-zone").state(state).build()
    }

    fn local(opted_in: AvailabilityZoneOptInStatus, kind: &str) -> AvailabilityZone {
        let zone = AvailabilityZone::builder().zone_id("usw2-lax1-az1").zone_type(kind).opt_in_status(opted_in);
        zone.state(AvailabilityZoneState::Available).build()
    }

    #[test]
    fn a_zone_without_fargate_is_left_out_by_its_id() {
        let usable = |id: &str| is_usable(&zone(id, AvailabilityZoneState::Available));
        for lacking in ["usw1-az2", "apne1-az3", "use1-az3", "cac1-az3"] {
            assert!(!usable(lacking), "{lacking}");
        }
        for other in ["usw1-az1", "usw1-az3", "apne1-az1", "use1-az1", "cac1-az4", "euw1-az3"] {
            assert!(usable(other), "{other}");
        }
    }

    #[test]
    fn only_zones_that_are_available_and_opted_in_are_usable() {
        for state in [AvailabilityZoneState::Constrained, AvailabilityZoneState::Unavailable] {
            assert!(!is_usable(&zone("euw1-az1", state)));
        }
        assert!(!is_usable(&local(AvailabilityZoneOptInStatus::OptedIn, "local-zone")));
        assert!(!is_usable(&local(AvailabilityZoneOptInStatus::NotOptedIn, "availability-zone")));
        assert!(is_usable(&local(AvailabilityZoneOptInStatus::OptedIn, "availability-zone")));
    }
}
