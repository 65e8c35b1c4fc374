//! The owner of a record. Records in Route 53 have no tags, so stackctl creates, changes and deletes a TXT record for
//! each record, in the same batch. A record without such a TXT record does not belong to stackctl. See
//! docs/adr/0006-dns-ownership-by-txt.md.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::content::Content;
use crate::model::{Address, StackId};

/// The start of the TXT value, which tells people where the record comes from.
const MARK: &str = "made-by=stackctl";

/// The content of the TXT record for a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ownership {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The address.
    pub address: String,
    /// A hash of the content that stackctl gave the record. If the record has other content, somebody took it over.
    pub content: String,
    /// Whether the record existed before with the same content, so that somebody else may need it too.
    pub shared: bool,
}

impl Ownership {
    pub(super) fn new(id: &StackId, address: &Address, content: &Content, shared: bool) -> Self {
        Self {
            stack: id.stack.clone(),
            environment: id.environment.clone(),
            address: address.to_string(),
            content: hash(content),
            shared,
        }
    }

    /// Whether the owner is the stack `id`.
    pub(super) fn is_of(&self, id: &StackId) -> bool {
        self.stack == id.stack && self.environment == id.environment
    }

    /// Whether stackctl wrote `content` and nobody else needs the record.
    pub(super) fn covers(&self, content: &Content) -> bool {
        !self.shared && self.content == hash(content)
    }

    /// Returns the value of the TXT record, with quotes.
    pub(super) fn text(&self) -> String {
        let shared = if self.shared { ",shared=true" } else { "" };
        format!(
            "\"{MARK},stack={},environment={},address={},content={}{shared}\"",
            self.stack, self.environment, self.address, self.content
        )
    }

    /// Parses the value of a TXT record. `None` if stackctl did not write it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim_matches('"').split(',');
        if parts.next() != Some(MARK) {
            return None;
        }
        let fields: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Some(Self {
            stack: field("stack")?,
            environment: field("environment")?,
            address: field("address")?,
            content: field("content")?,
            shared: field("shared").is_some(),
        })
    }
}

/// The replacement for `*` in the name of a TXT record. DNS has no wildcard after another label.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>
const ANY: &str = "_any.";

/// Returns the name of the TXT record for the record `name` of type `kind`. It differs from `name`, because a CNAME
/// must be the only record at its name.
pub(super) fn name(name: &str, kind: &str) -> String {
    match name.strip_prefix("*.") {
        Some(above) => format!("{}{ANY}{above}", prefix(kind)),
        None => format!("{}{name}", prefix(kind)),
    }
}

/// Returns the name of the record that the TXT record `txt` belongs to, if its type is `kind`.
pub(super) fn beside(txt: &str, kind: &str) -> Option<String> {
    let name = txt.strip_prefix(&prefix(kind))?;
    Some(name.strip_prefix(ANY).map_or_else(|| name.to_owned(), |above| format!("*.{above}")))
}

fn prefix(kind: &str) -> String {
    format!("_stackctl-{}.", kind.to_ascii_lowercase())
}

fn hash(content: &Content) -> String {
    Sha256::digest(content.words().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> StackId {
        StackId { stack: "rates".into(), environment: "production".into() }
    }

    #[test]
    fn ownership_text_is_read_back_as_written() {
        for shared in [false, true] {
            let content = Content::Values { ttl: 300, values: vec!["x".into()] };
            let written = Ownership::new(&id(), &Address::new("dns_record", "main"), &content, shared);
            assert_eq!(Ownership::read(&written.text()), Some(written.clone()));
            assert!(written.is_of(&id()) && written.text().len() <= 255, "one string of a TXT record takes no more");
            assert_eq!(written.covers(&content), !shared);
            assert!(!written.covers(&Content::Values { ttl: 300, values: vec!["y".into()] }));
        }
    }

    #[test]
    fn txt_values_of_others_name_no_owner() {
        for text in ["\"v=spf1 -all\"", "\"heritage=external-dns,external-dns/owner=x\"", "", "\"made-by=stackctl\""] {
            assert_eq!(Ownership::read(text), None, "{text}");
        }
    }

    #[test]
    fn txt_record_has_a_prefixed_name() {
        let txt = name("_a1.rates.example.com", "CNAME");
        assert_eq!(txt, "_stackctl-cname._a1.rates.example.com");
        assert_eq!(beside(&txt, "CNAME").as_deref(), Some("_a1.rates.example.com"));
        assert_eq!(beside(&txt, "A"), None);
        let txt = name("*.example.com", "A");
        assert_eq!(
            (txt.as_str(), beside(&txt, "A").as_deref()),
            ("_stackctl-a._any.example.com", Some("*.example.com"))
        );
    }
}
