//! Tests that palindromes are stored.

use serde_json::json;

use crate::support::{Instance, Postgres};

#[tokio::test]
async fn only_palindromes_are_stored() {
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
async fn text_that_cannot_be_stored_is_refused() {
    let postgres = Postgres::start().await;
    let instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
    // Each letter has four bytes, the maximum in UTF-8.
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
