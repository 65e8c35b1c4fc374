//! Recognizes common YAML mistakes and suggests their fixes.

/// Returns the help for invalid YAML. `lines` are the lines of the file up to and including the line with the error.
pub(super) fn help(lines: &[&str]) -> Option<String> {
    let (line, above) = lines.split_last()?;
    let depth = |line: &str| line.chars().take_while(|c| *c == ' ').count();
    if line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
        return Some("indent with spaces instead of tabs".to_owned());
    }
    if let Some(variable) = bare_variable(line) {
        return Some(format!("put it in quotes: \"{variable}\""));
    }
    let (key, value) = line.trim().split_once(':')?;
    let value = value.trim().trim_matches(['[', ']']).trim();
    if value.starts_with('*') {
        return Some(format!("put it in quotes: \"{value}\""));
    }
    if value.contains(": ") && !value.starts_with(['{', '[', '"', '\'']) {
        return Some(format!("put the value in quotes: `{key}: \"{value}\"`"));
    }
    let previous = above.iter().rev().find(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))?;
    let has_value = previous.trim().split_once(": ").is_some_and(|(_, value)| !value.trim().is_empty());
    (has_value && depth(line) > depth(previous)).then(|| format!("indent `{key}` like the line above it"))
}

/// Returns the first `${NAME}` of a line, if it is not in quotes.
fn bare_variable(line: &str) -> Option<&str> {
    let start = line.find("${")?;
    let is_quoted = line[..start].matches(['"', '\'']).count() % 2 == 1;
    let end = start + line[start..].find('}')?;
    (!is_quoted && line[..start].contains(['{', '['])).then(|| &line[start..=end])
}

#[cfg(test)]
mod tests {
    #[test]
    fn syntax_errors_suggest_a_fix() {
        let help = |text: &str| super::help(&text.lines().collect::<Vec<_>>());
        assert_eq!(help("env: { A: ${X} }").as_deref(), Some("put it in quotes: \"${X}\""));
        assert_eq!(help("env: { A: \"${X}\"").as_deref(), None);
        assert_eq!(help("routes: *").as_deref(), Some("put it in quotes: \"*\""));
        assert_eq!(help("routes: [*]").as_deref(), Some("put it in quotes: \"*\""));
        assert_eq!(help("a: b: c").as_deref(), Some("put the value in quotes: `a: \"b: c\"`"));
        assert_eq!(help("image: x\n\n  port: 80").as_deref(), Some("indent `port` like the line above it"));
        assert_eq!(help("\tport: 80").as_deref(), Some("indent with spaces instead of tabs"));
    }
}
