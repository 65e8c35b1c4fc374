//! Recognizes palindromes and stores those that users asked about.

use sqlx::PgPool;
use unicode_normalization::UnicodeNormalization;

/// The longest text to check, in characters. A key of a Postgres index has at most about 2,700 bytes.
pub(crate) const LONGEST: usize = 500;

/// Returns whether the letters and digits of a text read the same in both directions, ignoring case. A text without
/// letters and digits is not a palindrome.
pub(crate) fn is_palindrome(text: &str) -> bool {
    // Characters are composed first, so that an accent stays with its letter. Upper case comes before lower case,
    // because ß and ss, and the two small sigmas, are only the same in upper case.
    let folded: Vec<char> = text
        .nfc()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    !folded.is_empty() && folded.iter().eq(folded.iter().rev())
}

/// Stores a palindrome, or increments its counter.
pub(crate) async fn store(pool: &PgPool, text: &str) -> Result<(), sqlx::Error> {
    let statement = "INSERT INTO palindromes AS p (text) VALUES ($1)
                     ON CONFLICT (text) DO UPDATE SET asked = p.asked + 1, last_seen = now()";
    sqlx::query(statement).bind(text).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palindromes_ignore_case_and_punctuation() {
        for text in [
            "a",
            "Anna",
            "12321",
            "A man, a plan, a canal: Panama!",
            "Ein Esel lese nie",
            "Σας",
            "e\u{301}té",
            "ßxSS",
            "たけやぶやけた",
        ] {
            assert!(is_palindrome(text), "{text}");
        }
        for text in ["", " ", "?!", "ab", "Anne", "été\u{301}x", "1231"] {
            assert!(!is_palindrome(text), "{text}");
        }
    }
}
