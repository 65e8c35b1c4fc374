//! Broken files: no panic, and never an error without a place.

use super::project::Project;

const FILES: &[(&str, &str)] = &[
    (
        "compose.yaml",
        "include: [other.yaml]\nx-a: &a { image: 'web:${TAG:-1}', restart: always }\nservices:\n  db: { image: 'postgres:16', environment: [POSTGRES_PASSWORD=abc123] }\n  redis: { image: redis }\n  proxy: { image: nginx, ports: ['80:80'], volumes: ['./nginx.conf:/etc/nginx/nginx.conf:ro'] }\n  web:\n    <<: *a\n    ports: ['8080:80/tcp', { target: 90, published: 91 }]\n    environment:\n      DATABASE_URL: postgres://u:abc123@db:5432/app?sslmode=disable\n      REDIS_HOST: redis\n      CS: 'Host=db;Password=abc123'\n    env_file: [.env]\n    command: sh -c 'migrate && run --key=abc123'\n    healthcheck: { test: curl -f localhost:80/up, interval: 1m30s }\n    volumes: ['data:/data', './a.conf:/etc/a.conf', { type: tmpfs, target: /t }]\n    tmpfs: '/tmp:size=1g,mode=700'\n    labels: ['traefik.http.routers.a.rule=Host(`a.b`) && PathPrefix(`/x`)', ofelia.job-exec.a.schedule=@every 1h]\n    deploy: { replicas: 2, resources: { limits: { cpus: '0.5', memory: 300M } } }\n    secrets: [{ source: s, target: t }]\n    depends_on: { once: { condition: service_completed_successfully } }\n  once: { <<: *a, command: ['migrate'] }\nvolumes: { data: }\nsecrets: { s: { external: true } }\n",
    ),
    (
        "other.yaml",
        "services:\n  more: { extends: { file: compose.yaml, service: redis }, stop_grace_period: 1h, ulimits: { nofile: 9 } }\n",
    ),
    (".env", "TAG=2\nTOKEN='abc' # x\nURL=\"redis://redis/${TAG}\"\n"),
    ("nginx.conf", "server { server_name a.b; location / { proxy_pass http://web:80; } }\n"),
    ("Procfile", "web: run\nrelease: migrate\n"),
];

/// A generator of numbers that gives the same ones for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits")
    }

    fn below(&mut self, most: usize) -> usize {
        self.next() % most.max(1)
    }
}

fn mutated(text: &str, numbers: &mut Numbers) -> Vec<u8> {
    const BITS: &[&str] = &[
        ":",
        "${",
        "}",
        "$",
        "\n",
        " ",
        "- ",
        "[",
        "]",
        "{",
        "*a",
        "&b ",
        "!reset ",
        "!override ",
        "null",
        "0",
        "99999999999",
        "://",
        "@",
        "=",
        "\"",
        "'",
        "\u{e000}",
        "\u{e003}",
        "ü",
        "/",
        "<<: ",
        "|",
        "((",
        "))",
        ",",
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(characters.len());
        match numbers.below(5) {
            0 if !characters.is_empty() => {
                characters.remove(at);
            }
            1 => {
                let bit = BITS[numbers.below(BITS.len())];
                characters.splice(at..at, bit.chars());
            }
            2 => {
                let end = (at + numbers.below(30)).min(characters.len());
                characters.drain(at..end);
            }
            3 => {
                let end = (at + numbers.below(40)).min(characters.len());
                let piece: Vec<char> = characters[at..end].to_vec();
                let to = numbers.below(characters.len());
                characters.splice(to..to, piece);
            }
            _ if !characters.is_empty() => {
                let bit = BITS[numbers.below(BITS.len())];
                characters.splice(at..=at, bit.chars());
            }
            _ => {}
        }
    }
    let mut bytes = characters.into_iter().collect::<String>().into_bytes();
    if numbers.below(50) == 0 && !bytes.is_empty() {
        let at = numbers.below(bytes.len());
        bytes[at] = 0xff;
    }
    bytes
}

/// Whether a message names a line of a file.
fn has_line(message: &str) -> bool {
    let is_place = |word: &str| {
        let mut parts = word.rsplit(':');
        let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<usize>().is_ok());
        number(parts.next()) && number(parts.next()) && parts.next().is_some()
    };
    message.split_whitespace().any(is_place) || message.contains(": the file is not valid UTF-8")
}

#[test]
fn broken_files_are_told_at_their_places() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, rounds) = (number("STACKCTL_SEED").unwrap_or(1), number("STACKCTL_ROUNDS").unwrap_or(1000));
    let project = FILES.iter().fold(Project::empty(), |project, (name, text)| project.with(name, text));
    for seed in first..first + rounds {
        let mut numbers = Numbers(seed);
        let (name, text) = FILES[[0, 0, 0, 1, 2, 3, 4][numbers.below(7)]];
        let path = project.path().join(name);
        std::fs::write(&path, mutated(text, &mut numbers)).expect("it can be written");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| project.converted())).ok();
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        match outcome {
            None => panic!("STACKCTL_SEED={seed} STACKCTL_ROUNDS=1 panics:\n{kept}"),
            Some(Err(message)) => {
                assert!(has_line(&message), "STACKCTL_SEED={seed}: no place in {message}\n{kept}");
            }
            Some(Ok(_)) => {}
        }
        std::fs::write(&path, text).expect("it can be written");
    }
}
