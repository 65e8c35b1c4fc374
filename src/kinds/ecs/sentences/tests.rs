//! Tests of each known message as programs print it, of other lines, and of the page with the table.

use std::{fmt::Write, fs, path::Path};

use super::*;

const UNANSWERED: Failed = Failed::Unhealthy { answered: false };

/// Returns the example of the matching message.
fn found(lines: &[&str], failed: Failed) -> Option<&'static str> {
    find(lines.iter().copied(), failed).map(|sentence| sentence.example)
}

/// Returns the example that starts with `beginning`.
fn example(beginning: &str) -> &'static str {
    let mut examples = SENTENCES.iter().map(|sentence| sentence.example);
    examples.find(|example| example.starts_with(beginning)).expect("there is one")
}

#[test]
fn each_example_matches_its_own_message() {
    for Sentence { example, .. } in SENTENCES {
        assert_eq!(found(&["starting", example, "bye"], UNANSWERED), Some(*example));
    }
}

#[test]
fn messages_match_the_output_of_real_programs() {
    let certificate = "Error: self-signed certificate";
    for (line, wanted) in [
        // Databases and caches.
        (r#"pq: password authentication failed for user "app""#, "FATAL: password"),
        (
            r#"failed to connect: failed SASL auth (FATAL: password authentication failed for user "app" (SQLSTATE 28P01))"#,
            "FATAL: password",
        ),
        (r#"no pg_hba.conf entry for host "10.0.0.1", user "app", database "app", SSL off"#, "FATAL: no pg_hba"),
        ("sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres ", "sqlalchemy"),
        ("A rediss:// URL must have parameter ssl_cert_reqs and this must be set to CERT_REQUIRED", "ValueError"),
        ("failed to parse REDIS_URL: redis: unexpected option: ssl_cert_reqs", "panic: redis"),
        // Certificates.
        (
            r#"psycopg.OperationalError: connection failed: root certificate file "/etc/stackctl/rds-ca.pem" does not exist"#,
            "root certificate",
        ),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/etc/stackctl/rds-ca.pem'", "root certificate"),
        (
            "cannot parse `postgresql://app:xxxxxx@db/app`: failed to configure TLS (unable to read CA file: open \
             /etc/stackctl/rds-ca.pem: no such file or directory)",
            "root certificate",
        ),
        ("Error: unable to verify the first certificate", certificate),
        ("Error: unable to verify the first certificate; if the root CA is installed locally, try …", certificate),
        ("Error: self signed certificate in certificate chain", certificate),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain (_ssl.c:1006)",
            certificate,
        ),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", certificate),
        // Files.
        ("Error: EROFS: read-only file system, open '/app/cache.json'", "OSError"),
        ("Read-only file system @ rb_sysopen - /app/tmp/pids/server.pid (Errno::EROFS)", "OSError"),
        ("Error: Os { code: 30, kind: ReadOnlyFilesystem, message: \"Read-only file system\" }", "OSError"),
        ("open /tmp/cache: read-only file system", "OSError"),
        // Ports.
        ("Error: listen EACCES: permission denied :::443", "Error: listen"),
        ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)", "Error: listen"),
        ("2026/11/26 10:00:00 listen tcp :80: bind: permission denied", "Error: listen"),
        (
            "ERROR:    [Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied",
            "Error: listen",
        ),
        ("(13)Permission denied: AH00072: make_sock: could not bind to address 0.0.0.0:80", "Error: listen"),
        ("Permission denied - bind(2) for \"0.0.0.0\" port 80 (Errno::EACCES)", "Error: listen"),
        ("[2026-11-26 10:00:00 +0000] [1] [ERROR] Can't connect to ('0.0.0.0', 80)", "Error: listen"),
        // Programs that cannot be started.
        ("standard_init_linux.go:228: exec user process caused: exec format error", "exec /usr"),
        ("standard_init_linux.go:211: exec user process caused \"no such file or directory\"", "exec /app"),
        (
            "CannotStartContainerError: failed to create shim task: OCI runtime create failed: runc create failed: unable to start \
             container process: exec: \"migrate\": executable file not found in $PATH: unknown",
            "exec /app",
        ),
        (
            "unable to start container process: exec: \"/start.sh\": stat /start.sh: no such file or directory: unknown",
            "exec /app",
        ),
        ("FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - JavaScript heap out of memory", "FATAL ERROR"),
        // Hosts.
        ("[ActionDispatch::HostAuthorization::DefaultResponseApp] Blocked host: 10.0.5.23", "[ActionDispatch"),
        ("ERROR django.security.DisallowedHost Invalid HTTP_HOST header: '10.0.0.1'. You may …", "Invalid HTTP_HOST"),
        // Addresses.
        ("[2026-11-26 10:00:00 +0000] [1] [INFO] Listening at: http://127.0.0.1:8000 (1)", "INFO:"),
        (" * Running on http://127.0.0.1:5000", "INFO:"),
        ("* Listening on http://127.0.0.1:3000", "INFO:"),
        ("Starting development server at http://127.0.0.1:8000/", "INFO:"),
        (r#"{"level":30,"msg":"Server listening at http://127.0.0.1:3000"}"#, "INFO:"),
        ("      Now listening on: http://localhost:5000", "INFO:"),
        ("Rocket has launched from http://127.0.0.1:8000", "INFO:"),
        ("listening on 127.0.0.1:8080", "INFO:"),
        ("  ➜  Network: use --host to expose", "INFO:"),
    ] {
        assert_eq!(found(&[line], UNANSWERED), Some(example(wanted)), "{line}");
    }
}

#[test]
fn other_lines_match_no_message() {
    for lines in [
        &["listening on 0.0.0.0:3000"][..],
        &["Error: listen EACCES: permission denied 0.0.0.0:8080", "open /etc/shadow: permission denied"],
        &["listen tcp :80: bind: address already in use"],
        &["exec: open /data: no such file or directory", "open config.yaml: no such file or directory"],
        &["Generated a self-signed certificate for localhost", "ALLOWED_HOSTS is *"],
        &[" * Running on all addresses (0.0.0.0)", " * Running on http://127.0.0.1:5000"],
        &["Server listening at http://127.0.0.1:3000", "Server listening at http://10.20.0.7:3000"],
        &[],
    ] {
        assert_eq!(found(lines, UNANSWERED), None, "{lines:?}");
    }
}

#[test]
fn messages_match_only_failures_they_can_cause() {
    let (host, local) = (example("[ActionDispatch"), example("INFO:"));
    for (line, failed, expected) in [
        (host, Failed::ByItself, false),
        (host, Failed::Unhealthy { answered: true }, true),
        (local, Failed::ByItself, false),
        (local, Failed::Unhealthy { answered: true }, false),
        (local, UNANSWERED, true),
    ] {
        assert_eq!(found(&[line], failed).is_some(), expected, "{line} {failed:?}");
    }
}

#[test]
fn password_error_takes_precedence_over_missing_tls() {
    let (password, plain) = (example("FATAL: password"), example("FATAL: no pg_hba"));
    assert_eq!(found(&[password, plain], Failed::ByItself), Some(password));
    assert_eq!(found(&[plain], Failed::ByItself), Some(plain));
}

#[test]
fn generated_files_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/troubleshooting/starting.md");
    let (begin, end) = ("<!-- sentences: begin -->\n", "<!-- sentences: end -->");
    let page = fs::read_to_string(&path).expect("it can be read");
    let (before, rest) = page.split_once(begin).expect("the page has the mark where the table begins");
    let (table, after) = rest.split_once(end).expect("the page has the mark where the table ends");
    let mut now = "\n| in the log | likely cause | what to do |\n| --- | --- | --- |\n".to_owned();
    for Sentence { example, cause, fix, .. } in SENTENCES {
        assert!(!format!("{example}{cause}{fix}").contains('|'), "{example} fits into a table");
        writeln!(now, "| `{example}` | {cause} | {fix} |").expect("a text takes all");
    }
    now.push('\n');
    if std::env::var_os("STACKCTL_GENERATE").is_some() {
        fs::write(&path, format!("{before}{begin}{now}{end}{after}")).expect("it can be written");
    } else {
        assert_eq!(table, now, "docs/guides/troubleshooting/starting.md is out of date: run `make generate`");
    }
}
