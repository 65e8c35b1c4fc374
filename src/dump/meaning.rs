//! Classifies a statement by its tokens, as far as it matters for a load.

use super::statement::Token;

/// The effect of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing that matters for a load.
    Other,
    /// Changes an owner or the current role. `pg_dump --no-owner` omits such statements.
    Owner,
    /// Begins a transaction with a plain `BEGIN`, as `pg_dump` does before large objects.
    Begins,
    /// Reads or writes a large object.
    LargeObject,
    /// Ends the transaction with a plain `COMMIT`, as `pg_dump` does after large objects.
    Commits,
    /// Ends the transaction with another statement.
    EndsTransaction,
    /// Creates or drops a database.
    WholeDatabase,
    /// Is followed by rows: `COPY … FROM STDIN`.
    Rows,
    /// Sets whether a backslash in `'…'` is an ordinary character.
    StandardStrings(bool),
    /// Sets the encoding of the text that follows.
    Encoding(String),
}

/// The types of objects whose owner ALTER can change. <https://www.postgresql.org/docs/current/sql-commands.html>
const OWNED: &[&str] = &[
    "AGGREGATE",
    "COLLATION",
    "CONVERSION",
    "DATABASE",
    "DOMAIN",
    "EVENT TRIGGER",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "FUNCTION",
    "INDEX",
    "LANGUAGE",
    "LARGE OBJECT",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "OPERATOR",
    "PROCEDURAL LANGUAGE",
    "PROCEDURE",
    "PUBLICATION",
    "ROUTINE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "TABLE",
    "TABLESPACE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TYPE",
    "VIEW",
];

/// Returns the effect of the statement with these tokens.
pub(super) fn of(tokens: &[Token]) -> Meaning {
    let starts = |with: &[&str]| after(tokens, with).is_some();
    if gives_away(tokens) || acts_as_another(tokens) {
        return Meaning::Owner;
    }
    if starts(&["CREATE", "DATABASE"]) || starts(&["DROP", "DATABASE"]) {
        return Meaning::WholeDatabase;
    }
    if starts(&["COPY"]) {
        let from = tokens.iter().position(|token| token.is("FROM"));
        let is_stdin = from.and_then(|from| tokens.get(from + 1)).is_some_and(|token| token.is("STDIN"));
        return if is_stdin { Meaning::Rows } else { Meaning::Other };
    }
    match tokens {
        [only] if only.is("BEGIN") => Meaning::Begins,
        [only] if only.is("COMMIT") => Meaning::Commits,
        [select, schema, dot, function, open, ..]
            if select.is("SELECT") && schema.is("pg_catalog") && dot.is_symbol(b'.') && open.is_symbol(b'(') =>
        {
            let large = ["lo_create", "lo_open", "lowrite", "lo_close"].into_iter().any(|name| function.is(name));
            if large { Meaning::LargeObject } else { Meaning::Other }
        }
        _ if ends_transaction(tokens) => Meaning::EndsTransaction,
        _ => setting(tokens),
    }
}

/// Returns the tokens after `keywords`, or `None` if `tokens` do not begin with them.
fn after<'a>(tokens: &'a [Token], keywords: &[&str]) -> Option<&'a [Token]> {
    let (first, rest) = tokens.split_at_checked(keywords.len())?;
    first.iter().zip(keywords).all(|(token, keyword)| token.is(keyword)).then_some(rest)
}

/// Skips `keywords` if `tokens` begin with them.
fn past<'a>(tokens: &'a [Token], keywords: &[&str]) -> &'a [Token] {
    after(tokens, keywords).unwrap_or(tokens)
}

/// Whether the whole statement is `ALTER … OWNER TO …`.
fn gives_away(tokens: &[Token]) -> bool {
    let [head @ .., owner, to, role] = tokens else { return false };
    if !(owner.is("OWNER") && to.is("TO") && (role.is_name() || role.is_string())) {
        return false;
    }
    let Some(kind) = after(head, &["ALTER"]) else { return false };
    OWNED.iter().any(|owned| {
        let words: Vec<&str> = owned.split(' ').collect();
        let Some(object) = after(kind, &words) else { return false };
        let object = past(past(object, &["IF", "EXISTS"]), &["ONLY"]);
        match *owned {
            "LARGE OBJECT" => matches!(object, [number] if number.is_number()),
            "OPERATOR" => is_operator(object),
            _ => is_object(object),
        }
    })
}

/// Whether this is `name` or `schema.name`, with an optional `*`, arguments or `USING` and an index method.
fn is_object(tokens: &[Token]) -> bool {
    let Some(rest) = past_name(tokens) else { return false };
    let rest = past_symbol(past_symbol(rest, b'*'), b'(');
    matches!(after(rest, &["USING"]), Some([method]) if method.is_name()) || rest.is_empty()
}

fn past_symbol(tokens: &[Token], symbol: u8) -> &[Token] {
    match tokens {
        [first, rest @ ..] if first.is_symbol(symbol) => rest,
        _ => tokens,
    }
}

/// Whether this is `+ (…)` or `schema.+ (…)`.
fn is_operator(tokens: &[Token]) -> bool {
    let mut rest = tokens;
    while let [schema, dot, after @ ..] = rest
        && schema.is_name()
        && dot.is_symbol(b'.')
    {
        rest = after;
    }
    let [operator @ .., arguments] = rest else { return false };
    !operator.is_empty() && operator.iter().all(Token::is_any_symbol) && arguments.is_symbol(b'(')
}

fn past_name(tokens: &[Token]) -> Option<&[Token]> {
    match tokens {
        [name, dot, rest @ ..] if name.is_name() && dot.is_symbol(b'.') => past_name(rest),
        [name, rest @ ..] if name.is_name() => Some(rest),
        _ => None,
    }
}

/// Whether this is `SET SESSION AUTHORIZATION …` or `RESET SESSION AUTHORIZATION`. `pg_dump` writes them with the
/// option `--use-set-session-authorization`.
fn acts_as_another(tokens: &[Token]) -> bool {
    let set = after(tokens, &["SET"]).map(|rest| past(past(past(rest, &["LOCAL"]), &["SESSION"]), &["SESSION"]));
    let rest = set.or_else(|| after(tokens, &["RESET", "SESSION"]));
    rest.is_some_and(|rest| after(rest, &["AUTHORIZATION"]).is_some())
}

/// <https://www.postgresql.org/docs/current/sql-end.html>, and the commands that page refers to.
fn ends_transaction(tokens: &[Token]) -> bool {
    let starts = |with: &[&str]| after(tokens, with).is_some();
    if let Some(rest) = after(tokens, &["ROLLBACK"]) {
        let rest = past(past(rest, &["WORK"]), &["TRANSACTION"]);
        // ROLLBACK TO a savepoint does not end the transaction.
        return after(rest, &["TO"]).is_none();
    }
    let prepares = after(tokens, &["PREPARE", "TRANSACTION"]);
    starts(&["COMMIT"])
        || starts(&["END"])
        || starts(&["ABORT"])
        // Without a string, the statement prepares a query named `transaction`.
        || prepares.and_then(<[Token]>::first).is_some_and(Token::is_string)
}

/// Returns the effect of a setting that changes how the rest of the file is read.
fn setting(tokens: &[Token]) -> Meaning {
    const STRINGS: &str = "standard_conforming_strings";
    if let Some([name]) = after(tokens, &["RESET"]) {
        let resets = name.is(STRINGS) || name.is("ALL");
        return if resets { Meaning::StandardStrings(true) } else { Meaning::Other };
    }
    let Some(rest) = after(tokens, &["SET"]) else { return Meaning::Other };
    match past(past(rest, &["LOCAL"]), &["SESSION"]) {
        [names, encoding] if names.is("NAMES") => Meaning::Encoding(encoding.value()),
        [name, to, value] if to.is("TO") || to.is_symbol(b'=') => {
            if name.is(STRINGS) {
                Meaning::StandardStrings(is_on(&value.value()))
            } else if name.is("client_encoding") {
                Meaning::Encoding(value.value())
            } else {
                Meaning::Other
            }
        }
        _ => Meaning::Other,
    }
}

/// Whether a boolean setting is on. Postgres also accepts prefixes of `false`, `no` and `off`, if they are unambiguous.
fn is_on(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let is_off = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    !(value == "0" || is_off("false", 1) || is_off("no", 1) || is_off("off", 2))
}
