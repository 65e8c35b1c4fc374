//! ElastiCache: each replication group is a real Valkey or Redis server with the states, the password, the encryption
//! and the deletion of AWS.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use support::{Answer, Sandbox, network, until};

const TOKEN: &str = "Sixteen-or-more-characters";

/// Starts a sandbox with a cache subnet group.
async fn with_subnet_group() -> Sandbox {
    let sandbox = Sandbox::start().await;
    let (_, subnets) = network(&sandbox).await;
    let group = [
        ("CacheSubnetGroupName", "private"),
        ("CacheSubnetGroupDescription", "private"),
        ("SubnetIds.SubnetIdentifier.1", subnets[0].as_str()),
        ("SubnetIds.SubnetIdentifier.2", subnets[1].as_str()),
    ];
    sandbox.query("elasticache", "CreateCacheSubnetGroup", &group).await.ok();
    let again = sandbox.query("elasticache", "CreateCacheSubnetGroup", &group).await;
    assert_eq!(again.code(), "CacheSubnetGroupAlreadyExists");
    sandbox
}

/// Creates a cache with the usual parameters and `changes`.
async fn create(sandbox: &Sandbox, changes: &[(&str, &str)]) -> Answer {
    let usual = [
        ("ReplicationGroupId", "main"),
        ("ReplicationGroupDescription", "sessions"),
        ("Engine", "valkey"),
        ("EngineVersion", "8.0"),
        ("CacheNodeType", "cache.t4g.micro"),
        ("NumCacheClusters", "1"),
        ("AtRestEncryptionEnabled", "true"),
        ("TransitEncryptionEnabled", "true"),
        ("AuthToken", TOKEN),
        ("CacheSubnetGroupName", "private"),
        ("Tags.Tag.1.Key", "of"),
        ("Tags.Tag.1.Value", "us"),
    ];
    let kept = usual.into_iter().filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    let params: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
    sandbox.query("elasticache", "CreateReplicationGroup", &params).await
}

async fn describe(sandbox: &Sandbox) -> Answer {
    sandbox.query("elasticache", "DescribeReplicationGroups", &[]).await.ok()
}

async fn until_available(sandbox: &Sandbox) -> Answer {
    until("the cache is available", async || {
        let answer = describe(sandbox).await;
        (answer.element("Status").as_deref() == Some("available")).then_some(answer)
    })
    .await
}

async fn delete(sandbox: &Sandbox) -> Answer {
    sandbox.query("elasticache", "DeleteReplicationGroup", &[("ReplicationGroupId", "main")]).await
}

/// Sends these commands, one per line, over TLS as a client that trusts the sandbox's authority. Returns the server's
/// replies.
fn ask(sandbox: &Sandbox, address: &str, commands: &[&str]) -> String {
    let authority = std::fs::read(sandbox.dir().join("authority.pem")).expect("it is in the sandbox's folder");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority).expect("it is PEM")).expect("it is an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("there are versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(address.to_owned()).expect("it is an address");
    let tls = ClientConnection::new(Arc::new(config), name).expect("it is configured");
    let mut stream = StreamOwned::new(tls, connect(address));
    let text = format!("{}\r\nQUIT\r\n", commands.join("\r\n"));
    stream.write_all(text.as_bytes()).expect("it takes commands");
    let mut answer = String::new();
    // The server may close without a TLS close notification, after a complete reply.
    drop(stream.read_to_string(&mut answer));
    answer
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect((address, 6379)).expect("it listens on its own port");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time can be set");
    stream
}

#[tokio::test]
async fn cache_is_a_real_server_until_it_is_deleted() {
    let sandbox = with_subnet_group().await;
    let created = create(&sandbox, &[]).await.ok();
    assert_eq!((created.id("Status").as_str(), created.element("Address")), ("creating", None));
    assert_eq!(create(&sandbox, &[]).await.code(), "ReplicationGroupAlreadyExists");
    // Neither its tags nor its settings can change meanwhile, and it cannot be deleted.
    let tags = [("ResourceName", created.id("ARN"))];
    let tags = [(tags[0].0, tags[0].1.as_str())];
    let busy = "InvalidReplicationGroupState";
    assert_eq!(sandbox.query("elasticache", "ListTagsForResource", &tags).await.code(), busy);
    assert_eq!(delete(&sandbox).await.code(), busy);

    let there = until_available(&sandbox).await;
    let listed = sandbox.query("elasticache", "ListTagsForResource", &tags).await.ok();
    assert_eq!((listed.id("Key"), listed.id("Value")), ("of".to_owned(), "us".to_owned()));
    let address = there.id("Address");
    let auth = format!("AUTH {TOKEN}");
    let counted = ask(&sandbox, &address, &[&auth, "INCR hits", "INCR hits"]);
    assert!(counted.starts_with("+OK\r\n:1\r\n:2\r\n"), "{counted}");
    assert!(ask(&sandbox, &address, &["INCR hits"]).starts_with("-NOAUTH"), "nobody without the password");
    assert!(ask(&sandbox, &address, &["AUTH another-password-of-mine"]).starts_with("-WRONGPASS"));
    assert!(ask(&sandbox, &address, &[&auth, "CONFIG GET dir"]).contains("-ERR unknown command"));
    let mut plain = connect(&address);
    plain.write_all(b"PING\r\n").expect("it takes what comes");
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"+") && !answer.starts_with(b"-"), "nothing without TLS: {answer:?}");
    for line in sandbox.processes() {
        assert!(!line.contains(TOKEN), "the password can be read by all: {line}");
    }
    assert_eq!(servers_of(&sandbox).len(), 1);

    delete(&sandbox).await.ok();
    assert_eq!(describe(&sandbox).await.id("Status"), "deleting");
    let group = [("CacheSubnetGroupName", "private")];
    let in_use = sandbox.query("elasticache", "DeleteCacheSubnetGroup", &group).await;
    assert_eq!(in_use.code(), "CacheSubnetGroupInUse");
    until("the cache is gone", async || describe(&sandbox).await.element("Status").is_none().then_some(())).await;
    let nodes = sandbox.query("elasticache", "DescribeCacheClusters", &[]).await.ok();
    assert_eq!(nodes.element("CacheClusterId"), None);
    sandbox.query("elasticache", "DeleteCacheSubnetGroup", &group).await.ok();
    let gone = sandbox.query("elasticache", "DeleteCacheSubnetGroup", &group).await;
    assert_eq!(gone.code(), "CacheSubnetGroupNotFoundFault");
    assert_eq!(servers_of(&sandbox), [""; 0]);
    assert!(!sandbox.dir().join("caches/main").exists());
}

#[tokio::test]
async fn recreated_cache_keeps_its_address_and_is_empty() {
    let sandbox = with_subnet_group().await;
    create(&sandbox, &[]).await.ok();
    let address = until_available(&sandbox).await.id("Address");
    let auth = format!("AUTH {TOKEN}");
    assert!(ask(&sandbox, &address, &[&auth, "SET kept yes"]).starts_with("+OK\r\n+OK\r\n"));
    delete(&sandbox).await.ok();
    until("the name is free", async || (create(&sandbox, &[]).await.status == 200).then_some(())).await;
    assert_eq!(until_available(&sandbox).await.id("Address"), address);
    assert!(ask(&sandbox, &address, &[&auth, "GET kept"]).starts_with("+OK\r\n$-1\r\n"));
}

#[tokio::test]
async fn change_starts_late_and_shows_as_pending_on_the_node() {
    let sandbox = with_subnet_group().await;
    create(&sandbox, &[]).await.ok();
    until_available(&sandbox).await;
    let change = async |changes: &[(&str, &str)]| {
        let named = [("ReplicationGroupId", "main"), ("ApplyImmediately", "true")];
        sandbox.query("elasticache", "ModifyReplicationGroup", &[named.as_slice(), changes].concat()).await
    };
    assert_eq!(change(&[("EngineVersion", "7.2")]).await.code(), "InvalidParameterCombination");
    let changed = change(&[("CacheNodeType", "cache.m7g.large"), ("EngineVersion", "8.2")]).await.ok();
    assert_eq!((changed.id("Status").as_str(), changed.id("CacheNodeType").as_str()), ("available", "cache.t4g.micro"));
    until("the change begins", async || (describe(&sandbox).await.id("Status") == "modifying").then_some(())).await;
    assert_eq!(change(&[("CacheNodeType", "cache.m7g.large")]).await.code(), "InvalidReplicationGroupState");
    let node = sandbox.query("elasticache", "DescribeCacheClusters", &[]).await.ok();
    let pending = node.id("PendingModifiedValues");
    assert!(pending.contains("cache.m7g.large") && pending.contains("8.2.0"), "{pending}");
    assert_eq!(until_available(&sandbox).await.id("CacheNodeType"), "cache.m7g.large");
    let node = sandbox.query("elasticache", "DescribeCacheClusters", &[]).await.ok();
    assert_eq!((node.id("EngineVersion").as_str(), node.id("ReplicationGroupId").as_str()), ("8.2.0", "main"));
}

#[tokio::test]
async fn invalid_caches_are_refused() {
    let sandbox = with_subnet_group().await;
    let wrong = [
        ("ReplicationGroupId", "1st", "InvalidParameterValue"),
        ("ReplicationGroupId", "a-name-that-is-one-too-long-for-a-cache-x", "InvalidParameterValue"),
        ("ReplicationGroupDescription", "", "InvalidParameterValue"),
        ("EngineVersion", "6.2", "InvalidParameterCombination"),
        ("CacheNodeType", "cache.t4g.gigantic", "InvalidParameterValue"),
        ("AuthToken", "too-short", "InvalidParameterValue"),
        ("AuthToken", "with a space and an @", "InvalidParameterValue"),
        ("TransitEncryptionEnabled", "false", "InvalidParameterCombination"),
        ("AutomaticFailoverEnabled", "true", "InvalidParameterCombination"),
        ("CacheSubnetGroupName", "nowhere", "CacheSubnetGroupNotFoundFault"),
        ("SecurityGroupIds.SecurityGroupId.1", "sg-00000000", "InvalidParameterValue"),
    ];
    for (key, value, code) in wrong {
        assert_eq!(create(&sandbox, &[(key, value)]).await.code(), code, "{key}={value}");
    }
    assert_eq!(describe(&sandbox).await.element("Status"), None);
    assert_eq!(servers_of(&sandbox), [""; 0]);
}

#[tokio::test]
async fn no_server_outlives_the_sandbox() {
    let mut sandbox = with_subnet_group().await;
    create(&sandbox, &[]).await.ok();
    until_available(&sandbox).await;
    sandbox.stop(nix::sys::signal::Signal::SIGTERM).await;
    assert_eq!(servers_of(&sandbox), [""; 0]);
}

fn servers_of(sandbox: &Sandbox) -> Vec<String> {
    support::processes_of(&sandbox.dir().join("caches"))
}
