//! A Docker engine: the one that answers, or one of our own with all that it writes in a folder, without a network: nothing is
//! pulled. An end-to-end test includes this file too.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long an engine may take to start.
const START: Duration = Duration::from_secs(60);

/// An engine that answers; one of our own ends with this.
pub struct Engine {
    own: Option<Child>,
    /// For `DOCKER_HOST`, where it is not the usual one.
    pub host: Option<String>,
}

impl Engine {
    /// An engine, if there is one or one can be started with `folder` for its own. The folder has to outlive it.
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
        // SIGTERM: it takes down what it has mounted, so that the folder can go. One that has ended by itself is no matter.
        let _ = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
        drop(child.wait());
    }
}
