//! Determines the command line of a container from its image, its definition and the overrides of its task.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>

use serde_json::Value;

/// Returns the program with its arguments, or an empty list if there is none. An entry point in the definition
/// replaces the entry point and also the command of the image.
/// <https://docs.docker.com/reference/cli/docker/container/run/#entrypoint>
pub(super) fn of(image: &Value, definition: &Value, overrides: &Value) -> Vec<String> {
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let first = |values: &[&Value]| values.iter().map(|value| words(value)).find(|words| !words.is_empty());
    let entry_point = words(&definition["entryPoint"]);
    let given = [&overrides["command"], &definition["command"]];
    let (entry_point, command) = if entry_point.is_empty() {
        (words(&image["Entrypoint"]), first(&[given.as_slice(), &[&image["Cmd"]]].concat()))
    } else {
        (entry_point, first(&given))
    };
    entry_point.into_iter().chain(command.unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entry_point_replaces_the_images_entry_point_and_command() {
        let image = json!({ "Entrypoint": ["/app"], "Cmd": ["serve"] });
        let nothing = json!({});
        let table = [
            (&nothing, &nothing, "/app serve"),
            (&json!({ "command": ["work"] }), &nothing, "/app work"),
            (&json!({ "command": ["work"] }), &json!({ "command": ["once"] }), "/app once"),
            (&json!({ "entryPoint": ["/init"] }), &nothing, "/init"),
            (&json!({ "entryPoint": ["/init"], "command": ["work"] }), &nothing, "/init work"),
            (&json!({ "entryPoint": ["/init"] }), &json!({ "command": ["once", "more"] }), "/init once more"),
        ];
        for (definition, overrides, line) in table {
            assert_eq!(of(&image, definition, overrides).join(" "), line, "{definition} {overrides}");
        }
        assert_eq!(of(&nothing, &nothing, &nothing), [""; 0]);
    }
}
