//! Palindromes: what is one, and which ones have been asked about.

use sqlx::PgPool;
use unicode_normalization::UnicodeNormalization;

/// The longest text that is looked at, in characters; a key of a Postgres index holds about 2,700 bytes.
pub(crate) const LONGEST: usize = 500;

/// Whether a text reads the same from both ends: its letters and digits alone, upper case or lower.
/// A text without any is none.
pub(crate) fn is_palindrome(text: &str) -> bool {
    // Composed first, so that an accent stays with its letter. By way of upper case, because that is where ß and ss, or
    // the two small sigmas, meet.
    let folded: Vec<char> = text
        .nfc()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    !folded.is_empty() && folded.iter().eq(folded.iter().rev())
}

/// Stores a palindrome, or that it was asked about once more.
pub(crate) async fn store(pool: &PgPool, text: &str) -> Result<(), sqlx::Error> {
    let statement = "INSERT INTO palindromes AS p (text) VALUES ($1)
                     ON CONFLICT (text) DO UPDATE SET asked = p.asked + 1, last_seen = now()";
    sqlx::query(statement).bind(text).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_the_same_from_both_ends() {
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
