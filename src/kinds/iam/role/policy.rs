//! What a role's policy allows: from stack.yaml to a document of AWS's, and back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{Failure, Input};

/// Some actions on some resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The actions, such as `logs:PutLogEvents`.
    pub actions: Vec<String>,
    /// The ARNs of the resources.
    pub resources: Vec<Input>,
}

impl Statement {
    /// These actions on these resources.
    pub fn new<A: AsRef<str>>(actions: &[A], resources: Vec<Input>) -> Self {
        Self { actions: actions.iter().map(|action| action.as_ref().to_owned()).collect(), resources }
    }
}

pub(super) fn document(statements: &[Statement]) -> Result<Value, Failure> {
    let statements = statements.iter().map(|statement| {
        let resources = Input::all(&statement.resources)?;
        Ok(json!({ "Effect": "Allow", "Action": statement.actions, "Resource": resources }))
    });
    let statements = statements.collect::<Result<Vec<Value>, Failure>>()?;
    Ok(json!({ "Version": "2012-10-17", "Statement": statements }))
}

/// A statement as a line, the same whether it comes from stack.yaml or from AWS; none while a resource is unknown.
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

/// A statement of AWS's as [`line`] has it; one that does not only allow actions on resources is given whole.
pub(super) fn read(statement: &Value) -> String {
    allowed(statement).as_ref().and_then(line).unwrap_or_else(|| statement.to_string())
}

/// What a statement of AWS's allows, if it does only that.
pub(super) fn allowed(statement: &Value) -> Option<Statement> {
    let known = |key: &String| ["Sid", "Effect", "Action", "Resource"].contains(&key.as_str());
    let plain = statement["Effect"] == "Allow" && statement.as_object()?.keys().all(known);
    let resources = || strings(&statement["Resource"]).into_iter().map(Input::from).collect();
    plain.then(|| Statement::new(&strings(&statement["Action"]), resources()))
}

/// What `granted` allows that `desired` does not: each statement of which something is missing there.
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

/// The statements of a policy.
pub(super) fn statements_of(document: &Value) -> impl Iterator<Item = &Value> {
    items(&document["Statement"])
}

/// IAM lets a list of one stand without its brackets.
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
    fn only_what_is_taken_away_is_kept_beside_what_is_desired() {
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
