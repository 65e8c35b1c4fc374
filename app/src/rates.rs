//! Rates: the average price per day between two ports or regions.

use serde::Serialize;
use sqlx::{PgPool, Row};
use time::{Date, macros::format_description};

/// The longest range that a request may ask for, in days.
pub(crate) const MOST_DAYS: i64 = 366;

/// The parameters of a request for rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// The code of a port or the slug of a region.
    pub(crate) origin: String,
    /// The code of a port or the slug of a region.
    pub(crate) destination: String,
}

/// The rate of one day. `count` is null if there is no price, `price` if there are fewer than three.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Rate {
    day: String,
    count: Option<i64>,
    price: Option<f64>,
}

impl Query {
    /// Parses the parameters of a request.
    ///
    /// # Errors
    /// A message that names the missing or invalid parameter.
    pub(crate) fn parse(parameter: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let given =
            |name: &str| parameter(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is missing"));
        let place = |name: &str| {
            let text = given(name)?;
            // Text in Postgres cannot contain a NUL character.
            if text.contains('\0') { Err(format!("{name} has a NUL character")) } else { Ok(text) }
        };
        let date = |name: &str| {
            let text = given(name)?;
            Date::parse(&text, format_description!("[year]-[month]-[day]"))
                .map_err(|_| format!("{name} is no date such as 2021-01-31: {text}"))
        };
        let query = Self {
            from: date("date_from")?,
            to: date("date_to")?,
            origin: place("orig_code")?,
            destination: place("dest_code")?,
        };
        if query.from > query.to {
            return Err(format!("date_from {} is after date_to {}", query.from, query.to));
        }
        if (query.to - query.from).whole_days() >= MOST_DAYS {
            return Err(format!("date_from to date_to is more than {MOST_DAYS} days"));
        }
        Ok(query)
    }
}

/// Returns the rates for every day of the range, the newest day first.
pub(crate) async fn rates(pool: &PgPool, query: &Query) -> Result<Vec<Rate>, sqlx::Error> {
    let rows = sqlx::query(
        "WITH RECURSIVE
         origins (slug) AS (
             SELECT slug FROM regions WHERE slug = $3
             UNION SELECT r.slug FROM regions r JOIN origins o ON r.parent_slug = o.slug),
         destinations (slug) AS (
             SELECT slug FROM regions WHERE slug = $4
             UNION SELECT r.slug FROM regions r JOIN destinations d ON r.parent_slug = d.slug),
         counted AS (
             SELECT p.day, count(*) AS count, avg(p.price) AS price
             FROM prices p
             WHERE p.day BETWEEN $1 AND $2
               AND p.orig_code IN (SELECT code FROM ports WHERE code = $3 OR parent_slug IN (SELECT slug FROM origins))
               AND p.dest_code IN (SELECT code FROM ports WHERE code = $4 OR parent_slug IN (SELECT slug FROM destinations))
             GROUP BY p.day)
         SELECT to_char(d.day, 'YYYY-MM-DD') AS day, c.count,
                CASE WHEN c.count >= 3 THEN round(c.price, 2)::float8 END AS price
         FROM generate_series($1::date, $2::date, interval '1 day') AS d (day)
         LEFT JOIN counted c ON c.day = d.day::date
         ORDER BY d.day DESC",
    )
    .bind(query.from)
    .bind(query.to)
    .bind(&query.origin)
    .bind(&query.destination)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| Ok(Rate { day: row.try_get("day")?, count: row.try_get("count")?, price: row.try_get("price")? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parameters: &[(&str, &str)]) -> Result<Query, String> {
        Query::parse(&|name| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn missing_or_invalid_parameter_is_named() {
        let good = [("date_from", "2021-01-01"), ("date_to", "2021-01-31"), ("orig_code", "a"), ("dest_code", "b")];
        assert!(parse(&good).is_ok());
        assert_eq!(parse(&good[1..]), Err("date_from is missing".to_owned()));
        let with = |index: usize, value: &'static str| {
            let mut parameters = good;
            parameters[index].1 = value;
            parse(&parameters).expect_err("it is wrong")
        };
        assert_eq!(with(0, "yesterday"), "date_from is no date such as 2021-01-31: yesterday");
        assert_eq!(with(0, "2021-02-01"), "date_from 2021-02-01 is after date_to 2021-01-31");
        assert_eq!(with(1, "2023-01-31"), "date_from to date_to is more than 366 days");
    }
}
