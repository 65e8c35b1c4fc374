//! Finds the public hosted zone of Route 53 for the records of a domain.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::{Aws, Outcome};
use crate::model::{Failure, HostedZone};

/// How many zones with the same name are read. There may be several, but the parent zone delegates to at most one.
const READ: i32 = 20;

impl Aws {
    /// Returns for each of `domains` the public hosted zones in this account with the longest name that equals the
    /// domain or is a suffix of it: several if they have the same name, none if there is no such zone. Makes one call
    /// for each possible zone name.
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
            // The response starts at this name and continues with later names.
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
    /// Returns the name servers of a hosted zone, to which the parent zone must delegate.
    /// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html>
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn name_servers(&self, zone: &HostedZone) -> Result<Vec<String>, Failure> {
        let answer = self.route53.get_hosted_zone().id(&zone.id).send().await.during("GetHostedZone")?;
        Ok(answer.delegation_set.map(|set| set.name_servers).unwrap_or_default())
    }
}

/// Returns the possible names of a zone for `domain`, the longest first. Top-level domains and names with `*` are left
/// out.
fn suffixes(domain: &str) -> Vec<&str> {
    let domain = domain.trim_start_matches("*.");
    let starts = std::iter::once(0).chain(domain.match_indices('.').map(|(dot, _)| dot + 1));
    starts.map(|start| &domain[start..]).filter(|name| name.contains('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_of_a_domain_is_the_domain_or_a_parent() {
        assert_eq!(suffixes("a.rates.example.com"), ["a.rates.example.com", "rates.example.com", "example.com"]);
        assert_eq!(suffixes("example.com"), ["example.com"]);
        assert_eq!(suffixes("*.rates.example.com"), ["rates.example.com", "example.com"]);
    }
}
