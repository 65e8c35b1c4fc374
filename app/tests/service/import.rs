//! Tests that a file of people is imported completely or not at all.

use std::{
    fmt::Write,
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Instance, Postgres, run};

const HEADER: &str = "Survived,Pclass,Name,Sex,Age,Siblings/Spouses Aboard,Parents/Children Aboard,Fare";

/// A database, and a folder with a file to import.
struct Import {
    postgres: Postgres,
    instance: Instance,
    dir: TempDir,
}

impl Import {
    async fn start() -> Self {
        let postgres = Postgres::start().await;
        let instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
        let dir = tempfile::tempdir().expect("there is room for a temporary folder");
        Self { postgres, instance, dir }
    }

    /// Imports a file with these bytes. Returns the exit code and the log.
    async fn import(&self, file: impl AsRef<[u8]>) -> (Option<i32>, String) {
        let path = self.dir.path().join("people.csv");
        fs::write(&path, file).expect("the folder can be written");
        run(&["import", "people", &path.to_string_lossy()], &[("DATABASE_URL", &self.postgres.url())]).await
    }

    /// Checks that the file is refused with these messages and that nothing is imported.
    async fn refuses(&self, file: impl AsRef<[u8]>, said: &[&str]) {
        let (code, log) = self.import(file).await;
        assert_eq!(code, Some(1), "{log}");
        let messages: Vec<Value> =
            log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        for said in said {
            let found = messages.iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains(said)));
            assert!(found, "nothing says {said}:\n{log}");
        }
        assert_eq!(self.people().await, json!([]), "{log}");
    }

    async fn people(&self) -> Value {
        self.instance.get("/people").await.json()
    }
}

#[tokio::test]
async fn every_row_becomes_a_person() {
    let import = Import::start().await;
    // The file has a byte order mark, Windows line breaks, an empty line, quotes, a line break inside quotes, and
    // characters with a special meaning in COPY.
    let rows = "0,3,Mr. Owen Harris Braund,male,22,1,0,7.25\r\n\r\n1,1,\"Mrs. \"\"Florence\"\", née Briggs\",female,38.5,1,0,71.2833\r\n\
                0,2,\"C:\\new\\N\n\tLtd.\",other,0.42,0.0,0,0";
    let (code, log) = import.import(format!("\u{feff}{HEADER}\r\n{rows}")).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"people\":3"), "{log}");
    let mut people = import.people().await;
    for person in people.as_array_mut().expect("it is a list") {
        let uuid = person.as_object_mut().expect("it is a person").remove("uuid");
        assert!(uuid.is_some_and(|uuid| uuid.as_str().is_some_and(|uuid| uuid.len() == 36)));
    }
    let person = |survived: bool, class: u32, name: &str, sex: &str, age: Value, relatives: u32, fare: Value| {
        json!({
            "survived": survived, "passengerClass": class, "name": name, "sex": sex, "age": age,
            "siblingsOrSpousesAboard": relatives, "parentsOrChildrenAboard": 0, "fare": fare,
        })
    };
    let expected = json!([
        person(false, 3, "Mr. Owen Harris Braund", "male", json!(22), 1, json!(7.25)),
        person(true, 1, "Mrs. \"Florence\", née Briggs", "female", json!(38.5), 1, json!(71.2833)),
        person(false, 2, "C:\\new\\N\n\tLtd.", "other", json!(0.42), 0, json!(0)),
    ]);
    assert_eq!(people, expected);
}

#[tokio::test]
async fn invalid_rows_are_listed_and_nothing_is_imported() {
    let import = Import::start().await;
    let file = format!(
        "{HEADER}\n0,3,Good,male,22,1,0,7.25\nyes,3,Bad,male,22,1,0,7.25\n1,1,{},female,,1,0,1\n\n1,2,\"Over\ntwo lines\",none,1,1,0,1\n\
         1,1,Few,female\n1,1,Comma,male,\"38,5\",0,0,1\n1,1,Half,male,1,0.5,0,-1\n\
         1,1,Six\" gun,male,1,0,0,x\n\r\n1,1,\"Open,male,1,0,0,1\n1,1,Swallowed,male,1,0,0,1\n",
        "x".repeat(101)
    );
    let said = [
        "line 3: Survived is neither 0 nor 1: yes",
        "line 4: Age is empty",
        "line 6: Sex is none of male, female, other",
        "line 8: the row has 4 columns instead of 8",
        "line 9: Age is no number: 38,5",
        "line 10: Siblings/Spouses Aboard is not of type \"integer\"",
        "line 10: Fare is less than 0",
        "line 11: Fare is no number: x",
        "line 13: the row has a quote that is not closed",
        "8 bad rows; nothing was imported",
    ];
    import.refuses(file, &said).await;
}

#[tokio::test]
async fn file_of_another_format_is_refused() {
    let import = Import::start().await;
    let row = "0,3,Ren\u{e9},male,22,1,0,7.25\n";
    let latin1: Vec<u8> =
        format!("{HEADER}\n{row}").chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1")).collect();
    import.refuses(latin1, &["line 2: Name is not UTF-8", "iconv -f ISO-8859-1 -t UTF-8"]).await;
    let utf16: Vec<u8> = format!("\u{feff}{HEADER}\n{row}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    import.refuses(utf16, &["is in UTF-16", "iconv -f UTF-16 -t UTF-8"]).await;
    import.refuses(HEADER.replace(',', ";"), &["line 1: the header is Survived;Pclass"]).await;
    import.refuses("", &["is empty"]).await;
    let (code, log) = run(&["import", "people", "/nowhere.csv"], &[("DATABASE_URL", &import.postgres.url())]).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot open /nowhere.csv"), "{log}");
}

#[tokio::test]
async fn large_file_is_imported_fast_or_not_at_all() {
    let import = Import::start().await;
    let mut file = format!("{HEADER}\n");
    for index in 0..100_000 {
        writeln!(file, "{},3,Person {index},male,{},1,0,7.25", index % 2, index % 80).expect("memory takes it");
    }
    import.refuses(format!("{file}0,3,Last,male,old,1,0,7.25\n"), &["line 100002: Age is no number: old"]).await;
    // The rest of the file is then one field, which must still be read in a single pass.
    let open = file.replacen("Person 0,male,0,1,0,7.25", "Person 0,male,0,1,0,\"7.25", 1);
    import.refuses(open, &["line 2: the row has a quote that is not closed", "1 bad row; nothing was imported"]).await;
    let began = Instant::now();
    let (code, log) = import.import(&file).await;
    let took = began.elapsed();
    assert_eq!(code, Some(0), "{log}");
    let pool = import.postgres.pool().await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM people").fetch_one(&pool).await.expect("it answers");
    assert_eq!(count, 100_000);
    assert_eq!(import.people().await.as_array().map(Vec::len), Some(1000), "the default page");
    // The limit is ten times what an unoptimized build takes on one slow core.
    assert!(took < Duration::from_secs(60), "{took:?}");
}
