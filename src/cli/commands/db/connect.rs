//! `stackctl db connect`: connects to the stack's private database through the bastion or a task, or prints the
//! commands.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use clap::Args;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};

use super::reach::{find, has_database, password_command, psql_command};
use crate::{
    blueprint,
    cli::{
        commands::{
            exec::enabled,
            forward::{database, first_way},
        },
        error::Stop,
        global::Global,
        project::Project,
        signals::{Asked, Signals},
    },
    exit,
    kinds::{ec2::instance, rds::db_instance, secretsmanager::secret},
    model::{Address, Failure, Subject},
    output::Output,
    session::{Forward, Said, Tasks},
    spec::{Bastion, Stack},
};

/// How long SSH may take to open the tunnel, and how often to check.
const OPENING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(200));

/// The exit code of a shell that does not find the program.
const NOT_FOUND: i32 = 127;

/// Arguments of `stackctl db connect`.
#[derive(Debug, Args)]
#[command(
    after_help = "Connects through the stack's bastion by SSH or, without a bastion, through a task of a service with `exec: true`. \
    psql must be installed on this machine.\n\n\
    Examples:\n  stackctl db connect\n  stackctl db connect --user developer -- --command='SELECT count(*) FROM people'\n  stackctl db connect --print"
)]
pub(super) struct Connect {
    /// Database user [default: the user that the application connects as].
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// User on the bastion [default: the user with your login name, or the only user].
    #[arg(long = "as", value_name = "NAME")]
    login: Option<String>,
    /// Local port [default: a free port].
    #[arg(long)]
    port: Option<u16>,
    /// Print the commands instead of running them.
    #[arg(long)]
    print: bool,
    /// Arguments to pass to psql.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// A connection through the bastion.
struct Way {
    login: String,
    bastion: String,
    host: String,
    host_port: u16,
    port: u16,
    user: String,
    password: Address,
}

impl Connect {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        has_database(&project.stack)?;
        let bastion = match (&project.stack.bastion, first_way(&project.stack)) {
            (Some(bastion), _) => bastion,
            (None, Some(service)) if self.login.is_none() => return self.through(&project, service, output).await,
            (None, _) => return Err(no_way()),
        };
        let way = self.way(&project, bastion).await?;
        let password: secret::Live = find(&project, "db connect", &way.password).await?;
        if self.print {
            way.print(&password.name, output);
            return Ok(exit::DONE);
        }
        let value = secret::reveal(&project.cx, &password).await?;
        let _tunnel = way.open(output).await?;
        Ok(self.psql(way.port, &way.user, value).await?)
    }

    /// Runs psql until it exits and returns its exit code.
    async fn psql(&self, port: u16, user: &str, password: String) -> Result<u8, Failure> {
        let mut signals = Signals::listen()?;
        let mut psql = Command::new("psql");
        psql.args(&self.arguments)
            .env("PGHOST", Ipv4Addr::LOCALHOST.to_string())
            .env("PGPORT", port.to_string())
            .env("PGUSER", user)
            .env("PGDATABASE", blueprint::DATABASE_NAME)
            .env("PGSSLMODE", "require")
            .env("PGPASSWORD", password)
            .kill_on_drop(true);
        let running = psql.status();
        tokio::pin!(running);
        loop {
            tokio::select! {
                ended = &mut running => return ended.map(code).map_err(|error| no_psql(&error)),
                // In psql, Ctrl-C cancels a query, so this process ignores it and keeps the connection open. Any other
                // signal stops both.
                by = signals.next() => if by != Asked::Interrupted {
                    return Ok(by.code());
                },
            }
        }
    }

    /// Connects through a task of `service`, for a stack without a bastion.
    async fn through(&self, project: &Project, service: &str, output: &Output) -> Result<u8, Stop> {
        let (user, password) = self.database_user(&project.stack)?;
        let password: secret::Live = find(project, "db connect", &password).await?;
        if self.print {
            print_through(self.port, &user, &password.name, output);
            return Ok(exit::DONE);
        }
        let (name, live) = enabled(project, "db connect", service).await?;
        let remote = database(project).await?;
        let value = secret::reveal(&project.cx, &password).await?;
        let bound = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, self.port.unwrap_or(0))).await;
        let listened = bound.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (port, listener) = listened.map_err(|error| {
            Failure::about(Subject::activity("listen on a port of this machine"), error.to_string())
        })?;
        let forward = Forward::new(&project.cx, Tasks::of(&project.cx, &name, &live), remote, None);
        let ((say, mut said), (stop, stopped)) = (mpsc::unbounded_channel(), oneshot::channel::<()>());
        let serving = forward.serve(&listener, say, async { drop(stopped.await) });
        tokio::pin!(serving);
        let running = async {
            while let Some(said) = said.recv().await {
                if let Said::Through(task) = said {
                    output.status(&format!("Connecting through task {task} of {name}."));
                    break;
                }
            }
            self.psql(port, &user, value).await
        };
        let ended = tokio::select! {
            failed = &mut serving => {
                failed?;
                return Ok(exit::FAILED);
            }
            ended = running => ended?,
        };
        drop(stop);
        serving.await?;
        Ok(ended)
    }

    async fn way(&self, project: &Project, bastion: &Bastion) -> Result<Way, Stop> {
        let (user, password) = self.database_user(&project.stack)?;
        let login = self.bastion_user(bastion)?;
        let host: instance::Live = find(project, "db connect", &Address::new("instance", "bastion")).await?;
        let address = Address::new("db_instance", "database");
        let database: db_instance::Live = find(project, "db connect", &address).await?;
        let (Some(bastion), Some(host)) = (host.public_ip, database.host) else {
            return Err(Failure::about(Subject::command("db connect"), "the bastion or the database is not ready")
                .hint("run `stackctl status` to see their state")
                .into());
        };
        let port = free_port(self.port)?;
        let host_port = database.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(blueprint::DATABASE_PORT);
        Ok(Way { login, bastion, host, host_port, port, user, password })
    }

    fn database_user(&self, stack: &Stack) -> Result<(String, Address), Stop> {
        let database = stack.database.as_ref();
        let users = database.map(|database| database.users.as_slice()).unwrap_or_default();
        let chosen = match &self.user {
            Some(name) => users.iter().find(|user| user.name == *name),
            None => database.and_then(|database| database.first_owner()),
        };
        match (&self.user, chosen) {
            (_, Some(user)) => Ok((user.name.clone(), blueprint::database_password(&user.name))),
            (None, None) => Ok(blueprint::master()),
            (Some(name), None) if *name == blueprint::master().0 => Ok(blueprint::master()),
            (Some(name), None) => {
                let known: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
                let hint = format!("users: {}", [known.as_slice(), &[&blueprint::master().0]].concat().join(", "));
                Err(Stop::usage(format!("the database has no user `{name}`"), hint))
            }
        }
    }

    fn bastion_user(&self, bastion: &Bastion) -> Result<String, Stop> {
        let known: Vec<&str> = bastion.users.keys().map(String::as_str).collect();
        let own = std::env::var("USER").unwrap_or_default();
        match &self.login {
            Some(name) if known.contains(&name.as_str()) => Ok(name.clone()),
            None if known.contains(&own.as_str()) => Ok(own),
            None if known.len() == 1 => Ok(known[0].to_owned()),
            Some(name) => {
                Err(Stop::usage(format!("the bastion has no user `{name}`"), format!("users: {}", known.join(", "))))
            }
            None => Err(Stop::usage(
                "the bastion has several users, and none has your login name",
                format!("name the user: --as {}", known.join(" or --as ")),
            )),
        }
    }
}

impl Way {
    fn ssh(&self) -> Vec<String> {
        let forward = format!("127.0.0.1:{}:{}:{}", self.port, self.host, self.host_port);
        // A new bastion has a new address with its new host key.
        let options = ["-o", "ExitOnForwardFailure=yes", "-o", "StrictHostKeyChecking=accept-new"].map(str::to_owned);
        let own = ["-N".to_owned(), "-L".to_owned(), forward, format!("{}@{}", self.login, self.bastion)];
        options.into_iter().chain(own).collect()
    }

    fn print(&self, secret: &str, output: &Output) {
        let psql = psql_command(self.port, &self.user);
        let ssh = format!("ssh {}", self.ssh().join(" "));
        let password = password_command(secret);
        if output.is_json() {
            output.document(&serde_json::json!({ "tunnel": ssh, "password": password, "psql": psql }));
            return;
        }
        output.data(&format!(
            "The database is private and reachable through the bastion. Open a tunnel in one terminal:\n\n    \
             {ssh}\n\nThen run psql in another terminal. It asks for the password of {}:\n\n    {psql}\n\nThe \
             password is in this secret:\n\n    {password}",
            self.user,
        ));
    }

    /// Opens the tunnel, which closes when the returned process is dropped.
    async fn open(&self, output: &Output) -> Result<Child, Stop> {
        output.status(&format!("Opening a tunnel through {}@{}.", self.login, self.bastion));
        // Ctrl-C is for psql. ssh keeps ignoring the signal because it is ignored when ssh starts.
        let mut ssh = Command::new("sh");
        ssh.args(["-c", "trap '' INT; exec ssh \"$@\"", "ssh"]);
        ssh.args(self.ssh()).stdin(Stdio::null()).kill_on_drop(true);
        let mut tunnel = ssh.spawn().map_err(|error| {
            Failure::about(Subject::program("sh"), format!("cannot run: {error}"))
                .hint("`stackctl db connect` uses it to run ssh")
        })?;
        let deadline = Instant::now() + OPENING.0;
        loop {
            let opened = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok();
            // Check this first: if ssh has exited, another program is listening on the port.
            if let Ok(Some(status)) = tunnel.try_wait() {
                let hint = match status.code() {
                    Some(NOT_FOUND) => "install the OpenSSH client (Debian: openssh-client)",
                    _ => "check that `bastion.allow` contains your IP address, and that your key belongs to the user",
                };
                let failure =
                    Failure::about(Subject::program("ssh"), format!("ended before the tunnel was open: {status}"));
                return Err(failure.hint(hint).into());
            }
            if opened {
                return Ok(tunnel);
            }
            if Instant::now() > deadline {
                return Err(Failure::about(
                    Subject::program("ssh"),
                    format!("timed out after {} s without a tunnel", OPENING.0.as_secs()),
                )
                .hint("check that `bastion.allow` contains your IP address: this is the usual cause")
                .into());
            }
            sleep(OPENING.1).await;
        }
    }
}

fn code(ended: ExitStatus) -> u8 {
    ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::FAILED)
}

fn no_psql(error: &std::io::Error) -> Failure {
    Failure::about(Subject::program("psql"), format!("cannot run: {error}"))
        .hint("install the PostgreSQL client (Debian: postgresql-client), or run `stackctl db connect --print`")
}

fn print_through(port: Option<u16>, user: &str, secret: &str, output: &Output) {
    let port = port.unwrap_or(blueprint::DATABASE_PORT);
    let (forward, psql) = (format!("stackctl forward database {port}"), psql_command(port, user));
    let password = password_command(secret);
    if output.is_json() {
        output.document(&serde_json::json!({ "tunnel": forward, "password": password, "psql": psql }));
        return;
    }
    output.data(&format!(
        "The database is private and reachable from the tasks of the services. Forward a port in one terminal:\n\n  \
           {forward}\n\nThen run psql in another terminal. It asks for the password of {user}:\n\n    {psql}\n\nThe \
         password is in this secret:\n\n    {password}",
    ));
}

fn no_way() -> Stop {
    Stop::usage(
        "cannot reach the private database: the stack has no bastion and no service with `exec: true`",
        "add `exec: true` to a service, or `bastion: { users: { you: { ssh_key: … } }, allow: [your address/32] }`, \
         to stack.yaml and run `stackctl up`; or use a command of the application: stackctl run SERVICE -- COMMAND",
    )
}

/// Returns the port `wanted`, or any free port. A port in use is refused, because psql would send the password to
/// whatever listens there.
fn free_port(wanted: Option<u16>) -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted.unwrap_or(0)));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| {
        let port = wanted.map_or_else(|| "a free port".to_owned(), |port| format!("port {port}"));
        Failure::about(Subject::command("db connect"), format!("cannot use {port} of this machine: {error}"))
            .hint("choose another port with --port N, or omit --port to use a free port")
    })
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    assert!(free_port(Some(port)).is_err_and(|failure| failure.to_string().contains(&port.to_string())));
    assert!(free_port(None).is_ok());
}
