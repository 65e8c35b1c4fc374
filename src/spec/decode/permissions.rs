//! Decodes `permissions` of a service: the AWS actions that its tasks are allowed, as statements of an IAM policy.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use crate::spec::{
    keys::STATEMENT,
    problem::Collector,
    read::{Field, Map},
    service::Statement,
};

/// The maximum characters of actions and resources of a service. With the statement for `exec`, they fill two managed
/// policies. A role can have ten, and has the old and the new policies during a change.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST: usize = 9_900;

/// The number of characters around the actions and resources of a statement.
const AROUND: usize = r#"{"Effect":"Allow","Action":[],"Resource":[]},"#.len();

/// The number of characters around each action and resource.
const QUOTES: usize = r#""","#.len();

const EXAMPLE: &str = "- { actions: [s3:GetObject], resources: [\"arn:aws:s3:::my-bucket/*\"] }";

/// The number of characters of the statements for a service's buckets, and of the ARNs of each bucket.
const FOR_BUCKETS: (usize, usize) = (270, 160);

/// The maximum number of buckets of a service: their statements must fit into its role.
pub(super) const MOST_BUCKETS: usize = (MOST - FOR_BUCKETS.0) / FOR_BUCKETS.1;

/// Decodes `permissions` of a service or a job that uses this number of `buckets`.
pub(super) fn of(map: &Map, buckets: usize, problems: &mut Collector) -> Option<Vec<Statement>> {
    map.get("permissions").map_or(Some(Vec::new()), |field| list(&field, buckets, problems))
}

fn list(field: &Field, buckets: usize, problems: &mut Collector) -> Option<Vec<Statement>> {
    let taken = if buckets == 0 { 0 } else { FOR_BUCKETS.0 + buckets * FOR_BUCKETS.1 };
    let most = MOST.saturating_sub(taken);
    let statements: Vec<Statement> =
        field.items(problems)?.iter().filter_map(|item| statement(item, problems)).collect();
    let characters: usize = statements.iter().map(length).sum();
    if characters > most {
        let hint = "combine actions or resources with *, or move some of them to another service";
        field.wrong(
            format!("the permissions need {characters} characters in the policy of the role, and {most} are available"),
            hint,
            problems,
        );
    }
    Some(statements)
}

fn length(statement: &Statement) -> usize {
    let texts = statement.actions.iter().chain(&statement.resources);
    AROUND + texts.map(|text| text.len() + QUOTES).sum::<usize>()
}

fn statement(field: &Field, problems: &mut Collector) -> Option<Statement> {
    let map = Map::new(field.node, &field.path, &STATEMENT, problems)?;
    let mut texts = |key: &str, wrong: fn(&str) -> Option<(String, &'static str)>| {
        let field = map.required(key, problems)?;
        let texts = field.texts(problems)?;
        if texts.is_empty() {
            field.wrong(format!("`{key}` is empty"), format!("write an entry such as {EXAMPLE}"), problems);
        }
        for (field, text) in &texts {
            if let Some((message, hint)) = wrong(text) {
                field.wrong(message, hint, problems);
            }
        }
        Some(texts.into_iter().map(|(_, text)| text).collect())
    };
    let actions = texts("actions", action_problem);
    let resources = texts("resources", resource_problem);
    Some(Statement { actions: actions?, resources: resources? })
}

fn action_problem(action: &str) -> Option<(String, &'static str)> {
    if action == "*" {
        let hint = "name the actions that the tasks need, such as s3:GetObject, or all of one service, such as s3:*";
        return Some(("`*` would allow every action of every service".to_owned(), hint));
    }
    let wild = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '?');
    match action.split_once(':') {
        Some((service, name)) if is_service(service) && !name.is_empty() => (!name.chars().all(wild))
            .then(|| (format!("invalid action name `{name}`"), "use letters, * and ?, such as GetObject or Get*")),
        _ => Some((format!("invalid IAM action `{action}`"), "write a service and an action, such as s3:GetObject")),
    }
}

/// Whether `text` is the name of an AWS service; IAM does not allow wildcards in it.
fn is_service(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn resource_problem(resource: &str) -> Option<(String, &'static str)> {
    let hint = "use an ARN such as arn:aws:s3:::my-bucket/*, or \"*\" for actions that take no resource";
    if resource == "*" {
        return None;
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", "aws", service, _, _, rest] if is_service(service) && !rest.is_empty() => {
            let bad = resource.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '"' | '\\' | '<' | '>'));
            bad.map(|c| (format!("invalid ARN `{resource}`: it contains {c:?}"), hint))
        }
        _ => Some((format!("invalid ARN `{resource}`"), hint)),
    }
}
