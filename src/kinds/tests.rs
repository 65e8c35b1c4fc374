//! Tests of what every registered kind must declare. The compiler checks the other parts of the contract.

use std::collections::BTreeSet;

use super::*;
use crate::model::Purpose;

#[test]
fn every_kind_has_a_unique_name() {
    let kinds = registry();
    let names: BTreeSet<&str> = kinds.iter().map(AnyKind::name).collect();
    assert_eq!(names.len(), kinds.iter().count());
    for name in names {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
    }
}

#[test]
fn every_kind_has_a_documentation_entry() {
    for kind in registry().iter() {
        let (name, doc) = (kind.name(), kind.doc());
        assert!(doc.summary.ends_with('.') && doc.summary.len() > 15, "{name}: {}", doc.summary);
        assert!(doc.page.starts_with("https://docs.aws.amazon.com/"), "{name}: {}", doc.page);
    }
}

#[test]
fn every_kind_has_a_price_or_says_why_it_is_free() {
    for kind in registry().iter() {
        let reason = kind.free().map(|why| why.len() > 15);
        assert_eq!(reason.is_none(), !kind.prices().is_empty(), "{}", kind.name());
        assert_ne!(reason, Some(false), "{} does not say why it is free", kind.name());
    }
}

#[test]
fn every_kind_has_iam_permissions_to_list_create_and_delete() {
    for kind in registry().iter() {
        let purposes: BTreeSet<Purpose> = kind.permissions().iter().map(|permission| permission.purpose).collect();
        assert!(purposes.contains(&Purpose::Look), "{}: IAM does not allow to list it", kind.name());
        let writes = purposes.contains(&Purpose::Make) || purposes.contains(&Purpose::Release);
        assert!(writes, "{}: IAM does not allow to make it", kind.name());
        let deletes = purposes.contains(&Purpose::Delete) || !kind.lasting();
        assert!(deletes, "{}: IAM does not allow to delete it", kind.name());
    }
}

#[test]
fn only_kinds_that_run_have_a_plan_note() {
    for kind in registry().iter() {
        assert_eq!(kind.run_note().is_some(), !kind.lasting(), "{}", kind.name());
    }
}

#[test]
fn every_kind_outlives_only_registered_kinds() {
    let kinds = registry();
    for kind in kinds.iter() {
        for other in kind.outlives() {
            assert!(kinds.named(other).is_some(), "{} outlives {other}, which is no kind", kind.name());
        }
    }
}

#[test]
fn every_kind_is_registered_after_the_kinds_it_uses() {
    let mut before = BTreeSet::new();
    for kind in registry().iter() {
        for used in kind.uses() {
            assert!(before.contains(used), "{} uses {used}, which is not registered before it", kind.name());
        }
        before.insert(kind.name());
    }
}

#[test]
fn no_rare_kind_can_be_adopted() {
    // Adoption does not update the cluster's tag of unused rare kinds, so later runs would not list the adopted resource.
    let both = |kind: &&dyn AnyKind| kind.rare() && kind.adoptable();
    assert_eq!(registry().iter().filter(both).map(AnyKind::name).collect::<Vec<_>>(), [""; 0]);
}
