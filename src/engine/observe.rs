//! Reads the resources of the stack from AWS, all kinds at the same time.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use crate::{
    kind::{Context, Registry},
    model::{Failure, LiveResource},
};

/// Returns every lasting resource that the stack owns, by kind in the registry's order and then by address. `cx` must
/// be fresh, because reads that it has cached are not repeated.
///
/// # Errors
/// The first failure of a kind's `list`: with a partial view, the plan would create resources that exist.
pub async fn observe(kinds: &Registry, cx: &Context) -> Result<Vec<LiveResource>, Failure> {
    looked(kinds, cx, |_| None).await
}

/// As [`observe`], but reads only the kinds called `names` and takes all other kinds from `seen`.
///
/// # Errors
/// As [`observe`].
pub async fn observe_again(
    kinds: &Registry,
    cx: &Context,
    names: &BTreeSet<&str>,
    seen: &[LiveResource],
) -> Result<Vec<LiveResource>, Failure> {
    let of_kind = |name: &str| seen.iter().filter(|one| one.address.kind() == name).cloned().collect();
    looked(kinds, cx, |name| (!names.contains(name)).then(|| of_kind(name))).await
}

/// Returns the resources of the stack. Kinds for which `seen` returns a list are not read.
async fn looked(
    kinds: &Registry,
    cx: &Context,
    seen: impl Fn(&str) -> Option<Vec<LiveResource>>,
) -> Result<Vec<LiveResource>, Failure> {
    let seen = &seen;
    let lists = kinds.iter().filter(|kind| kind.lasting()).map(|kind| async move {
        if let Some(seen) = seen(kind.name()) {
            return Ok(seen);
        }
        if kind.rare() && !may_be_there(kinds, cx, kind.name()).await? {
            return Ok(Vec::new());
        }
        let mut found = kind.list(cx).await?;
        found.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
        Ok::<_, Failure>(found)
    });
    Ok(try_join_all(lists).await?.into_iter().flatten().collect())
}

/// Returns whether the stack can have resources of the rare kind called `name`: stack.yaml has one, or no kind rules
/// them out. Always true when the whole stack is deleted.
async fn may_be_there(kinds: &Registry, cx: &Context, name: &str) -> Result<bool, Failure> {
    if cx.deletes_all() || cx.expected(name).next().is_some() {
        return Ok(true);
    }
    for kind in kinds.iter() {
        if let Some(without) = kind.without(cx).await? {
            return Ok(!without.contains(name));
        }
    }
    Ok(true)
}

/// Returns every resource of one kind that the stack owns, even if [`observe`] skips this kind.
///
/// # Errors
/// As [`observe`].
pub async fn observe_kind(kinds: &Registry, cx: &Context, kind: &str) -> Result<Vec<LiveResource>, Failure> {
    match kinds.named(kind) {
        Some(kind) => kind.list(&cx.fresh()).await,
        None => Err(Failure::internal(format!("there is no kind `{kind}`"))),
    }
}
