//! Checks which instance classes, PostgreSQL versions and zones RDS offers in a region. RDS rejects unavailable
//! combinations itself, but only after the network exists.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Support.html>

use std::collections::BTreeSet;

use aws_sdk_rds::types::{AvailabilityZone, OrderableDbInstanceOption};

use super::{Desired, version};
use crate::{aws::Outcome, kind::Context, model::Failure};

/// The storage type of every database of a stack.
const STORAGE: &str = "gp3";

/// The largest page size of this operation.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html>
const PAGE: i32 = 100;

/// A PostgreSQL version that RDS offers for the class, and its zones.
struct Offer {
    version: String,
    zones: BTreeSet<String>,
}

/// Returns why RDS does not offer this database in these zones, and the fix. `None` if RDS offers it. Without zones,
/// any zone counts. `is_new` states whether the database is created with the version in stack.yaml: an existing one may
/// keep a version that RDS offers no more.
///
/// # Errors
/// Returns an error if a call to AWS fails.
pub async fn missing(
    cx: &Context,
    desired: &Desired,
    is_new: bool,
    zones: &BTreeSet<String>,
) -> Result<Option<(String, String)>, Failure> {
    let call = cx.aws.rds.describe_orderable_db_instance_options().engine("postgres").db_instance_class(&desired.class);
    let call = call.vpc(true).max_records(PAGE).into_paginator().items().send();
    let options: Vec<OrderableDbInstanceOption> =
        call.try_collect().await.during("DescribeOrderableDBInstanceOptions")?;
    let offers = options.iter().filter(|option| option.storage_type() == Some(STORAGE)).filter_map(|option| {
        let zones = option.availability_zones().iter().filter_map(AvailabilityZone::name).map(str::to_owned);
        Some(Offer { version: option.engine_version()?.to_owned(), zones: zones.collect() })
    });
    Ok(judged(&offers.collect::<Vec<_>>(), desired, is_new, zones, &cx.aws.region))
}

fn judged(
    offers: &[Offer],
    desired: &Desired,
    is_new: bool,
    zones: &BTreeSet<String>,
    region: &str,
) -> Option<(String, String)> {
    let Desired { class, version: asked, .. } = desired;
    if offers.is_empty() {
        return Some((
            format!("RDS does not offer class {class} with {STORAGE} storage for PostgreSQL in {region}"),
            "set `database.class` to another class, such as db.t4g.micro or db.m7g.large".to_owned(),
        ));
    }
    let versions: Vec<String> = offers.iter().map(|offer| offer.version.clone()).collect();
    let version = if is_new { version::chosen(asked, &versions) } else { None };
    if is_new && version.is_none() {
        let known = version::newest(&versions).join(", ");
        return Some((
            format!("RDS does not offer PostgreSQL {asked} for {class} in {region}"),
            format!("set `database.version` to an available version (newest: {known}), or change `database.class`"),
        ));
    }
    let of_version = offers.iter().filter(|offer| version.is_none_or(|version| offer.version == version));
    let offered: BTreeSet<&str> = of_version.flat_map(|offer| &offer.zones).map(String::as_str).collect();
    let needed = if desired.multi_az { 2 } else { 1 };
    if zones.is_empty() || zones.iter().filter(|zone| offered.contains(zone.as_str())).count() >= needed {
        return None;
    }
    let (zones, offered): (Vec<&str>, Vec<&str>) =
        (zones.iter().map(String::as_str).collect(), offered.into_iter().collect());
    let least = if desired.multi_az { "fewer than two" } else { "none" };
    Some((
        format!(
            "RDS offers class {class} in {} of {region}, but in {least} of the stack's zones ({})",
            offered.join(", "),
            zones.join(", ")
        ),
        "set `database.class` to another class".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(class: &str, asked: &str, multi_az: bool, zones: &[&str]) -> Option<String> {
        let offer = |version: &str, zones: &[&str]| Offer {
            version: version.to_owned(),
            zones: zones.iter().map(|zone| format!("eu-west-1{zone}")).collect(),
        };
        let offers = [offer("16.4", &["a", "b"]), offer("16.10", &["a"]), offer("17.6", &["a", "b", "c"])];
        let offers = if class == "db.none" { &[] } else { offers.as_slice() };
        let desired =
            Desired { class: class.to_owned(), version: asked.to_owned(), multi_az, ..super::super::sample::base() };
        let zones = zones.iter().map(|zone| format!("eu-west-1{zone}")).collect();
        judged(offers, &desired, asked != "15.2", &zones, "eu-west-1")
            .map(|(message, hint)| format!("{message}; {hint}"))
    }

    #[test]
    fn available_database_reports_no_problem() {
        assert_eq!(told("db.t4g.micro", "16", false, &["a", "b"]), None);
        assert_eq!(told("db.t4g.micro", "16.4", true, &["a", "b"]), None);
        assert_eq!(told("db.t4g.micro", "17", true, &["b", "c"]), None);
        assert_eq!(told("db.t4g.micro", "17", true, &[]), None, "the zones are not known");
        assert_eq!(
            told("db.t4g.micro", "15.2", false, &["c"]),
            None,
            "it is there, and RDS makes no more of its version"
        );
    }

    #[test]
    fn unavailable_database_is_reported_with_a_fix() {
        let table = [
            (told("db.none", "16", false, &["a"]), "does not offer class db.none with gp3 storage"),
            (told("db.t4g.micro", "19", false, &["a"]), "does not offer PostgreSQL 19 for db.t4g.micro in eu-west-1"),
            (told("db.t4g.micro", "16.5", false, &["a"]), "newest: 16.10, 17.6"),
            (
                told("db.t4g.micro", "16", true, &["a", "b"]),
                "but in fewer than two of the stack's zones (eu-west-1a, eu-west-1b)",
            ),
            (told("db.t4g.micro", "16", false, &["c"]), "in eu-west-1a of eu-west-1, but in none of the stack's zones"),
        ];
        for (told, expected) in table {
            let told = told.expect("RDS does not offer it");
            assert!(told.contains(expected) && told.contains("; set `database."), "{told}");
        }
    }
}
