//! What AWS has of the stack: every kind that it can have lists its own, all at once.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use crate::{
    kind::{Context, Registry},
    model::{Failure, LiveResource},
};

/// Every lasting resource that the stack owns, by kind in the registry's order and then by address. `cx` is a fresh one: what it
/// has read before is not read again.
///
/// # Errors
/// The first failure of a kind's `list`: a partial view would make a plan that creates what is there.
pub async fn observe(kinds: &Registry, cx: &Context) -> Result<Vec<LiveResource>, Failure> {
    looked(kinds, cx, |_| None).await
}

/// The same, of which only the kinds with one of these `names` are read; the rest is as it was `seen`.
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

/// What the stack owns; of a kind of which `seen` gives something, that.
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

/// Whether the stack can have a resource of the rare kind called `name`: stack.yaml has one, or nothing says that there never was
/// one. What deletes a stack asks for everything.
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

/// Every resource of one kind that the stack owns, whatever is said of it.
///
/// # Errors
/// As [`observe`].
pub async fn observe_kind(kinds: &Registry, cx: &Context, kind: &str) -> Result<Vec<LiveResource>, Failure> {
    match kinds.named(kind) {
        Some(kind) => kind.list(&cx.fresh()).await,
        None => Err(Failure::internal(format!("there is no kind `{kind}`"))),
    }
}
