//! The contract of the people API: the OpenAPI document, and the check of input against it.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    sync::LazyLock,
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Value, json};

/// The OpenAPI document, as the API serves it.
pub(crate) const DOCUMENT: &str = include_str!("../openapi.json");

/// The contract of the people API.
pub(crate) static PEOPLE: LazyLock<Contract> = LazyLock::new(Contract::read);

/// The validators of all operations.
pub(crate) struct Contract {
    /// The operations by path and method as in the document: `/people/{uuid}`, `get`.
    operations: BTreeMap<(String, String), Operation>,
    new_person: Validator,
}

/// The parameters and the body of an operation.
struct Operation {
    parameters: Vec<Parameter>,
    body: Option<Validator>,
}

struct Parameter {
    name: String,
    /// The location: `query` or `path`.
    place: String,
    required: bool,
    /// Whether the value is an integer.
    whole: bool,
    schema: Validator,
}

/// One error in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// The name of the field or parameter, or `body`.
    pub(crate) field: String,
    /// The error, phrased to follow the name.
    pub(crate) problem: String,
}

impl Contract {
    fn read() -> Self {
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document ships with the program and is JSON");
        let mut operations = BTreeMap::new();
        let paths = document["paths"].as_object().expect("an OpenAPI document has paths");
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().expect("a path has methods") {
                operations.insert((path.clone(), method.clone()), Operation::read(&document, operation));
            }
        }
        let new_person = validator(&document, &json!({ "$ref": "#/components/schemas/NewPerson" }));
        Self { operations, new_person }
    }

    /// Returns whether the operation has a body to check.
    pub(crate) fn takes_body(&self, path: &str, method: &str) -> bool {
        self.operation(path, method).is_some_and(|operation| operation.body.is_some())
    }

    /// Returns the errors of a request. Empty if the document does not contain the operation, because no handler exists
    /// for it. `parameter` returns the text of a parameter by its location and name.
    pub(crate) fn check_request(
        &self,
        path: &str,
        method: &str,
        parameter: &dyn Fn(&str, &str) -> Option<String>,
        body: Option<&Value>,
    ) -> Vec<Breach> {
        let Some(operation) = self.operation(path, method) else { return Vec::new() };
        let mut breaches = Vec::new();
        for known in &operation.parameters {
            match parameter(&known.place, &known.name) {
                Some(text) => {
                    let number = text.parse::<i64>().ok().filter(|_| known.whole).map(Value::from);
                    let found = breaches_of(&known.schema, &number.unwrap_or(Value::String(text)));
                    breaches.extend(found.into_iter().map(|breach| Breach { field: known.name.clone(), ..breach }));
                }
                None if known.required => breaches.push(Breach::new(&known.name, "is missing")),
                None => {}
            }
        }
        if let (Some(schema), Some(body)) = (&operation.body, body) {
            breaches.extend(breaches_of(schema, body));
        }
        breaches
    }

    /// Returns the errors of a new person.
    pub(crate) fn check_new_person(&self, person: &Value) -> Vec<Breach> {
        breaches_of(&self.new_person, person)
    }

    fn operation(&self, path: &str, method: &str) -> Option<&Operation> {
        self.operations.get(&(path.to_owned(), method.to_ascii_lowercase()))
    }
}

impl Operation {
    fn read(document: &Value, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let parameters = parameters.iter().map(|parameter| {
            let pointer = parameter["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let parameter = pointer.map_or(Some(parameter), |pointer| document.pointer(pointer));
            let parameter = parameter.expect("the document refers to what it holds");
            let text = |key: &str| parameter[key].as_str().expect("a parameter has a name and a place").to_owned();
            Parameter {
                name: text("name"),
                place: text("in"),
                required: parameter["required"] == true,
                whole: parameter["schema"]["type"] == "integer",
                schema: validator(document, &parameter["schema"]),
            }
        });
        let body = operation.pointer("/requestBody/content/application~1json/schema");
        Self { parameters: parameters.collect(), body: body.map(|schema| validator(document, schema)) }
    }
}

impl Breach {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

impl Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// Returns the validator of a schema in the document. OpenAPI 3.1 uses JSON Schema; references start at the root of the
/// document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options.build(&schema).expect("the document ships with the program and its schemas are good")
}

fn breaches_of(schema: &Validator, instance: &Value) -> Vec<Breach> {
    // This check is much faster for valid input, such as the 100,000 rows of a file.
    if schema.is_valid(instance) {
        Vec::new()
    } else {
        schema.iter_errors(instance).flat_map(|e| explain(&e)).collect()
    }
}

/// Describes an error with words that follow the name of the field.
fn explain(error: &ValidationError<'_>) -> Vec<Breach> {
    use ValidationErrorKind as Kind;
    let at = error.instance_path().to_string();
    let field = at.trim_start_matches('/').replace('/', ".");
    let inner = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    let problem = match error.kind() {
        Kind::Required { property } => {
            return vec![Breach::new(inner(property.as_str().unwrap_or_default()), "is missing")];
        }
        Kind::AdditionalProperties { unexpected } => {
            return unexpected.iter().map(|name| Breach::new(inner(name), "is no field of a person")).collect();
        }
        Kind::MaxLength { limit } => format!("is longer than {limit} characters"),
        Kind::MinLength { .. } => "is empty".to_owned(),
        Kind::Minimum { limit } => format!("is less than {limit}"),
        Kind::Maximum { limit } => format!("is more than {limit}"),
        Kind::Pattern { .. } => "has a NUL character".to_owned(),
        Kind::Format { format } => format!("is no {format}"),
        Kind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            let options: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
            format!("is none of {}", options.join(", "))
        }
        // The message does not repeat the value, which may be long or private.
        _ => error.masked_with("").to_string().trim().to_owned(),
    };
    vec![Breach::new(if field.is_empty() { "body" } else { &field }, problem)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(body: &Value) -> Vec<String> {
        let found = PEOPLE.check_request("/people", "POST", &|_, _| None, Some(body));
        found.iter().map(ToString::to_string).collect()
    }

    fn person() -> Value {
        json!({
            "passengerClass": 3, "name": "Ada", "sex": "other", "age": 0.5, "siblingsOrSpousesAboard": 0,
            "parentsOrChildrenAboard": 2, "fare": 7.25,
        })
    }

    #[test]
    fn every_invalid_field_is_named() {
        assert_eq!(breaches(&person()), [""; 0]);
        for (field, value, problem) in [
            ("name", json!("x".repeat(101)), "name is longer than 100 characters"),
            ("name", json!(""), "name is empty"),
            ("name", json!("a\0b"), "name has a NUL character"),
            ("sex", json!("unknown"), "sex is none of male, female, other"),
            ("age", json!(-1), "age is less than 0"),
            ("age", json!("1"), "age is not of type \"number\""),
            ("passengerClass", json!(1.5), "passengerClass is not of type \"integer\""),
            ("fare", json!(null), "fare is not of type \"number\""),
            ("uuid", json!("7"), "uuid is no uuid"),
            ("cabin", json!("C85"), "cabin is no field of a person"),
        ] {
            let mut person = person();
            person[field] = value;
            assert_eq!(breaches(&person), [problem]);
        }
        assert_eq!(breaches(&json!([])), ["body is not of type \"object\""]);
        assert_eq!(breaches(&json!({ "name": 1 })).len(), 7, "all of them, not only the first");
        let mut long = person();
        long["name"] = json!("é".repeat(100));
        assert_eq!(breaches(&long), [""; 0], "characters count, not bytes");
    }

    #[test]
    fn parameters_are_checked_against_their_schema() {
        let with = |name: &'static str, text: &'static str| {
            let given = move |_: &str, asked: &str| (asked == name).then(|| text.to_owned());
            let found = PEOPLE.check_request("/people", "GET", &given, None);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(with("limit", "10"), [""; 0]);
        assert_eq!(with("limit", "0"), ["limit is less than 1"]);
        assert_eq!(with("limit", "ten"), ["limit is not of type \"integer\""]);
        assert_eq!(with("limit", "1.0"), ["limit is not of type \"integer\""], "its reader would refuse it");
        assert_eq!(with("offset", "-1"), ["offset is less than 0"]);
        let found = PEOPLE.check_request("/people/{uuid}", "DELETE", &|_, _| Some("17".to_owned()), None);
        assert_eq!(found, [Breach::new("uuid", "is no uuid")]);
    }
}
