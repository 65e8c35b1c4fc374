//! Route 53's public hosted zones: the one in which a domain's records belong.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::{Aws, Outcome};
use crate::model::{Failure, HostedZone};

/// How many zones of one name are read: there may be several, of which at most one is what the world asks.
const READ: i32 = 20;

impl Aws {
    /// For each of `domains`, the public hosted zones of this account with the longest name that the domain is, or ends in. More
    /// than one if several have that name; none if there is no such zone. One call for each name that a zone can have.
    /// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html>
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn hosted_zones(&self, domains: &[String]) -> Result<BTreeMap<String, Vec<HostedZone>>, Failure> {
        let names: BTreeSet<&str> = domains.iter().flat_map(|domain| suffixes(domain)).collect();
        let reads = names.into_iter().map(|name| async move {
            let call = self.route53.list_hosted_zones_by_name().dns_name(name).max_items(READ).send().await;
            let answer = call.during("ListHostedZonesByName")?;
            let public = answer
                .hosted_zones()
                .iter()
                .filter(|zone| !zone.config().is_some_and(aws_sdk_route53::types::HostedZoneConfig::private_zone));
            // The answer begins at that name and goes on with those that come after it.
            let named = public.filter(|zone| zone.name().trim_end_matches('.').eq_ignore_ascii_case(name));
            let zones = named.map(|zone| HostedZone {
                id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
                name: name.to_owned(),
            });
            Ok::<_, Failure>((name, zones.collect::<Vec<_>>()))
        });
        let found: BTreeMap<&str, Vec<HostedZone>> = try_join_all(reads).await?.into_iter().collect();
        let longest = |domain: &String| {
            let mut zones = suffixes(domain).into_iter().filter_map(|name| found.get(name));
            zones.find(|zones| !zones.is_empty()).cloned().unwrap_or_default()
        };
        Ok(domains.iter().map(|domain| (domain.clone(), longest(domain))).collect())
    }
}

impl Aws {
    /// The name servers of a hosted zone, which the zone above has to name for the world to ask them.
    /// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html>
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn name_servers(&self, zone: &HostedZone) -> Result<Vec<String>, Failure> {
        let answer = self.route53.get_hosted_zone().id(&zone.id).send().await.during("GetHostedZone")?;
        Ok(answer.delegation_set.map(|set| set.name_servers).unwrap_or_default())
    }
}

/// The names that a zone of `domain` can have, the longest first. A top-level domain is nobody's, and so is a name with a `*`.
fn suffixes(domain: &str) -> Vec<&str> {
    let domain = domain.trim_start_matches("*.");
    let starts = std::iter::once(0).chain(domain.match_indices('.').map(|(dot, _)| dot + 1));
    starts.map(|start| &domain[start..]).filter(|name| name.contains('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_of_a_domain_is_itself_or_one_above_it() {
        assert_eq!(suffixes("a.rates.example.com"), ["a.rates.example.com", "rates.example.com", "example.com"]);
        assert_eq!(suffixes("example.com"), ["example.com"]);
        assert_eq!(suffixes("*.rates.example.com"), ["rates.example.com", "example.com"]);
    }
}
