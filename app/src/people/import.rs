//! `app import people FILE.csv`: imports all people of a file, or none if a row is invalid.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use sqlx::{Connection, PgConnection, postgres::PgCopyIn};

use super::records::{Records, Row};
use crate::{
    config::Config,
    contract::{Breach, PEOPLE},
    db,
};

/// The type of a column.
#[derive(Clone, Copy)]
enum Kind {
    /// 0 or 1.
    Flag,
    Number,
    Text,
}

/// The columns of the header in order, with the field and the type of each.
const COLUMNS: [(&str, &str, Kind); 8] = [
    ("Survived", "survived", Kind::Flag),
    ("Pclass", "passengerClass", Kind::Number),
    ("Name", "name", Kind::Text),
    ("Sex", "sex", Kind::Text),
    ("Age", "age", Kind::Number),
    ("Siblings/Spouses Aboard", "siblingsOrSpousesAboard", Kind::Number),
    ("Parents/Children Aboard", "parentsOrChildrenAboard", Kind::Number),
    ("Fare", "fare", Kind::Number),
];

/// The statement for the import. COPY imports 100,000 rows within seconds, which INSERT does not. The columns are in
/// the order of the file.
const COPY: &str =
    "COPY people (survived, passenger_class, name, sex, age, siblings_or_spouses, parents_or_children, fare)
                    FROM STDIN";

/// The number of bytes to collect before they are sent.
const CHUNK: usize = 1 << 20;

/// The number of invalid rows whose errors are logged.
const SHOWN: usize = 20;

/// The byte order mark, which spreadsheet programs write at the beginning of UTF-8 files.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// An error and its line.
struct BadLine {
    line: u64,
    breach: Breach,
}

/// Imports the file, or standard input for `-`. If any row is invalid, logs the errors and imports nothing.
pub(crate) async fn import(config: &Config, file: &str) -> Result<()> {
    let Some(options) = &config.database else { bail!("DATABASE_URL is not set: there is nothing to import into") };
    let mut source: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin().lock()),
        path => Box::new(File::open(path).with_context(|| format!("cannot open {path}"))?),
    };
    let mut start = Vec::new();
    source.by_ref().take(MARK.len() as u64).read_to_end(&mut start).with_context(|| format!("cannot read {file}"))?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        bail!("{file} is in UTF-16, and UTF-8 is expected: iconv -f UTF-16 -t UTF-8 {file} makes it");
    }
    let rest = if start == MARK { Vec::new() } else { start };
    let source = BufReader::new(std::io::Cursor::new(rest).chain(source));

    let mut connection = db::connect(options).await?;
    let imported = copy(&mut connection, source, file).await?;
    tracing::info!(file, people = imported, "imported");
    PgConnection::close(connection).await.context("the connection does not end well")
}

/// Imports all people with one COPY, which Postgres applies completely or not at all. Returns the number of people
/// added.
async fn copy(connection: &mut PgConnection, source: impl BufRead, file: &str) -> Result<u64> {
    let mut records = Records::new(source);
    let cannot_read = || format!("cannot read {file}");
    let Some(first) = records.next().with_context(cannot_read)? else {
        bail!("{file} is empty; its first line has to be {}", header())
    };
    let names: Vec<_> = first.columns.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    if names != COLUMNS.map(|(name, ..)| name) {
        bail!("{file}, line {}: the header is {}, and has to be {}", first.line, beginning(&names.join(",")), header());
    }
    let mut copy = connection.copy_in_raw(COPY).await.map_err(|error| said(&error))?;
    let (mut rows, mut bad, mut count) = (Vec::with_capacity(CHUNK), Vec::new(), 0_usize);
    loop {
        let row = match records.next().with_context(cannot_read) {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) => {
                refuse(copy).await?;
                return Err(error);
            }
        };
        match encode(&row) {
            Ok(row) if count == 0 => rows.extend(row),
            Ok(_) => {}
            Err(breaches) => {
                count += 1;
                if count <= SHOWN {
                    bad.extend(breaches.into_iter().map(|breach| BadLine { line: row.line, breach }));
                }
            }
        }
        if rows.len() >= CHUNK && count == 0 {
            copy.send(std::mem::take(&mut rows)).await.map_err(|error| said(&error))?;
        }
    }
    if count == 0 {
        copy.send(rows).await.map_err(|error| said(&error))?;
        return copy.finish().await.map_err(|error| said(&error));
    }
    refuse(copy).await?;
    for BadLine { line, breach } in &bad {
        tracing::error!(line, column = breach.field, "line {line}: {breach}");
    }
    let shown = if count > SHOWN { format!("; the first {SHOWN} are shown") } else { String::new() };
    let rows = if count == 1 { "row" } else { "rows" };
    bail!("{file}: {count} bad {rows}{shown}; nothing was imported")
}

/// Aborts the COPY.
async fn refuse(copy: PgCopyIn<&mut PgConnection>) -> Result<()> {
    match copy.abort("the file is not good").await {
        // Postgres responds to an abort with an error.
        Ok(()) | Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(said(&error)),
    }
}

fn said(error: &sqlx::Error) -> anyhow::Error {
    anyhow::anyhow!("the import failed and changed nothing: {}", db::without_secrets(error))
}

fn header() -> String {
    COLUMNS.map(|(name, ..)| name).join(",")
}

/// Encodes a record for COPY, or returns its errors.
fn encode(row: &Row<'_>) -> Result<Vec<u8>, Vec<Breach>> {
    if row.is_open {
        return Err(vec![Breach::new("the row", "has a quote that is not closed")]);
    }
    if row.columns.len() != COLUMNS.len() {
        let problem = format!("has {} columns instead of {}", row.columns.len(), COLUMNS.len());
        return Err(vec![Breach::new("the row", problem)]);
    }
    let (mut person, mut breaches) = (Map::new(), Vec::new());
    for ((column, field, kind), bytes) in COLUMNS.iter().zip(&row.columns) {
        match value(*kind, bytes) {
            Ok(value) => drop(person.insert((*field).to_owned(), value)),
            Err(problem) => breaches.push(Breach::new(*column, problem)),
        }
    }
    if breaches.is_empty() {
        // The rules for a person in a file are the same as for a person in a request.
        let person = Value::Object(person);
        let found = PEOPLE.check_new_person(&person);
        if found.is_empty() {
            return Ok(encoded(&person));
        }
        breaches.extend(found.into_iter().map(|breach| {
            let column = COLUMNS.iter().find(|(_, field, _)| *field == breach.field);
            Breach { field: column.map_or(breach.field, |(column, ..)| (*column).to_owned()), ..breach }
        }));
    }
    Err(breaches)
}

fn value(kind: Kind, bytes: &[u8]) -> Result<Value, String> {
    let text = str::from_utf8(bytes)
        .map_err(|_| "is not UTF-8; if the file is in Latin-1, iconv -f ISO-8859-1 -t UTF-8 makes it".to_owned())?;
    match (kind, text.trim()) {
        (Kind::Text, text) => Ok(Value::String(text.to_owned())),
        (_, "") => Err("is empty".to_owned()),
        (Kind::Flag, "0") => Ok(Value::Bool(false)),
        (Kind::Flag, "1") => Ok(Value::Bool(true)),
        (Kind::Flag, text) => Err(format!("is neither 0 nor 1: {}", beginning(text))),
        (Kind::Number, text) => {
            text.parse().map(Value::Number).map_err(|_| format!("is no number: {}", beginning(text)))
        }
    }
}

/// Returns the beginning of a text, short enough for a message.
fn beginning(text: &str) -> String {
    const MOST: usize = 100;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
}

/// Encodes the values in the text format of COPY. Integers may be written as 3.0 in the file, but Postgres expects 3.
fn encoded(person: &Value) -> Vec<u8> {
    let mut row = Vec::new();
    for (index, (_, field, _)) in COLUMNS.iter().enumerate() {
        if index > 0 {
            row.push(b'\t');
        }
        match &person[field] {
            Value::String(text) => text.bytes().for_each(|byte| match byte {
                b'\\' => row.extend(b"\\\\"),
                b'\t' => row.extend(b"\\t"),
                b'\n' => row.extend(b"\\n"),
                b'\r' => row.extend(b"\\r"),
                byte => row.push(byte),
            }),
            Value::Number(number) => row.extend(number.as_f64().unwrap_or_default().to_string().bytes()),
            other => row.extend(other.to_string().bytes()),
        }
    }
    row.push(b'\n');
    row
}
