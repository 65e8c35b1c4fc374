//! Provides a Docker engine: a running one, or a new one with all its data in a folder and without a network, because
//! nothing is pulled. An end-to-end test also includes this file.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The timeout for the start of an engine.
const START: Duration = Duration::from_secs(60);

/// A running engine. If this process started it, it is stopped on drop.
pub struct Engine {
    own: Option<Child>,
    /// The value for `DOCKER_HOST`; `None` for the default engine.
    pub host: Option<String>,
}

impl Engine {
    /// Returns the running engine, or starts one with its data in `folder`, which must outlive it. Returns `None` if
    /// neither is possible.
    pub fn get(folder: &Path) -> Option<Self> {
        let usual = Self { own: None, host: None };
        if usual.answers() {
            return Some(usual);
        }
        let mut command = Command::new("dockerd");
        let host = format!("unix://{}", folder.join("socket").display());
        for (option, name) in [("--data-root", "data"), ("--exec-root", "run"), ("--pidfile", "pid")] {
            command.arg(option).arg(folder.join(name));
        }
        command.args(["--host", &host, "--bridge=none", "--iptables=false", "--ip6tables=false"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut engine = Self { own: Some(child), host: Some(host) };
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            let ended = engine.own.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()));
            if ended {
                return None;
            }
            if engine.answers() {
                return Some(engine);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    }

    fn answers(&self) -> bool {
        let mut command = Command::new("docker");
        command.args(["version", "--format", "{{.Server.Version}}"]);
        command.envs(self.host.iter().map(|host| ("DOCKER_HOST", host)));
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(mut child) = self.own.take() else { return };
        // On SIGTERM, the engine unmounts its file systems, so that the folder can be deleted. An error means that it
        // has already ended.
        let _ = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
        drop(child.wait());
    }
}
