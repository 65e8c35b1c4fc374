//! Locks on database tables, held by a long transaction.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Stdio},
};

use crate::{
    support::World,
    users::{Database, secret},
};

/// A transaction that holds a lock until this is dropped.
pub struct Held(Child);

/// A connection to the database as its master user.
pub struct Master {
    database: Database,
    password: String,
}

impl Master {
    /// Returns the master user of the stack's database.
    pub async fn of(world: &World) -> Self {
        Self { database: Database::of(world).await, password: secret(world, "database-password").await }
    }

    /// Runs `sql` and returns its result.
    pub fn ask(&self, sql: &str) -> String {
        self.database.ask("postgres", &self.password, sql)
    }

    /// Starts a transaction and returns once it holds this lock, such as `prices IN ACCESS EXCLUSIVE MODE`.
    pub fn lock(&self, lock: &str) -> Held {
        let mut command = self.database.psql("postgres", &self.password, "");
        // Statements come from standard input. When it closes, the connection and the transaction end.
        command.args(["-v", "ON_ERROR_STOP=1", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("psql is installed beside Postgres");
        let input = child.stdin.as_mut().expect("it is a pipe");
        // psql buffers its own output to a pipe, so the shell writes the confirmation.
        writeln!(input, "BEGIN; LOCK TABLE {lock};\n\\! echo held").expect("psql reads");
        let mut answer = String::new();
        let output = child.stdout.as_mut().expect("it is a pipe");
        BufReader::new(output).read_line(&mut answer).expect("psql answers");
        assert_eq!(answer.trim(), "held", "{lock}");
        Held(child)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
