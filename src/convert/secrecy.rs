//! What looks like a password, a token or a key, by its name or by its value: no stack.yaml and no report has such a value.

/// Words in the name of a variable that has a secret.
const SECRET: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASS",
    "PWD",
    "PASSPHRASE",
    "PW",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "SALT",
];

/// Words before `KEY` at the end of a name that make it no secret one.
const OTHER_KEYS: &[&str] =
    &["PARTITION", "SORT", "PRIMARY", "FOREIGN", "CACHE", "OBJECT", "ROUTING", "GROUP", "HASH", "HOT", "IDEMPOTENCY"];

/// Words before `KEYS` that make it a list of secret ones.
const SECRET_KEYS: &[&str] =
    &["APP", "API", "SECRET", "ENCRYPTION", "SIGNING", "COOKIE", "SESSION", "ACCESS", "PRIVATE"];

/// Words that say that the variable is about a secret and has none.
const ABOUT: &[&str] = &[
    "EXPIRE",
    "EXPIRES",
    "EXPIRATION",
    "EXPIRY",
    "EXP",
    "TTL",
    "ENABLED",
    "ENABLE",
    "LENGTH",
    "ALGORITHM",
    "ALG",
    "ISSUER",
    "AUDIENCE",
    "HEADER",
    "PREFIX",
    "PATH",
    "FILE",
    "DIR",
    "COUNT",
    "LIMIT",
    "LIFETIME",
    "MINUTES",
    "SECONDS",
    "HOURS",
    "DAYS",
    "ROTATION",
    "MIN",
    "MAX",
    "URL",
    "URI",
    "HOST",
    "TYPE",
    "METHOD",
    "POLICY",
    "RESET",
    "NAME",
    "PUBLIC",
    "ALLOW",
    "REQUIRE",
    "AUTHENTICATION",
    "ARN",
    "ID",
];

/// Beginnings of names whose values end in a browser.
const PUBLIC: &[&str] = &["NEXT_PUBLIC_", "VITE_", "REACT_APP_", "NUXT_PUBLIC_", "PUBLIC_", "EXPO_PUBLIC_"];

/// The words of a name.
pub(crate) fn tokens(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_uppercase).collect()
}

/// Whether a variable of this name has a secret.
pub(crate) fn is_name(name: &str) -> bool {
    let upper = name.to_uppercase();
    if PUBLIC.iter().any(|beginning| upper.starts_with(beginning)) {
        return false;
    }
    let tokens = tokens(name);
    let last = tokens.last().map(String::as_str).unwrap_or_default();
    if tokens.iter().any(|word| ABOUT.contains(&word.as_str())) && !["PASSWORD", "PWD"].contains(&last) {
        return false;
    }
    let is_key = |pair: &[String]| {
        pair[1] == "KEY" && !OTHER_KEYS.contains(&pair[0].as_str())
            || pair[1] == "KEYS" && SECRET_KEYS.contains(&pair[0].as_str())
    };
    let is_joined = |word: &String| ["PASSWORD", "SECRET", "TOKEN"].iter().any(|end| word.ends_with(end));
    tokens.iter().any(|word| SECRET.contains(&word.as_str()) || is_joined(word))
        || upper == "KEY"
        || tokens.windows(2).any(is_key)
        || ["AUTH", "DSN"].contains(&last)
            && tokens.len() > 1
            && !["SMTP", "MAIL", "EMAIL", "BASIC"].contains(&tokens[0].as_str())
}

/// Whether a variable of this name and value has a secret.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    let is_word = ["true", "false", "yes", "no", "on", "off", "null", "none", "0", "1"];
    if value.is_empty() || is_word.contains(&value.to_lowercase().as_str()) {
        return false;
    }
    is_value(value) || is_name(name) && !(value.len() < 5 && value.chars().all(|c| c.is_ascii_digit()))
}

/// Whether a value is a secret, whatever its name is.
pub(crate) fn is_value(value: &str) -> bool {
    let long = |beginning: &str, least: usize| value.starts_with(beginning) && value.len() >= least;
    has_credentials(value)
        || value.contains("-----BEGIN") && value.contains("PRIVATE KEY")
        || [("ghp_", 20), ("github_pat_", 30), ("glpat-", 15), ("sk-", 20), ("sk_live_", 15), ("xoxb-", 15)]
            .iter()
            .any(|(beginning, least)| long(beginning, *least))
        || (long("AKIA", 20) || long("ASIA", 20)) && value.len() == 20
        || long("eyJ", 40) && value.matches('.').count() == 2
        || ["password=", "pwd="].iter().any(|word| value.to_lowercase().contains(word)) && value.contains(['=', ';'])
}

/// Whether it is a URL with a password in it.
fn has_credentials(value: &str) -> bool {
    value.match_indices("://").any(|(at, _)| {
        let authority = value[at + 3..].split(['/', '?', ' ', '"', '\'']).next().unwrap_or_default();
        let Some((user, _)) = authority.rsplit_once('@') else { return false };
        user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
    })
}

/// Whether nobody has to know the value, so that it can be made.
pub(crate) fn can_be_made(name: &str) -> bool {
    let tokens = tokens(name);
    let has = |word: &str| tokens.iter().any(|token| token == word);
    let of_others = [
        "CLIENT",
        "WEBHOOK",
        "AWS",
        "S3",
        "STRIPE",
        "OAUTH",
        "OAUTH2",
        "OIDC",
        "ENCRYPTION",
        "MASTER",
        "GITHUB",
        "GOOGLE",
        "SLACK",
        "DISCORD",
        "API",
        "ACCESS",
        "ADMIN",
    ];
    if of_others.iter().any(|word| has(word)) {
        return false;
    }
    let joined = tokens.join("_");
    joined.ends_with("SECRET_KEY")
        || joined.contains("SECRET_KEY_BASE")
        || has("SECRET")
            && ["JWT", "SESSION", "COOKIE", "APP", "AUTH", "NEXTAUTH", "TOKEN", "OTP", "DEVISE", "CSRF"]
                .iter()
                .any(|word| has(word))
        || has("JWT") && has("KEY") && !has("PRIVATE")
        || ["COOKIE", "SESSION"].iter().any(|word| has(word)) && (has("KEY") || has("TOKEN"))
        || has("SECRET") && has("REFRESH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "DB_PASSWORD",
            "POSTGRES_PASSWORD",
            "JWT_SECRET",
            "SECRET_KEY",
            "SECRET_KEY_BASE",
            "OPENAI_API_KEY",
            "PGPASSWORD",
            "SMTP_USER_PWD",
            "MSSQL_SA_PASSWORD",
            "RUNNERS_AUTH_TOKEN",
            "RAILS_MASTER_KEY",
            "VAPID_PRIVATE_KEY",
            "TWILIO_AUTH",
            "DevisePassword",
            "AWS_SECRET_ACCESS_KEY",
            "RABBITMQ_DEFAULT_PASS",
            "SENTRY_DSN",
            "Password",
            "STRIPE_KEY",
            "APP_KEYS",
            "SESSION_TOKEN",
            "KEY",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "JWT_EXPIRATION",
            "DB_PASSWORD_FILE",
            "JWT_ALGORITHM",
            "KEY_PREFIX",
            "VAPID_PUBLIC_KEY",
            "TOKEN_URL",
            "PATH",
            "DB_HOST",
            "NEXT_PUBLIC_API_KEY",
            "MONKEY",
            "S3_BUCKET",
            "PASSWORD_MIN_LENGTH",
            "ACCESS_TOKEN_EXPIRE_MINUTES",
            "SECRET_ARN",
            "KEYBOARD",
            "TABLE_SORT_KEY",
            "AUTHORIZED_KEYS",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn values_of_secrets_are_known() {
        for value in [
            "postgres://a:b@c/d",
            "nats://app:\u{e000}X\u{e001}@nats:4222",
            "ghp_0123456789abcdefghij",
            "postgres://app:${PASSWORD}@db/app",
            "AKIAIOSFODNN7EXAMPLE",
            "Host=db;Password=x",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(is_value(value), "{value}");
        }
        for value in ["http://web:3000/a@b:c", "postgres://a@b/c", "eyJ", "sk-", "12:30", ""] {
            assert!(!is_value(value), "{value}");
        }
        assert!(!is_secret("ALLOW_EMPTY_PASSWORD", "yes") && !is_secret("SECRET", "") && is_secret("SECRET", "x1"));
    }
}
