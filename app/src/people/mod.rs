//! The people: their JSON representation and their table. The contract checks the input.

mod import;
mod records;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Number;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

pub(crate) use import::import;

/// A person in a response.
#[derive(Clone, Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person {
    uuid: Uuid,
    survived: bool,
    passenger_class: i32,
    name: String,
    sex: String,
    #[serde(serialize_with = "short")]
    age: f64,
    #[sqlx(rename = "siblings_or_spouses")]
    siblings_or_spouses_aboard: i32,
    #[sqlx(rename = "parents_or_children")]
    parents_or_children_aboard: i32,
    #[serde(serialize_with = "short")]
    fare: f64,
}

/// The fields of a person in a request. The contract has already checked that required fields are present.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Fields {
    pub(crate) uuid: Option<Uuid>,
    survived: Option<bool>,
    #[serde(deserialize_with = "whole")]
    passenger_class: Option<i32>,
    name: Option<String>,
    sex: Option<String>,
    age: Option<f64>,
    #[serde(deserialize_with = "whole")]
    siblings_or_spouses_aboard: Option<i32>,
    #[serde(deserialize_with = "whole")]
    parents_or_children_aboard: Option<i32>,
    fare: Option<f64>,
}

/// The columns of a `Person`. Not `*`, because the prepared statements of a connection would fail once a migration adds
/// a column.
macro_rules! columns {
    () => {
        "uuid, survived, passenger_class, name, sex, age, siblings_or_spouses, parents_or_children, fare"
    };
}

/// Returns a page of people, in the order in which they were added.
pub(crate) async fn list(pool: &PgPool, limit: i64, offset: i64) -> Result<Vec<Person>, sqlx::Error> {
    let query = concat!("SELECT ", columns!(), " FROM people ORDER BY position LIMIT $1 OFFSET $2");
    sqlx::query_as(query).bind(limit).bind(offset).fetch_all(pool).await
}

/// Returns the person with this UUID, if there is one.
pub(crate) async fn get(pool: &PgPool, uuid: Uuid) -> Result<Option<Person>, sqlx::Error> {
    let query = concat!("SELECT ", columns!(), " FROM people WHERE uuid = $1");
    sqlx::query_as(query).bind(uuid).fetch_optional(pool).await
}

/// Adds a person. Returns `None` if the UUID already exists.
pub(crate) async fn add(pool: &PgPool, fields: &Fields) -> Result<Option<Person>, sqlx::Error> {
    let statement = concat!(
        "INSERT INTO people (",
        columns!(),
        ") VALUES (coalesce($1, gen_random_uuid()), coalesce($2, false), $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (uuid) DO NOTHING RETURNING ",
        columns!()
    );
    bound(statement, fields.uuid, fields).fetch_optional(pool).await
}

/// Changes the given fields. Returns `None` if no person has this UUID.
pub(crate) async fn change(pool: &PgPool, uuid: Uuid, fields: &Fields) -> Result<Option<Person>, sqlx::Error> {
    let statement = concat!(
        "UPDATE people SET survived = coalesce($2, survived), passenger_class = coalesce($3, passenger_class),
             name = coalesce($4, name), sex = coalesce($5, sex), age = coalesce($6, age),
             siblings_or_spouses = coalesce($7, siblings_or_spouses),
             parents_or_children = coalesce($8, parents_or_children), fare = coalesce($9, fare)
         WHERE uuid = $1 RETURNING ",
        columns!()
    );
    bound(statement, Some(uuid), fields).fetch_optional(pool).await
}

/// Removes a person and returns it, or `None` if no person has this UUID.
pub(crate) async fn remove(pool: &PgPool, uuid: Uuid) -> Result<Option<Person>, sqlx::Error> {
    let statement = concat!("DELETE FROM people WHERE uuid = $1 RETURNING ", columns!());
    sqlx::query_as(statement).bind(uuid).fetch_optional(pool).await
}

type ForOnePerson = sqlx::query::QueryAs<'static, sqlx::Postgres, Person, sqlx::postgres::PgArguments>;

/// Binds the UUID as $1 and the other fields as $2 to $9, in the order of the columns.
fn bound(statement: &'static str, uuid: Option<Uuid>, fields: &Fields) -> ForOnePerson {
    let fields = fields.clone();
    sqlx::query_as(statement)
        .bind(uuid)
        .bind(fields.survived)
        .bind(fields.passenger_class)
        .bind(fields.name)
        .bind(fields.sex)
        .bind(fields.age)
        .bind(fields.siblings_or_spouses_aboard)
        .bind(fields.parents_or_children_aboard)
        .bind(fields.fare)
}

/// Deserializes an integer. JSON Schema accepts 3.0 as an integer, but serde does not.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let value = number.as_f64().ok_or_else(|| D::Error::custom("no number"))?;
    value.to_string().parse().map(Some).map_err(D::Error::custom)
}

/// Serializes a number in its shortest form: 22, not 22.0.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn short<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let number: Option<Number> = value.to_string().parse().ok();
    number.serialize(serializer)
}
