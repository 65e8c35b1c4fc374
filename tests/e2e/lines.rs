//! A command under interactive test: its output line by line, and a person's keys at a terminal.

use std::{
    io::{BufRead, BufReader, Read},
    process::{ChildStdin, Command, Stdio},
};

use crate::support::{Spawned, World};

/// A running command and its unread output.
pub struct Lines {
    child: Spawned,
    stdout: BufReader<Box<dyn Read + Send>>,
}

impl Lines {
    pub fn of(mut child: Spawned) -> Self {
        let stdout = child.stdout.take().expect("it has one");
        Self { child, stdout: BufReader::new(Box::new(stdout)) }
    }

    /// Runs a shell script on a new terminal. Also returns the input for keys.
    pub fn at_a_terminal(world: &World, script: &str) -> (ChildStdin, Self) {
        let mut command = world.command(&[]);
        let mut person = Command::new("script");
        person.args(["-qec", script, "/dev/null"]).current_dir(world.project());
        for (name, value) in command.env("TERM", "xterm").get_envs() {
            match value {
                Some(value) => person.env(name, value),
                None => person.env_remove(name),
            };
        }
        let mut child = world.started(person.stdin(Stdio::piped()));
        (child.stdin.take().expect("it has one"), Self::of(child))
    }

    /// Returns the first line with these words.
    pub fn until(&mut self, words: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let length = self.stdout.read_line(&mut line).expect("it can be read");
            assert!(length > 0, "it has ended without {words:?}: {all}");
            all.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Waits for a question with these words, which does not end with a line break.
    pub fn asked(&mut self, words: &str) {
        let mut all = Vec::new();
        while !all.ends_with(words.as_bytes()) {
            let mut byte = [0];
            let length = self.stdout.read(&mut byte).expect("it can be read");
            assert!(length > 0, "it has ended without {words:?}: {}", String::from_utf8_lossy(&all));
            all.extend(byte);
        }
    }

    /// Sends Ctrl-C.
    pub fn interrupt(&self) {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
    }

    /// Waits for the end and returns the exit code and the rest of the output.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("it can be read");
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors).expect("it can be read");
        }
        (self.child.wait().expect("it ends").code(), format!("{rest}{errors}"))
    }
}
