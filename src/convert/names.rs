//! Names of a stack.yaml after those of other tools.

/// The longest name of a stack, a service or a job.
const LONGEST: usize = 20;

/// The stack's name after a package's or a folder's.
pub(crate) fn stack_name(text: &str) -> String {
    name(text).unwrap_or_else(|| "my-app".to_owned())
}

/// A name after `text`: what is no letter or digit becomes a hyphen, and 20 characters are the most. None if nothing is left that
/// can be a name.
pub(crate) fn name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let begins_with_letter = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let cut: String = begins_with_letter.chars().take(LONGEST).collect();
    let name = cut.trim_end_matches('-');
    (name.len() >= 2).then(|| name.to_owned())
}
