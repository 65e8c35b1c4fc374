//! The content of a role's policies: converts the statements in stack.yaml to an AWS document and back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws,
    kinds::iam::LONGEST_MANAGED,
    model::{Failure, Input},
};

/// A statement that allows actions on resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The actions, such as `logs:PutLogEvents`.
    pub actions: Vec<String>,
    /// The ARNs of the resources.
    pub resources: Vec<Input>,
}

impl Statement {
    /// Returns a statement that allows these actions on these resources.
    pub fn new<A: AsRef<str>>(actions: &[A], resources: Vec<Input>) -> Self {
        Self { actions: actions.iter().map(|action| action.as_ref().to_owned()).collect(), resources }
    }
}

/// The number of hexadecimal digits of the digest in a policy name.
pub(super) const DIGITS: usize = 16;

/// The content of one policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    pub(super) statements: Vec<Statement>,
    /// The digest of the content, which does not depend on the order.
    pub(super) digest: String,
}

impl Document {
    fn new(statements: &[Statement]) -> Self {
        let mut lines: Vec<String> = statements.iter().filter_map(line).collect();
        lines.sort_unstable();
        Self { statements: statements.to_vec(), digest: aws::digest(&lines.join("\n"), DIGITS) }
    }

    /// Returns its statements, one per line.
    pub(super) fn lines(&self) -> Vec<String> {
        self.statements.iter().filter_map(line).collect()
    }

    /// Returns the document in the format of AWS.
    pub(super) fn text(&self) -> Result<String, Failure> {
        text(&self.statements)
    }
}

/// Splits `statements` into documents, each within the size limit of a policy. `None` while a resource is unknown.
pub(super) fn documents(statements: &[Statement]) -> Option<Vec<Document>> {
    if statements.is_empty() {
        return Some(Vec::new());
    }
    if statements.iter().any(|statement| line(statement).is_none()) {
        return None;
    }
    let halves =
        if text(statements).is_ok_and(|text| text.len() > LONGEST_MANAGED) { halves(statements) } else { None };
    let Some((first, second)) = halves else { return Some(vec![Document::new(statements)]) };
    Some([documents(&first)?, documents(&second)?].concat())
}

/// Splits the statements into two parts. `None` for a single statement on a single resource.
fn halves(statements: &[Statement]) -> Option<(Vec<Statement>, Vec<Statement>)> {
    if let [one] = statements {
        let (first, second) = one.resources.split_at(one.resources.len() / 2);
        let with = |resources: &[Input]| vec![Statement { resources: resources.to_vec(), ..one.clone() }];
        return (!first.is_empty()).then(|| (with(first), with(second)));
    }
    let (first, second) = statements.split_at(statements.len() / 2);
    Some((first.to_vec(), second.to_vec()))
}

fn text(statements: &[Statement]) -> Result<String, Failure> {
    let statements = statements.iter().map(|statement| {
        let resources = Input::all(&statement.resources)?;
        Ok(json!({ "Effect": "Allow", "Action": statement.actions, "Resource": resources }))
    });
    let statements = statements.collect::<Result<Vec<Value>, Failure>>()?;
    Ok(json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

/// Returns a statement as a line, which is the same for stack.yaml and AWS. `None` while a resource is unknown.
pub(super) fn line(statement: &Statement) -> Option<String> {
    let resources = statement.resources.iter().map(Input::known).collect::<Option<Vec<&str>>>()?;
    Some(words(&statement.actions.iter().map(String::as_str).collect::<Vec<_>>(), &resources))
}

fn words(actions: &[&str], resources: &[&str]) -> String {
    let sorted = |items: &[&str]| {
        let mut items = items.to_vec();
        items.sort_unstable();
        items.join(", ")
    };
    format!("{} on {}", sorted(actions), sorted(resources))
}

/// Returns a statement of AWS in the form of [`line`]. A statement that does not only allow actions on resources is
/// returned completely.
pub(super) fn read(statement: &Value) -> String {
    allowed(statement).as_ref().and_then(line).unwrap_or_else(|| statement.to_string())
}

/// Parses a statement of AWS that only allows actions on resources. `None` for any other statement.
pub(super) fn allowed(statement: &Value) -> Option<Statement> {
    let known = |key: &String| ["Sid", "Effect", "Action", "Resource"].contains(&key.as_str());
    let plain = statement["Effect"] == "Allow" && statement.as_object()?.keys().all(known);
    let resources = || strings(&statement["Resource"]).into_iter().map(Input::from).collect();
    plain.then(|| Statement::new(&strings(&statement["Action"]), resources()))
}

/// Returns the statements in `granted` that `desired` does not fully cover.
pub(super) fn beside(granted: &[Statement], desired: &[Statement]) -> Vec<Statement> {
    let covered = |action: &String, resource: &Input| {
        desired.iter().any(|statement| statement.actions.contains(action) && statement.resources.contains(resource))
    };
    let missing = |statement: &&Statement| {
        let mut pairs = statement
            .actions
            .iter()
            .flat_map(|action| statement.resources.iter().map(move |resource| (action, resource)));
        pairs.any(|(action, resource)| !covered(action, resource))
    };
    granted.iter().filter(missing).cloned().collect()
}

/// Decodes a policy. AWS returns policies URL-encoded (RFC 3986).
pub(super) fn decoded(document: &str) -> Value {
    serde_json::from_slice(&urlencoding::decode_binary(document.as_bytes())).unwrap_or_default()
}

/// Returns the statements of a policy.
pub(super) fn statements_of(document: &Value) -> impl Iterator<Item = &Value> {
    items(&document["Statement"])
}

/// Returns the items of a list. IAM allows a list of one item without brackets.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array();
    let one = (list.is_none() && !value.is_null()).then_some(value);
    list.into_iter().flatten().chain(one)
}

fn strings(value: &Value) -> Vec<&str> {
    items(value).filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    fn statement(actions: &[&str], resources: &[&str]) -> Statement {
        Statement::new(actions, resources.iter().map(|resource| (*resource).into()).collect())
    }

    #[test]
    fn statement_is_parsed_from_any_json_form() {
        let short = json!({ "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": ["y", "x"] } });
        assert_eq!(read(statements_of(&short).next().expect("it has one")), "a:b on x, y");
    }

    #[test]
    fn deny_and_conditional_statements_are_shown_completely() {
        let denies = json!({ "Effect": "Deny", "Action": "a:b", "Resource": "x" });
        let on_condition = json!({ "Effect": "Allow", "Action": "a:b", "Resource": "x", "Condition": {} });
        for more in [denies, on_condition] {
            assert_ne!(read(&more), "a:b on x");
            assert_eq!(allowed(&more), None);
        }
    }

    #[test]
    fn digest_depends_on_content_but_not_on_order() {
        let digest = |statements: &[Statement]| documents(statements).expect("all is known")[0].digest.clone();
        let one = [statement(&["a:b"], &["x", "y"]), statement(&["c:d"], &["z"])];
        let same = [statement(&["c:d"], &["z"]), statement(&["a:b"], &["y", "x"])];
        assert_eq!(digest(&one), digest(&same));
        assert_ne!(digest(&one), digest(&one[..1]));
    }

    #[test]
    fn long_statements_are_split_into_several_policies() {
        let secrets: Vec<String> =
            (0..200).map(|n| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{n}")).collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let all = [statement(&["ecr:Pull"], &["*"]), statement(&["secretsmanager:GetSecretValue"], &secrets)];
        let documents = documents(&all).expect("all is known");
        assert!(documents.len() > 1);
        let said: Vec<Statement> = documents.iter().flat_map(|document| document.statements.clone()).collect();
        assert_eq!(beside(&all, &said), [], "nothing is left out");
        for document in documents {
            let length = document.text().expect("all is known").len();
            assert!(length <= LONGEST_MANAGED, "{length}");
        }
    }

    #[test]
    fn no_document_exists_while_a_resource_is_unknown() {
        let unknown = Statement::new(&["s3:Get"], vec![Input::output(&Address::new("bucket", "new"), "arn")]);
        assert_eq!(documents(&[statement(&["a:b"], &["x"]), unknown]), None);
        assert_eq!(documents(&[]), Some(Vec::new()));
    }

    #[test]
    fn only_removed_permissions_are_kept_temporarily() {
        let granted = [statement(&["s3:Get"], &["one", "two"]), statement(&["logs:Put"], &["log"])];
        assert_eq!(beside(&granted, &granted), []);
        // More actions on more resources, in other statements.
        let more = [statement(&["logs:Put", "s3:Get"], &["log", "one", "two", "three"])];
        assert_eq!(beside(&granted, &more), []);
        let fewer = [statement(&["s3:Get"], &["one"]), statement(&["logs:Put"], &["log"])];
        assert_eq!(beside(&granted, &fewer), [granted[0].clone()]);
        let unknown = Statement::new(&["s3:Get"], vec![Input::output(&Address::new("bucket", "new"), "arn")]);
        assert_eq!(beside(&granted, &[unknown]), granted);
    }
}
