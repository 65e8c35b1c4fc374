//! Tests the application as its users see it: the compiled program over real sockets, with a Postgres and a Redis for
//! each test.

mod admin;
mod hits;
mod import;
mod life;
mod migrations;
mod palindromes;
mod people;
mod rates;
mod support;
mod visitors;
