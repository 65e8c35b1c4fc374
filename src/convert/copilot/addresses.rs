//! Addresses of other workloads in texts: `http://api:8080` is a name of Copilot's network, and not one of the stack's.

use super::{
    context::{Context, Peer, Scene},
    texts::Live,
};

/// The text of the variable `name` with references in the place of other workloads' addresses, and the services that they are of.
/// `own` is the workload that has the variable.
pub(super) fn rewritten(
    context: &mut Context,
    scene: &Scene,
    name: &str,
    text: &str,
    own: &str,
) -> (Live, Vec<String>) {
    let suffix = format!(".{}.{}.local", scene.literal(), context.application);
    let symbolic = ".${COPILOT_ENVIRONMENT_NAME}.${COPILOT_APPLICATION_NAME}.local";
    let short = text.replace(symbolic, "").replace(&suffix, "");
    let mut called = Vec::new();
    if name.contains("HOST")
        && let Some(peer) = other(context, &short, own)
    {
        let text = format!("((services.{}.host))", peer.name);
        return (Live { text, is_live: true }, vec![peer.name]);
    }
    if let Some((host, port)) = short.split_once(':')
        && let Ok(port) = port.parse::<u16>()
        && let Some(peer) = other(context, host, own)
    {
        expose(context, &peer, port);
        let text = format!("((services.{}.host)):{port}", peer.name);
        return (Live { text, is_live: true }, vec![peer.name]);
    }
    let mut whole = String::new();
    let mut rest = short.as_str();
    let mut found = false;
    while let Some(at) = rest.find("://") {
        let begins = rest[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '+').map_or(0, |at| at + 1);
        let scheme = &rest[begins..at];
        let after = &rest[at + 3..];
        let end = after.find(['/', '?', '#', ',', ' ', ';']).unwrap_or(after.len());
        let authority = &after[..end];
        let (user, place) = authority.rsplit_once('@').map_or(("", authority), |(user, place)| (user, place));
        let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, port.parse::<u16>().ok()));
        let before = context.live(scene, &rest[..begins]);
        let user = if user.is_empty() { String::new() } else { format!("{}@", context.live(scene, user).text) };
        let address = if host == own && scheme != "https" {
            Some(format!("{scheme}://{user}localhost{}", place[host.len()..].to_owned()))
        } else {
            let peer = other(context, host, own).filter(|_| scheme != "https");
            peer.map(|peer| {
                called.push(peer.name.clone());
                let is_own = port.is_none() || port == peer.port;
                if scheme == "http" && user.is_empty() && is_own {
                    return format!("((services.{}.url))", peer.name);
                }
                let port = port.or(peer.port).unwrap_or_default();
                expose(context, &peer, port);
                format!("{scheme}://{user}((services.{}.host)):{port}", peer.name)
            })
        };
        found |= address.is_some();
        whole.push_str(&before.text);
        whole.push_str(&address.unwrap_or_else(|| context.live(scene, &rest[begins..at + 3 + end]).text));
        rest = &after[end..];
    }
    if !found {
        return (context.live(scene, text), Vec::new());
    }
    whole.push_str(&context.live(scene, rest).text);
    called.sort();
    called.dedup();
    let is_live = !called.is_empty() || whole.contains("${") || whole.contains("((");
    (Live { text: whole, is_live }, called)
}

/// The other workload of this name, if it can be called.
fn other(context: &Context, host: &str, own: &str) -> Option<Peer> {
    context.peers.get(host).filter(|peer| host != own && peer.port.is_some()).cloned()
}

fn expose(context: &mut Context, peer: &Peer, port: u16) {
    if peer.port != Some(port) && port > 0 {
        context.exposed.entry(peer.name.clone()).or_default().insert(port);
    }
}
