//! Configurations of nginx and Caddy that do no more than pass requests on: their hosts and paths, and who answers.

/// Requests that a proxy passes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) hosts: Vec<String>,
    /// A path pattern.
    pub(super) path: String,
    /// Who answers: the name of a service, and its port.
    pub(super) upstream: String,
    pub(super) port: Option<u16>,
}

/// What nginx passes on; none if its configuration does more.
pub(super) fn nginx(text: &str) -> Option<Vec<Passed>> {
    let words = nginx_words(text);
    let mut passed: Vec<Passed> = Vec::new();
    let mut upstreams: Vec<(String, String)> = Vec::new();
    let mut blocks: Vec<Vec<String>> = Vec::new();
    let mut hosts: Vec<String> = Vec::new();
    let mut line: Vec<String> = Vec::new();
    for word in words {
        match word.as_str() {
            "{" => {
                if line.first().is_some_and(|first| first == "server") {
                    hosts.clear();
                }
                if line.first().is_some_and(|first| first == "if") {
                    return None;
                }
                blocks.push(std::mem::take(&mut line));
            }
            "}" => {
                blocks.pop()?;
                line.clear();
            }
            ";" => {
                directive(&line, &blocks, &mut hosts, &mut upstreams, &mut passed)?;
                line.clear();
            }
            _ => line.push(word),
        }
    }
    for one in &mut passed {
        if let Some((_, address)) = upstreams.iter().find(|(name, _)| *name == one.upstream) {
            (one.upstream, one.port) = address_of(address);
        }
    }
    Some(passed).filter(|passed| !passed.is_empty())
}

/// The names that nginx answers to.
pub(super) fn nginx_hosts(text: &str) -> Vec<String> {
    let words = nginx_words(text);
    let lists = words.split(|word| [";", "{", "}"].contains(&word.as_str()));
    let names = lists.filter(|list| list.first().is_some_and(|first| first == "server_name"));
    let is_name = |name: &&String| name.contains('.') && !name.contains(['~', '$', '^']) && !name.starts_with('.');
    let mut hosts: Vec<String> = names.flat_map(|list| list[1..].iter().filter(is_name).cloned()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// The names of Caddy's sites.
pub(super) fn caddy_hosts(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut hosts = Vec::new();
    let mut depth = 0_usize;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some(line) = placeholders(line, variable) else { continue };
        if depth == 0 && line.ends_with('{') && !line.starts_with('(') {
            let names = line.trim_end_matches('{').split([',', ' ']).map(host);
            hosts.extend(names.filter(|name| name.contains('.') && name.chars().any(|c| c.is_ascii_alphabetic())));
        }
        depth = (depth + usize::from(line.ends_with('{'))).saturating_sub(usize::from(line == "}"));
    }
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn directive(
    line: &[String],
    blocks: &[Vec<String>],
    hosts: &mut Vec<String>,
    upstreams: &mut Vec<(String, String)>,
    passed: &mut Vec<Passed>,
) -> Option<()> {
    let block = blocks.last().map(Vec::as_slice).unwrap_or_default();
    match line.first().map(String::as_str) {
        Some("server_name") => hosts.extend(line[1..].iter().filter(|host| host.contains('.')).cloned()),
        Some("server") if block.first().is_some_and(|first| first == "upstream") => {
            upstreams.push((block.get(1)?.clone(), line.get(1)?.clone()));
        }
        Some("proxy_pass") => {
            let target = line.get(1)?;
            let rest = target.strip_prefix("http://")?;
            let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
            if address.contains('$') || !path.is_empty() {
                return None;
            }
            let path = match block {
                [location, path] if location == "location" => pattern(path, target.ends_with('/'))?,
                [location, sign, path] if location == "location" && sign == "=" => path.clone(),
                [location, sign, path] if location == "location" && sign == "^~" => pattern(path, false)?,
                _ => return None,
            };
            let (upstream, port) = address_of(address);
            passed.push(Passed { hosts: hosts.clone(), path, upstream, port });
        }
        Some(
            "root" | "alias" | "try_files" | "rewrite" | "fastcgi_pass" | "uwsgi_pass" | "auth_basic" | "auth_request"
            | "sub_filter",
        ) => {
            return None;
        }
        _ => {}
    }
    Some(())
}

/// A prefix as a path pattern. A prefix that is cut off is more than a load balancer does.
fn pattern(path: &str, cuts: bool) -> Option<String> {
    if !path.starts_with('/') || cuts && path != "/" {
        return None;
    }
    Some(format!("{path}*"))
}

fn address_of(address: &str) -> (String, Option<u16>) {
    match address.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.parse().ok()),
        None => (address.to_owned(), None),
    }
}

fn nginx_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let spaced = line.replace('{', " { ").replace('}', " } ").replace(';', " ; ");
        words.extend(spaced.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()));
    }
    words
}

/// What Caddy passes on; none if its Caddyfile does more. `variable` has the values of `{$NAME}`.
pub(super) fn caddy(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<Vec<Passed>> {
    let mut passed = Vec::new();
    let mut hosts: Vec<String> = Vec::new();
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = placeholders(line, variable)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let opens = words.last() == Some(&"{");
        let depth = blocks.len();
        match (depth, words.as_slice()) {
            (_, ["}"]) => {
                blocks.pop()?;
            }
            // Options for all sites.
            (0, ["{"]) => blocks.push("options".to_owned()),
            (0, [names @ .., "{"]) => {
                hosts = names.iter().map(|name| host(name)).filter(|name| name.contains('.')).collect();
                blocks.push("site".to_owned());
            }
            (1.., [handle, path, "{"]) if *handle == "handle" => blocks.push((*path).to_owned()),
            (1.., ["handle", "{"]) => blocks.push("*".to_owned()),
            (1.., ["reverse_proxy", rest @ ..]) if blocks[0] == "site" => {
                let rest: Vec<&str> = rest.iter().copied().filter(|word| *word != "{").collect();
                let (path, address) = match rest.as_slice() {
                    [path, address] if path.starts_with('/') || *path == "*" => ((*path).to_owned(), *address),
                    [address] => {
                        (blocks.last().filter(|block| *block != "site").cloned().unwrap_or("*".to_owned()), *address)
                    }
                    _ => return None,
                };
                let (upstream, port) = address_of(address.trim_start_matches("http://"));
                let path = if path == "*" { "/*".to_owned() } else { path };
                passed.push(Passed { hosts: hosts.clone(), path, upstream, port });
                if opens {
                    blocks.push("options".to_owned());
                }
            }
            (
                1..,
                [
                    "root" | "file_server" | "php_fastcgi" | "rewrite" | "uri" | "handle_path" | "basicauth"
                    | "basic_auth" | "forward_auth",
                    ..,
                ],
            ) if blocks[0] == "site" => {
                return None;
            }
            _ if opens => blocks.push("options".to_owned()),
            _ => {}
        }
    }
    Some(passed).filter(|passed| !passed.is_empty())
}

/// The host of an address of a site.
fn host(address: &str) -> String {
    let bare = address.trim_end_matches(',').trim_start_matches("https://").trim_start_matches("http://");
    bare.split(['/', ':']).next().unwrap_or_default().to_owned()
}

/// `{$NAME}` and `{$NAME:default}`.
fn placeholders(line: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut whole = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("{$") {
        whole.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let (name, after) = inside.split_once('}')?;
        let (name, default) = name.split_once(':').map_or((name, None), |(name, default)| (name, Some(default)));
        whole.push_str(&variable(name).or_else(|| default.map(str::to_owned))?);
        rest = after;
    }
    whole.push_str(rest);
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(passed: &[Passed]) -> Vec<String> {
        passed
            .iter()
            .map(|one| format!("{} {} {}:{:?}", one.hosts.join(","), one.path, one.upstream, one.port))
            .collect()
    }

    #[test]
    fn nginx_that_passes_requests_on_is_read() {
        let text = "
            upstream api { server backend:8000; }
            server {
                listen 80; server_name app.example.com;
                location / { proxy_pass http://front:3000; proxy_set_header Host $host; } # all
                location /api/ { proxy_pass http://api; }
            }";
        let passed = nginx(text).expect("it is simple");
        assert_eq!(
            short(&passed),
            ["app.example.com /* front:Some(3000)", "app.example.com /api/* backend:Some(8000)"]
        );
    }

    #[test]
    fn nginx_that_does_more_is_left_alone() {
        for text in [
            "server { location / { root /var/www; } }",
            "server { location /a/ { proxy_pass http://b/; } location ~ x { proxy_pass http://b; } }",
            "server { location / { proxy_pass http://$up; } }",
            "}",
            "",
        ] {
            assert_eq!(nginx(text), None, "{text}");
        }
    }

    #[test]
    fn the_names_of_a_proxy_that_does_more_are_read() {
        let text = "server { listen 80; server_name a.example.com _ www.example.com; return 301 x; }";
        assert_eq!(nginx_hosts(text), ["a.example.com", "www.example.com"]);
        let text = "(common) {\n encode gzip\n}\n{$SITE}, https://b.example.com {\n root * /srv\n}\n:80 {\n}\n";
        let variable = |name: &str| (name == "SITE").then(|| "a.example.com".to_owned());
        assert_eq!(caddy_hosts(text, &variable), ["a.example.com", "b.example.com"]);
    }

    #[test]
    fn a_caddyfile_that_passes_requests_on_is_read() {
        let text = "{\n email a@b.c\n}\n{$SITE:app.example.com} {\n encode gzip\n handle /api/* {\n  reverse_proxy api:8000\n }\n reverse_proxy web:3000\n}\n";
        let passed = caddy(text, &|_| None).expect("it is simple");
        assert_eq!(short(&passed), ["app.example.com /api/* api:Some(8000)", "app.example.com /* web:Some(3000)"]);
        assert_eq!(caddy("a.b {\n root * /srv\n file_server\n}\n", &|_| None), None);
    }
}
