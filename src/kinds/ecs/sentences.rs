//! Sentences that programs are known to fail with: how each is printed, what it means on AWS, and what helps. Data, and how a line
//! is compared with it; when a task is explained by one is for [`super::task_end`] to say.
//!
//! The page docs/guides/troubleshooting/starting.md has the same table, which a test below holds against this one.

/// A sentence, with its meaning and the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// A line as a program prints it, for the page and the tests.
    example: &'static str,
    /// The forms that it has, in lower case, each within one line. `…` is any text, `<1024>` a port below 1024, and `$` at the
    /// end the end of the line; `^` at the front is its beginning.
    forms: &'static [&'static str],
    /// What another line must not have, in the same notation: it shows that the sentence tells nothing.
    unless: &'static [&'static str],
    /// When it tells something.
    when: When,
    /// What it means, as a sentence.
    pub(crate) cause: &'static str,
    /// What to do, as sentences.
    pub(crate) fix: &'static str,
    /// The same for a task of stackctl's own beside the database, which has no program of the user's.
    pub(crate) of_psql: Option<(&'static str, &'static str)>,
}

/// When a sentence tells why a task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// However it failed.
    Always,
    /// The load balancer found it unhealthy.
    Unhealthy,
    /// The load balancer got no answer from it.
    Unanswered,
}

/// How a task failed, as far as a sentence depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// By itself, or before it could start.
    ByItself,
    /// The load balancer found it unhealthy; whether it has answered anything.
    Unhealthy { answered: bool },
}

/// The table. The first sentence that is found counts: what a program says because of another failure comes after that.
const SENTENCES: &[Sentence] = &[
    // libpq goes on without TLS after this, and is then refused for that as well.
    // https://www.postgresql.org/docs/current/client-authentication-problems.html
    Sentence {
        example: r#"FATAL: password authentication failed for user "postgres""#,
        forms: &["password authentication failed for user"],
        unless: &[],
        when: When::Always,
        cause: "The database rejects the password that the program sends.",
        fix: "Connect with DATABASE_URL unchanged. To give a user of `database.users` a new password, also in the \
              database, run `stackctl secrets rotate database.NAME`. If somebody changed the master password in RDS, \
              set it there to the value in Secrets Manager.",
        of_psql: Some((
            "The database rejects the master password: somebody changed it in RDS.",
            "Set it in RDS to the value in Secrets Manager",
        )),
    },
    // Before PostgreSQL 14 the end is "SSL off".
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html
    Sentence {
        example: r#"FATAL: no pg_hba.conf entry for host "10.20.0.7", user "postgres", database "app", no encryption"#,
        forms: &["no pg_hba.conf entry for host…no encryption", "no pg_hba.conf entry for host…ssl off"],
        unless: &[],
        when: When::Always,
        cause: "The program connects to the database without TLS, which RDS rejects since PostgreSQL 15.",
        fix: "Keep PGSSLMODE and PGSSL as stackctl sets them, and connect with DATABASE_URL unchanged. If the driver \
              ignores these variables, enable TLS in the program.",
        of_psql: None,
    },
    // https://docs.sqlalchemy.org/en/20/core/engines.html#postgresql
    Sentence {
        example: "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres",
        forms: &["can't load plugin: sqlalchemy.dialects:postgres$"],
        unless: &[],
        when: When::Always,
        cause: "SQLAlchemy expects a URL that begins with `postgresql://`; this one begins with `postgres://`.",
        fix: "Run `stackctl up`, which writes DATABASE_URL with `postgresql://`. Correct the scheme of any other \
              URL.",
        of_psql: None,
    },
    Sentence {
        example: "sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgresql.asyncpg",
        forms: &["can't load plugin: sqlalchemy.dialects:"],
        unless: &[],
        when: When::Always,
        cause: "The URL of the database names a dialect or driver that is not installed in this image.",
        fix: "Install the package of the driver in the image, or correct the scheme of the URL.",
        of_psql: None,
    },
    // https://github.com/celery/celery/blob/main/celery/backends/redis.py
    Sentence {
        example: "ValueError: A rediss:// URL must have parameter ssl_cert_reqs and this must be set to CERT_REQUIRED, \
                  CERT_OPTIONAL, or CERT_NONE",
        forms: &["a rediss:// url must have parameter"],
        unless: &[],
        when: When::Always,
        cause: "Celery accepts a `rediss://` URL only with the parameter `ssl_cert_reqs`, which is missing.",
        fix: "Run `stackctl up`, which writes REDIS_URL with `?ssl_cert_reqs=required`, and use it unchanged. If the \
              program builds the URL, append the same parameter.",
        of_psql: None,
    },
    // https://pkg.go.dev/github.com/redis/go-redis/v9#ParseURL
    Sentence {
        example: "panic: redis: unexpected option: ssl_cert_reqs",
        forms: &["redis: unexpected option: ssl_cert_reqs"],
        unless: &[],
        when: When::Always,
        cause: "go-redis rejects unknown parameters, and REDIS_URL has one that Celery needs.",
        fix: "Parse the part before the question mark: `address, _, _ := strings.Cut(url, \"?\")`. go-redis checks \
              the certificate without the parameter.",
        of_psql: None,
    },
    // libpq, Python, Go.
    // https://www.postgresql.org/docs/current/libpq-ssl.html#LIBQ-SSL-CERTIFICATES
    Sentence {
        example: r#"root certificate file "/etc/stackctl/rds-ca.pem" does not exist"#,
        forms: &[
            "root certificate file \"/etc/stackctl/rds-ca.pem\" does not exist",
            "rds-ca.pem: no such file or directory",
            "no such file or directory: '/etc/stackctl/rds-ca.pem'",
        ],
        unless: &[],
        when: When::Always,
        cause: "The image does not contain Amazon's certificate authorities for RDS: an earlier version of stackctl \
                built it.",
        fix: "Run `stackctl deploy` to build the image again.",
        of_psql: None,
    },
    // Node.js and OpenSSL, of which version 1 writes "self signed"; Go says "unknown authority".
    // https://docs.openssl.org/master/man1/openssl-verification-options/,
    // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
    Sentence {
        example: "Error: self-signed certificate in certificate chain",
        forms: &[
            "unable to verify the first certificate",
            "self-signed certificate in certificate chain",
            "self signed certificate in certificate chain",
            "error: self-signed certificate",
            "certificate verify failed",
            "unable to get local issuer certificate",
            "certificate signed by unknown authority",
        ],
        unless: &[],
        when: When::Always,
        cause: "The program checks a server's certificate and does not trust its issuer. Amazon's own authority for \
                RDS issues the certificate of the database, and images do not include it.",
        fix: "In an image that stackctl builds, PGSSLROOTCERT and NODE_EXTRA_CA_CERTS point to that authority in \
              /etc/stackctl/rds-ca.pem: do not set them under `env`, or name the file in the program. For an \
              `image`, add https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem to it and set the \
              variables under `env`. For any other server, install the public authorities in the image \
              (`ca-certificates`).",
        of_psql: None,
    },
    // Node.js, Python, Ruby, Go and Rust all end in the system's own text.
    // https://man7.org/linux/man-pages/man3/errno.3.html
    Sentence {
        example: "OSError: [Errno 30] Read-only file system: '/app/cache'",
        forms: &["read-only file system"],
        unless: &[],
        when: When::Always,
        cause: "The program writes a file, but the root file system of an image built from a Cargo package is \
                read-only, including /tmp.",
        fix: "Write to standard output, to the database or to a bucket (`buckets`). Keep temporary files in memory \
              (`tmpfs: { /tmp: 64 }`) and permanent files on a volume (`volumes`). Or build with a Dockerfile \
              (`build: { dockerfile: Dockerfile }`): the root file system is then writable.",
        of_psql: None,
    },
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
    Sentence {
        example: "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve \
                  \"fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com\"",
        forms: &["failed to invoke efs utils commands"],
        unless: &[],
        when: When::Always,
        cause: "The task could not mount a volume: its mount target is missing, blocks the task or is not yet \
                visible everywhere, or the VPC does not resolve DNS names.",
        fix: "Run `stackctl up` to create what is missing and restart the tasks. In an existing VPC (`network.vpc`), \
              enable `enableDnsSupport` and `enableDnsHostnames`.",
        of_psql: None,
    },
    // Node.js, nginx, Go, Python's asyncio, Apache, Puma, gunicorn.
    // https://man7.org/linux/man-pages/man7/ip.7.html
    Sentence {
        example: "Error: listen EACCES: permission denied 0.0.0.0:80",
        forms: &[
            "eacces: permission denied …:<1024>",
            "bind() to …:<1024> failed (13: permission denied)",
            "listen tcp…:<1024>: bind: permission denied",
            "error while attempting to bind on address (…, <1024>…permission denied",
            "permission denied: …could not bind to address …:<1024>",
            "permission denied - bind(2) for …port <1024>",
            "can't connect to ('…', <1024>)",
        ],
        unless: &[],
        when: When::Always,
        cause: "The program listens on a port below 1024, which requires root, but does not run as root.",
        fix: "Set `port: 8080` in stack.yaml, and listen on the port in PORT. The load balancer still listens on 80 \
              and 443.",
        of_psql: None,
    },
    // https://repost.aws/knowledge-center/ecs-task-exec-format-error,
    // https://github.com/opencontainers/runc/issues/1773
    Sentence {
        example: "exec /usr/local/bin/docker-entrypoint.sh: exec format error",
        forms: &["exec format error"],
        unless: &[],
        when: When::Always,
        cause: "The image is for another CPU architecture than the service, or its program is a script without a \
                `#!` line.",
        fix: "Set `arch` in stack.yaml to the architecture of the image, or build the image with `build`. Begin a \
              script with `#!/bin/sh`.",
        of_psql: None,
    },
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
    Sentence {
        example: "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
        forms: &["does not contain descriptor matching platform"],
        unless: &[],
        when: When::Always,
        cause: "The image does not exist for the CPU architecture of the service.",
        fix: "Set `arch` in stack.yaml to the architecture of the image, or use a multi-platform image.",
        of_psql: None,
    },
    // The log has the first two, ECS's reason the others.
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cannot-start-container.html
    Sentence {
        example: "exec /app/start.sh: no such file or directory",
        forms: &[
            "^exec …: no such file or directory",
            "exec user process caused…no such file or directory",
            "exec: \"…\": stat …: no such file or directory",
            "exec: \"…\": executable file not found in $path",
        ],
        unless: &[],
        when: When::Always,
        cause: "The image lacks the program, or what the program needs to run: the interpreter in the `#!` line of a \
                script (also if the line ends with CRLF), or a C library (such as glibc in an Alpine image).",
        fix: "Check `entrypoint`, `command` and `release` in stack.yaml against the files in the image. Save scripts \
              with LF line endings.",
        of_psql: None,
    },
    // https://nodejs.org/en/learn/diagnostics/memory/understanding-and-tuning-memory
    Sentence {
        example: "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        forms: &["javascript heap out of memory"],
        unless: &[],
        when: When::Always,
        cause: "The program needs more memory than Node.js allows, which is only a part of the task's memory.",
        fix: "Raise `memory` in stack.yaml. To let Node.js use more of it, set `NODE_OPTIONS: \
              --max-old-space-size=MEBIBYTES` under `env`.",
        of_psql: None,
    },
    // Rails 7.1 and later; "Blocked host" before.
    // https://guides.rubyonrails.org/configuring.html#actiondispatch-hostauthorization,
    // https://github.com/mastodon/mastodon/issues/20238
    Sentence {
        example: "[ActionDispatch::HostAuthorization::DefaultResponseApp] Blocked hosts: 10.20.0.7:3000",
        forms: &["hostauthorization…blocked hosts:", "hostauthorization…blocked host:"],
        unless: &[],
        when: When::Unhealthy,
        cause: "Rails rejects the health check: the load balancer sends the task's address as the Host header, which \
                is not in `config.hosts`.",
        fix: "Exclude the path of `health` from the host check in config/environments/production.rb: \
              `config.host_authorization = { exclude: ->(request) { request.path == \"/up\" } }`.",
        of_psql: None,
    },
    // https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts
    Sentence {
        example: "Invalid HTTP_HOST header: '10.20.0.7:8000'. You may need to add '10.20.0.7' to ALLOWED_HOSTS.",
        forms: &["invalid http_host header: "],
        unless: &[],
        when: When::Unhealthy,
        cause: "Django rejects the health check: the load balancer sends the task's address as the Host header, \
                which is not in ALLOWED_HOSTS.",
        fix: "Answer the path of `health` in the first middleware, or add the task's own address to ALLOWED_HOSTS: \
              `socket.gethostbyname(socket.gethostname())`.",
        of_psql: None,
    },
    // Fastify, gunicorn, Puma, uvicorn, Flask, Django, ASP.NET Core, Rocket and Vite. Those that listen everywhere print 127.0.0.1
    // as well, beside another address.
    Sentence {
        example: "INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
        forms: &[
            "listening …127.0.0.1:",
            "listening …[::1]:",
            "running …127.0.0.1:",
            "starting development server at http://127.0.0.1:",
            "launched from http://127.0.0.1:",
            "now listening on: http://localhost:",
            "use --host to expose",
        ],
        unless: &["0.0.0.0", "[::]", "all addresses", "//10.", "//172.", "//192.168."],
        when: When::Unanswered,
        cause: "The program listens on 127.0.0.1, which is unreachable from outside the task.",
        fix: "Listen on 0.0.0.0 and on the port in PORT.",
        of_psql: None,
    },
];

/// The sentence of the table that one of `lines` has, of a task that `failed` in this way.
pub(crate) fn find<'a>(lines: impl IntoIterator<Item = &'a str>, failed: Failed) -> Option<&'static Sentence> {
    let lines: Vec<String> = lines.into_iter().map(str::to_lowercase).collect();
    let has = |forms: &[&str]| lines.iter().any(|line| forms.iter().any(|form| is_in(line, form)));
    SENTENCES.iter().find(|sentence| sentence.when.holds(failed) && has(sentence.forms) && !has(sentence.unless))
}

impl When {
    fn holds(self, failed: Failed) -> bool {
        match self {
            Self::Always => true,
            Self::Unhealthy => matches!(failed, Failed::Unhealthy { .. }),
            Self::Unanswered => failed == Failed::Unhealthy { answered: false },
        }
    }
}

/// Whether `line` has `form`: its parts, one after the other.
fn is_in(line: &str, form: &str) -> bool {
    let (form, is_first) = form.strip_prefix('^').map_or((form, false), |form| (form, true));
    let (form, is_last) = form.strip_suffix('$').map_or((form, false), |form| (form, true));
    let mut rest = line.trim_end();
    for (at, part) in form.split('…').enumerate() {
        if at == 0 && is_first && !rest.starts_with(part) {
            return false;
        }
        let Some(after) = after(rest, part) else { return false };
        rest = after;
    }
    !is_last || rest.is_empty()
}

/// What comes after the first `part` in `text`.
fn after<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    let Some((before, behind)) = part.split_once("<1024>") else {
        return text.split_once(part).map(|(_, after)| after);
    };
    text.match_indices(before).find_map(|(at, _)| {
        let rest = &text[at + before.len()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let is_low = rest[..digits].parse::<u16>().is_ok_and(|port| (1..1024).contains(&port));
        rest[digits..].strip_prefix(behind).filter(|_| is_low)
    })
}

#[cfg(test)]
mod tests;
