//! Palindromes, which are stored.

use serde_json::json;

use crate::support::{Instance, Postgres};

#[tokio::test]
async fn a_palindrome_is_stored_and_what_is_none_is_not() {
    let postgres = Postgres::start().await;
    let instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
    for text in ["Anna", "A man, a plan, a canal: Panama!", "été", "a/b/a", "Anna"] {
        let answer = instance.get(&format!("/palindrom/{}", urlencoding::encode(text))).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "text": text, "palindrome": true })));
    }
    for text in ["Anne", "?!"] {
        let answer = instance.get(&format!("/palindrom/{}", urlencoding::encode(text))).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "text": text, "palindrome": false })));
    }
    let pool = postgres.pool().await;
    let query = "SELECT text, asked FROM palindromes ORDER BY text COLLATE \"C\"";
    let stored: Vec<(String, i64)> = sqlx::query_as(query).fetch_all(&pool).await.expect("it answers");
    let stored: Vec<_> = stored.iter().map(|(text, asked)| (&**text, *asked)).collect();
    assert_eq!(stored, [("A man, a plan, a canal: Panama!", 1), ("Anna", 2), ("a/b/a", 1), ("été", 1)]);
}

#[tokio::test]
async fn a_text_that_cannot_be_stored_is_refused_by_name() {
    let postgres = Postgres::start().await;
    let instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
    // Four bytes a letter, the most that one takes.
    let longest = "𐐨".repeat(500);
    assert_eq!(instance.get(&format!("/palindrom/{}", urlencoding::encode(&longest))).await.status, 200);
    for (path, problem) in [
        (format!("/palindrom/{}", "a".repeat(501)), "text is longer than 500 characters"),
        ("/palindrom/a%00a".to_owned(), "text has a NUL character"),
    ] {
        let answer = instance.get(&path).await;
        assert_eq!((answer.status, &*answer.problem()), (400, problem));
    }
    let alone = Instance::listening(&[]).await;
    assert_eq!(alone.get("/palindrom/anna").await.status, 503, "it could not be stored");
    assert_eq!(alone.get("/palindrom/anne").await.json()["palindrome"], false);
}
