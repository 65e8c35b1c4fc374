//! Functions of templates in an addon: what a value stands for in stack.yaml, environment by environment.

use super::{
    addon::{Addon, Resource, bucket},
    context::{Context, Scene},
    meaning::Meaning,
};
use crate::{
    convert::source::{Item, Value},
    spec::escaped,
};

/// What the secret of Copilot's database holds.
const DATABASE: &str = r#"{"host":"((database.host))","port":((database.port)),"dbname":"((database.name))","username":"((database.user))","password":"((database.password))","engine":"postgres"}"#;

/// How deep values are nested at most.
const DEEPEST: usize = 20;

/// What a value of a template stands for.
pub(super) fn meaning(context: &Context, scene: &Scene, (addon, all): (&Addon, &[Resource]), value: &Item) -> Meaning {
    Reader { context, scene, addon, all }.meaning(value, 0)
}

struct Reader<'a> {
    context: &'a Context<'a>,
    scene: &'a Scene,
    addon: &'a Addon<'a>,
    all: &'a [Resource<'a>],
}

/// The function that a value calls, as `!Ref x` or as `{ Ref: x }`, and what it is called with.
fn call(value: &Item) -> Option<(&str, &Item)> {
    if let Some(tag) = value.tag.as_deref() {
        return Some((tag.trim_start_matches('!'), value));
    }
    match value.entries() {
        [entry] if entry.key == "Ref" || entry.key == "Condition" => Some((&entry.key, &entry.item)),
        [entry] => entry.key.strip_prefix("Fn::").map(|name| (name, &entry.item)),
        _ => None,
    }
}

/// The text that a meaning has in a longer one, and whether it is secret.
fn within(meaning: Meaning) -> Option<(String, bool)> {
    match meaning {
        Meaning::Text(text) => Some((text, false)),
        Meaning::Secret(text) => Some((text, true)),
        Meaning::Bucket(bucket) => Some((format!("((buckets.{bucket}.name))"), false)),
        Meaning::BucketArn(bucket) => Some((format!("arn:aws:s3:::((buckets.{bucket}.name))"), false)),
        Meaning::Generated | Meaning::Access | Meaning::Group | Meaning::Unknown => None,
    }
}

fn joined(parts: impl IntoIterator<Item = Meaning>, between: &str) -> Meaning {
    let Some(parts) = parts.into_iter().map(within).collect::<Option<Vec<_>>>() else { return Meaning::Unknown };
    let is_secret = parts.iter().any(|(_, is_secret)| *is_secret);
    let text = parts.into_iter().map(|(text, _)| text).collect::<Vec<String>>().join(between);
    if is_secret { Meaning::Secret(text) } else { Meaning::Text(text) }
}

impl Reader<'_> {
    fn meaning(&self, value: &Item, depth: usize) -> Meaning {
        if depth > DEEPEST {
            return Meaning::Unknown;
        }
        let Some((function, with)) = call(value) else {
            return match value.text() {
                Some(text) => Meaning::Text(escaped(&self.context.named(self.scene, text))),
                None => Meaning::Unknown,
            };
        };
        match function {
            "Ref" => self.reference(with.text().unwrap_or_default()),
            "GetAtt" => {
                let list = || with.items().iter().filter_map(Item::text).collect::<Vec<_>>().join(".");
                self.attribute(&with.text().map_or_else(list, str::to_owned))
            }
            "Sub" => self.filled(with, depth),
            "Join" => match with.items() {
                [between, list] if call(list).is_none() && between.text().is_some() || between_is_empty(with) => {
                    let between = between.text().unwrap_or_default();
                    joined(list.items().iter().map(|item| self.meaning(item, depth + 1)), between)
                }
                _ => Meaning::Unknown,
            },
            "If" => match with.items() {
                [condition, yes, no] => match condition.text().and_then(|name| self.condition(name, depth + 1)) {
                    Some(is_so) => self.meaning(if is_so { yes } else { no }, depth + 1),
                    None => Meaning::Unknown,
                },
                _ => Meaning::Unknown,
            },
            "FindInMap" => self.found(with, depth).unwrap_or(Meaning::Unknown),
            _ => Meaning::Unknown,
        }
    }

    fn kind(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|one| one.entry.key == name).map(|one| one.kind)
    }

    fn reference(&self, name: &str) -> Meaning {
        let has_database = self.all.iter().any(|one| one.kind.starts_with("AWS::RDS::DB"));
        match (name, self.kind(name)) {
            ("App", _) => Meaning::Text(escaped(&self.context.application)),
            ("Env", _) => Meaning::Text(escaped(self.scene.literal())),
            ("Name", _) => Meaning::Text(escaped(self.addon.workload.unwrap_or_default())),
            ("AWS::Region", _) => Meaning::Text("((stack.region))".to_owned()),
            ("AWS::Partition", _) => Meaning::Text("aws".to_owned()),
            (_, Some("AWS::S3::Bucket")) => Meaning::Bucket(bucket(name)),
            (_, Some("AWS::SecretsManager::Secret")) if has_database => {
                if self.scene.has_database {
                    Meaning::Secret(DATABASE.to_owned())
                } else {
                    Meaning::Unknown
                }
            }
            (_, Some("AWS::SecretsManager::Secret")) => Meaning::Generated,
            (_, Some("AWS::EC2::SecurityGroup")) => self.group(),
            (_, Some("AWS::IAM::ManagedPolicy")) => Meaning::Access,
            _ => match self.addon.template.at(&["Parameters", name, "Default"]).and_then(Item::text) {
                Some(text) => Meaning::Text(escaped(text)),
                None => Meaning::Unknown,
            },
        }
    }

    fn group(&self) -> Meaning {
        if self.scene.has_database || self.scene.has_cache { Meaning::Group } else { Meaning::Access }
    }

    /// `NAME.ATTRIBUTE` of a resource.
    fn attribute(&self, text: &str) -> Meaning {
        let (name, attribute) = text.split_once('.').unwrap_or((text, ""));
        let part = if attribute.ends_with("Port") { "port" } else { "host" };
        let is_address = attribute.ends_with("Address") || attribute.ends_with("Port");
        let own = bucket(name);
        match self.kind(name) {
            Some("AWS::S3::Bucket") => match attribute {
                "Arn" => Meaning::BucketArn(own),
                "RegionalDomainName" => {
                    Meaning::Text(format!("((buckets.{own}.name)).s3.((stack.region)).amazonaws.com"))
                }
                "DomainName" => Meaning::Text(format!("((buckets.{own}.name)).s3.amazonaws.com")),
                _ => Meaning::Unknown,
            },
            Some(kind) if kind.starts_with("AWS::RDS::") && is_address && self.scene.has_database => {
                Meaning::Text(format!("((database.{part}))"))
            }
            Some(kind) if kind.starts_with("AWS::ElastiCache::") && is_address => {
                Meaning::Text(format!("((cache.{part}))"))
            }
            Some("AWS::EC2::SecurityGroup") => self.group(),
            _ => Meaning::Unknown,
        }
    }

    /// `!Sub text`, or `!Sub [text, { NAME: value }]`.
    fn filled(&self, with: &Item, depth: usize) -> Meaning {
        let (text, own) = match (with.text(), with.items()) {
            (Some(text), _) => (text, None),
            (None, [text, own]) => (text.text().unwrap_or_default(), Some(own)),
            _ => return Meaning::Unknown,
        };
        let text = self.context.named(self.scene, text);
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("${") {
            let Some(end) = rest[at..].find('}') else { break };
            let name = rest[at + 2..at + end].trim();
            parts.push(Meaning::Text(escaped(&rest[..at])));
            parts.push(match name.strip_prefix('!') {
                Some(literal) => Meaning::Text(escaped(&format!("${{{literal}}}"))),
                None => match own.and_then(|own| own.at(&[name])) {
                    Some(value) => self.meaning(value, depth + 1),
                    None if name.contains('.') => self.attribute(name),
                    None => self.reference(name),
                },
            });
            rest = &rest[at + end + 1..];
        }
        parts.push(Meaning::Text(escaped(rest)));
        joined(parts, "")
    }

    /// A value of `Mappings`.
    fn found(&self, with: &Item, depth: usize) -> Option<Meaning> {
        let [map, first, second] = with.items() else { return None };
        let key = |item: &Item| match self.meaning(item, depth + 1) {
            Meaning::Text(text) => Some(text),
            _ => None,
        };
        let value = self.addon.template.at(&["Mappings", &key(map)?, &key(first)?, &key(second)?])?;
        value.text().map(|text| Meaning::Text(escaped(text)))
    }

    /// Whether one of `Conditions` holds.
    fn condition(&self, name: &str, depth: usize) -> Option<bool> {
        self.holds(self.addon.template.at(&["Conditions", name])?, depth)
    }

    fn holds(&self, value: &Item, depth: usize) -> Option<bool> {
        if depth > DEEPEST {
            return None;
        }
        let (function, with) = call(value)?;
        match (function, with.items()) {
            ("Condition", _) => self.condition(with.text()?, depth + 1),
            ("Equals", [one, other]) => {
                let text = |item: &Item| within(self.meaning(item, depth + 1)).map(|(text, _)| text);
                Some(text(one)? == text(other)?)
            }
            ("Not", [one]) => self.holds(one, depth + 1).map(|is_so| !is_so),
            ("And", all) => all
                .iter()
                .map(|one| self.holds(one, depth + 1))
                .collect::<Option<Vec<bool>>>()
                .map(|all| !all.contains(&false)),
            ("Or", all) => all
                .iter()
                .map(|one| self.holds(one, depth + 1))
                .collect::<Option<Vec<bool>>>()
                .map(|all| all.contains(&true)),
            _ => None,
        }
    }
}

/// `!Join ['', …]`, whose first word is an empty text.
fn between_is_empty(with: &Item) -> bool {
    matches!(with.items().first().map(|item| &item.value), Some(Value::Scalar { text, .. }) if text.is_empty())
}
