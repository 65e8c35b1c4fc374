//! Tests every source of credentials that the SDK documents, against a local server in place of AWS. The server
//! refuses every call and records the key that signed it.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::json;
use tempfile::TempDir;

/// The expiry of all credentials, far in the future.
const EXPIRES: &str = "2099-01-01T00:00:00Z";

/// A secret key that no message may contain.
const SECRET: &str = "the-secret-half-of-a-key";

/// A key like those of `aws login`: an elliptic curve key that is worth nothing.
const DPOP_KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49\nAwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t\ndjiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==\n-----END EC PRIVATE KEY-----\n";

/// A server in place of AWS and of the sources of credentials.
struct Server {
    address: String,
    /// The ids of the access keys that signed calls.
    signed_by: Arc<Mutex<BTreeSet<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has one").to_string();
        let signed_by = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&signed_by);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || while serve(&stream, &seen).is_some() {});
            }
        });
        Self { address, signed_by }
    }
}

/// Answers one request. Returns `None` at the end of the connection.
fn serve(stream: &TcpStream, signed_by: &Mutex<BTreeSet<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.clone().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let given = source(path, &body, &|name| header(name));
    let (status, answer) = if let Some(answer) = given {
        ("200 OK", answer)
    } else {
        let signed = header("authorization").unwrap_or_default();
        let credential = signed.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
        signed_by.lock().expect("nobody panics while holding this").extend(credential.map(str::to_owned));
        let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error><RequestId>r</RequestId>";
        ("403 Forbidden", format!("<ErrorResponse>{error}</ErrorResponse>"))
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .ok()
}

/// Returns the response of a source of credentials, or `None` for a call to another service.
fn source(path: &str, body: &str, header: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let keys = |id: &str| {
        json!({ "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2024-01-01T00:00:00Z", "AccessKeyId": id,
            "SecretAccessKey": SECRET, "Token": "t", "Expiration": EXPIRES, "AccountId": "123456789012" })
        .to_string()
    };
    let assumed = |action: &str, id: &str| {
        format!(
            "<{action}Response><{action}Result><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{SECRET}\
             </SecretAccessKey><SessionToken>t</SessionToken><Expiration>{EXPIRES}</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>a:b</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/a/b</Arn>\
             </AssumedRoleUser></{action}Result></{action}Response>"
        )
    };
    match path.split('?').next().unwrap_or_default() {
        _ if body.contains("Action=AssumeRoleWithWebIdentity&") => {
            body.contains("WebIdentityToken=of-a-pipeline").then(|| assumed("AssumeRoleWithWebIdentity", "AKIAWEB"))
        }
        _ if body.contains("Action=AssumeRole&") => {
            let by = header("authorization").unwrap_or_default();
            by.contains("Credential=AKIABASE/").then(|| assumed("AssumeRole", "AKIAROLE"))
        }
        "/container" => (header("authorization")? == "Bearer of-a-task").then(|| keys("AKIACONTAINER")),
        "/latest/api/token" => Some("of-an-instance".to_owned()),
        "/latest/meta-data/iam/security-credentials/" => Some("role".to_owned()),
        "/latest/meta-data/iam/security-credentials/role" => {
            (header("x-aws-ec2-metadata-token")? == "of-an-instance").then(|| keys("AKIAINSTANCE"))
        }
        "/federation/credentials" => (header("x-amz-sso_bearer_token")? == "of-a-person").then(|| {
            json!({ "roleCredentials": { "accessKeyId": "AKIASSO", "secretAccessKey": SECRET, "sessionToken": "t",
                "expiration": 4_070_908_800_000_u64 } })
            .to_string()
        }),
        _ => None,
    }
}

/// A home folder with a project in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("a folder"));
        home.write(
            "stack.yaml",
            "name: shop\nregion: eu-west-1\nnetwork: { nat: none }\nservices: { web: { image: nginx } }\n",
        );
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    }

    /// Runs `stackctl status` with these AWS variables and no others.
    fn status(&self, server: &Server, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
        command.arg("status").current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.0.path()).env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("NO_COLOR", "1").env("AWS_ENDPOINT_URL", format!("http://{}", server.address));
        command.envs(variables.iter().copied()).output().expect("the binary runs")
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const ELSEWHERE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

/// Asserts that `stackctl` signs its calls with the expected key, and with no other.
fn signs(home: &Home, variables: &[(&str, &str)], expected: &str) {
    let server = Server::start();
    let address = format!("http://{}", server.address);
    let variables: Vec<(&str, String)> =
        variables.iter().map(|(name, value)| (*name, value.replace("SERVER", &address))).collect();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let output = home.status(&server, &variables);
    let signed_by = server.signed_by.lock().expect("nobody panics while holding this").clone();
    assert_eq!(signed_by, BTreeSet::from([expected.to_owned()]), "{}", text(&output));
    assert!(!text(&output).contains(SECRET), "{}", text(&output));
}

#[test]
fn keys_in_the_environment_win_over_a_profile() {
    let home = Home::new();
    home.write(
        ".aws/credentials",
        &format!("[shop]\naws_access_key_id = AKIASHOP\naws_secret_access_key = {SECRET}\n"),
    );
    signs(&home, &[("AWS_PROFILE", "shop"), ELSEWHERE], "AKIASHOP");
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAHERE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    signs(&home, &[keys[0], keys[1], ("AWS_PROFILE", "shop"), ELSEWHERE], "AKIAHERE");
}

#[test]
fn a_profile_may_assume_a_role_or_run_a_program() {
    let home = Home::new();
    home.write(
        ".aws/credentials",
        &format!("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = {SECRET}\n"),
    );
    let program = home.path("give-keys");
    let given = json!({ "Version": 1, "AccessKeyId": "AKIAPROGRAM", "SecretAccessKey": SECRET, "Expiration": EXPIRES });
    home.write("give-keys", &format!("#!/bin/sh\necho '{given}'\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    home.write(
        ".aws/config",
        &format!(
            "[profile shop]\nrole_arn = arn:aws:iam::123456789012:role/shop\nsource_profile = base\nregion = eu-west-1\n\
             [profile program]\ncredential_process = {}\n",
            program.display()
        ),
    );
    signs(&home, &[("AWS_PROFILE", "shop"), ELSEWHERE], "AKIAROLE");
    signs(&home, &[("AWS_PROFILE", "program"), ELSEWHERE], "AKIAPROGRAM");
}

#[test]
fn signed_in_user_gets_credentials_from_a_profile() {
    let home = Home::new();
    // The file names are the SHA-1 of the session's name and the SHA-256 of the session's ARN.
    let token = json!({ "accessToken": "of-a-person", "expiresAt": EXPIRES, "region": "eu-west-1",
        "startUrl": "https://example.awsapps.com/start" });
    home.write(".aws/sso/cache/d25187dc137f35c88bc80ec8c3ffbdb17b5eb873.json", &token.to_string());
    let login = json!({
        "accessToken": { "accessKeyId": "AKIALOGIN", "secretAccessKey": SECRET, "sessionToken": "t",
            "accountId": "123456789012", "expiresAt": EXPIRES },
        "tokenType": "aws_sigv4", "refreshToken": "r", "identityToken": "i", "clientId": "aws:signin:::cli/same-device",
        "dpopKey": DPOP_KEY,
    });
    let name = "36db1d138ff460920374e4c3d8e01f53f9f73537e89c88d639f68393df0e2726";
    home.write(&format!(".aws/login/cache/{name}.json"), &login.to_string());
    home.write(
        ".aws/config",
        "[profile person]\nsso_session = team\nsso_account_id = 123456789012\nsso_role_name = shop\nregion = eu-west-1\n\
         [sso-session team]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n\
         sso_registration_scopes = sso:account:access\n\
         [profile console]\nlogin_session = arn:aws:iam::0123456789012:user/Admin\nregion = eu-west-1\n",
    );
    signs(&home, &[("AWS_PROFILE", "console"), ELSEWHERE], "AKIALOGIN");
    signs(&home, &[("AWS_PROFILE", "person"), ELSEWHERE], "AKIASSO");
}

#[test]
fn pipeline_task_and_instance_use_their_role() {
    let home = Home::new();
    home.write("token", "of-a-pipeline");
    let token = home.path("token");
    let token = token.to_str().expect("it is text");
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pipeline");
    signs(&home, &[("AWS_WEB_IDENTITY_TOKEN_FILE", token), role, ELSEWHERE], "AKIAWEB");
    let container = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "SERVER/container"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer of-a-task"),
    ];
    signs(&home, &[container[0], container[1], ELSEWHERE], "AKIACONTAINER");
    signs(&home, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "SERVER")], "AKIAINSTANCE");
}

#[test]
fn failing_credentials_are_reported_with_their_profile() {
    let home = Home::new();
    home.write(
        ".aws/config",
        "[profile shop]\nsso_session = team\nsso_account_id = 123456789012\nsso_role_name = shop\nregion = eu-west-1\n\
         [sso-session team]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n\
         [profile console]\nlogin_session = arn:aws:iam::0123456789012:user/Admin\nregion = eu-west-1\n",
    );
    home.write(
        ".aws/credentials",
        &format!("[keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = {SECRET}\n"),
    );
    let server = Server::start();
    let said = |profile: &str| text(&home.status(&server, &[("AWS_PROFILE", profile), ELSEWHERE]));
    let nobody = said("nobody");
    assert!(nobody.contains("profile `nobody`") && nobody.contains("~/.aws/config"), "{nobody}");
    assert!(nobody.contains("this profile does not exist") && !nobody.contains("Attempted"), "{nobody}");
    let half = text(&home.status(&server, &[("AWS_ACCESS_KEY_ID", "AKIAHALF"), ELSEWHERE]));
    assert!(half.contains("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"), "{half}");
    let expired = said("shop");
    assert!(expired.contains("profile `shop`") && expired.contains("`aws sso login --profile shop`"), "{expired}");
    let console = said("console");
    assert!(console.contains("profile `console`") && console.contains("`aws login --profile console`"), "{console}");
    let none = text(&home.status(&server, &[ELSEWHERE]));
    assert!(none.contains("no AWS credentials") && none.contains("AWS_PROFILE"), "{none}");
}
