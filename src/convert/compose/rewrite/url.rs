//! A URL in its parts.

/// `scheme://user:password@host:port/path?query`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<String>,
    /// Without its slash.
    pub(super) path: String,
    /// Without its question mark.
    pub(super) query: String,
}

impl Url {
    /// Of a text that is one URL and nothing else.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
        if scheme.is_empty() || !scheme.chars().all(is_scheme) || rest.contains(char::is_whitespace) {
            return None;
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address),
            None => (None, authority),
        };
        if address.contains(',') {
            return None;
        }
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.to_owned())),
            None => (address, None),
        };
        Some(Self {
            scheme: scheme.to_owned(),
            user,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            query: query.to_owned(),
        })
    }

    /// Its query without the parameters that `gone` names.
    pub(super) fn query_without(&self, gone: &dyn Fn(&str, &str) -> bool) -> String {
        let kept = self.query.split('&').filter(|part| !part.is_empty()).filter(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            !gone(name, value)
        });
        kept.collect::<Vec<&str>>().join("&")
    }
}
