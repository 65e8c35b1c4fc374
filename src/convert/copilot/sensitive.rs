//! Which values nobody may see: they are never copied.

/// Words in the name of a variable that say so.
const WORDS: [&str; 9] =
    ["PASSWORD", "PASSWD", "PWD", "SECRET", "TOKEN", "APIKEY", "CREDENTIAL", "PASSPHRASE", "PRIVATE"];

/// What keys of well-known services begin with.
const BEGINNINGS: [&str; 11] =
    ["AKIA", "ASIA", "ghp_", "gho_", "github_pat_", "glpat-", "sk_live_", "sk-", "rk_live_", "xoxb-", "-----BEGIN "];

/// Whether `value` of the variable `name` looks like a password, a token or a private key.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_uppercase();
    let of_a_browser = ["NEXT_PUBLIC_", "VITE_", "REACT_APP_", "PUBLIC_"].iter().any(|prefix| name.starts_with(prefix));
    let is_key = name == "KEY" || name.ends_with("_KEY") || name.contains("_KEY_");
    let named = !of_a_browser && (is_key || WORDS.iter().any(|word| name.contains(word))) && is_opaque(value);
    named
        || has_password(value)
        || BEGINNINGS.iter().any(|beginning| value.trim_start().starts_with(beginning))
        || is_jwt(value)
}

/// Whether `value` says nothing of itself: no number, no truth value, no path and no address.
fn is_opaque(value: &str) -> bool {
    let value = value.trim();
    let is_word = ["true", "false", "yes", "no", "none", "null"].contains(&value.to_lowercase().as_str());
    let is_number = value.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_variable = value.starts_with("${") && value.ends_with('}');
    let is_path =
        value.starts_with('/') || value.starts_with("./") || value.contains("://") || value.starts_with("arn:");
    value.len() >= 4 && !is_word && !is_number && !is_variable && !is_path
}

/// Whether `value` is a URL with a password in it.
fn has_password(value: &str) -> bool {
    value.match_indices("://").any(|(at, _)| {
        let rest = &value[at + 3..];
        let authority = rest.split(['/', '?', '#', ' ', ',']).next().unwrap_or_default();
        let password =
            authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
        password.is_some_and(|password| !(password.is_empty() || password.starts_with("${") && password.ends_with('}')))
    })
}

/// Whether `value` is a signed token.
fn is_jwt(value: &str) -> bool {
    value.starts_with("eyJ") && value.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_known_by_name_or_form() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter22"),
            ("STRIPE_KEY", "pk_something"),
            ("URL", "postgres://app:hunter2@db:5432/app"),
            ("X", "AKIAIOSFODNN7EXAMPLE"),
            ("SESSION_TOKEN", "abcdef"),
        ] {
            assert!(is_secret(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("DB_HOST", "db.example.com"),
            ("PASSWORD_LENGTH", "12"),
            ("SECRET_FILE", "/run/secrets/x"),
            ("TOKEN_CHECK", "true"),
            ("URL", "postgres://app:${PASSWORD}@db/app"),
            ("NEXT_PUBLIC_KEY", "pk_something"),
            ("KEYBOARD", "qwerty"),
        ] {
            assert!(!is_secret(name, value), "{name}={value}");
        }
    }
}
