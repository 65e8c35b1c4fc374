//! The application as its users meet it: the real program over real sockets, with a Postgres and a Redis of the test's own.

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
