//! The AWS limits that a file can be checked against without a call to AWS.

/// The longest name of a stack, a service or a job, in characters. Load balancers and RDS limit the names derived from
/// it.
pub(super) const LONGEST_NAME: usize = 20;

/// The longest name of an environment, in characters.
pub(super) const LONGEST_ENVIRONMENT: usize = 12;

/// The maximum number of tasks of a service. AWS allows more; this limit catches typing errors.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
pub(super) const MOST_TASKS: u32 = 1000;

/// The longest domain name that a certificate can have, in characters.
/// <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
pub(super) const LONGEST_DOMAIN: usize = 64;

/// The longest path pattern and host pattern of a listener rule, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>
pub(super) const LONGEST_PATTERN: usize = 128;

/// The longest path of a target group's health check, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
pub(super) const LONGEST_HEALTH_PATH: usize = 1024;

/// The longest grace period of a health check, in seconds. ECS allows 2,147,483,647 (about 69 years), but stackctl
/// watches a rollout for an hour.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub(super) const LONGEST_GRACE: u32 = 3600;

/// The longest name of a time zone, in characters.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
pub(super) const LONGEST_ZONE: usize = 50;

/// The longest e-mail address, in characters.
/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3>
pub(super) const LONGEST_EMAIL: usize = 254;

/// The sizes of Fargate tasks: CPU units, and the memory in MiB as minimum, maximum and step.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size>
const FARGATE: &[(u32, (u32, u32, u32))] = &[
    (256, (512, 2048, 512)),
    (512, (1024, 4096, 1024)),
    (1024, (2048, 8192, 1024)),
    (2048, (4096, 16384, 1024)),
    (4096, (8192, 30720, 1024)),
    (8192, (16384, 61440, 4096)),
    (16384, (32768, 122_880, 8192)),
];

/// Returns the memory sizes that Fargate offers for `cpu`, in MiB.
pub(super) fn memory_for(cpu: u32) -> Option<Vec<u32>> {
    let (_, (first, last, step)) = FARGATE.iter().find(|(known, _)| *known == cpu)?;
    let values = (*first..=*last).step_by(*step as usize);
    // Only the smallest CPU size has a gap: 512, 1024 and 2048.
    Some(values.filter(|memory| cpu != 256 || *memory != 1536).collect())
}

/// Fargate's CPU values, in ascending order.
pub(super) const CPUS: [u32; FARGATE.len()] = {
    let mut cpus = [0; FARGATE.len()];
    let mut index = 0;
    while index < FARGATE.len() {
        cpus[index] = FARGATE[index].0;
        index += 1;
    }
    cpus
};

/// The minimum and maximum memory of a task, in MiB.
pub(super) const MEMORY: (u32, u32) = (FARGATE[0].1.0, FARGATE[FARGATE.len() - 1].1.1);

/// Formats `memory_for`: every value, or the range and step if there are many.
pub(super) fn memory_in_words(cpu: u32) -> String {
    let values = memory_for(cpu).unwrap_or_default();
    match values.as_slice() {
        [first, second, .., last] if values.len() > 4 => format!("{first} to {last} in steps of {}", second - first),
        values => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Whether `text` has 2 to `longest` characters of a-z, 0-9 and -, begins with a letter, does not end with a hyphen and
/// has no two hyphens in a row. Every AWS service accepts such a name; RDS and load balancers are the strictest.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    (2..=longest).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Returns the reserved prefix that `stack` begins with. Load balancers and security groups cannot have names with
/// these prefixes.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
pub(super) fn reserved(stack: &str) -> Option<&'static str> {
    let mut beginnings = ["internal-", "sg-"].into_iter();
    beginnings.find(|beginning| format!("{stack}-").starts_with(beginning))
}

/// Whether the region is outside the standard `aws` partition, as the regions of China and of governments are.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub(super) fn is_apart(region: &str) -> bool {
    ["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"].iter().any(|beginning| region.starts_with(beginning))
}

/// Whether `text` consists of digits only.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// Whether `text` has the shape of a region's name.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let words =
        |parts: &[&str]| parts.iter().all(|part| part.len() >= 2 && part.chars().all(|c| c.is_ascii_lowercase()));
    match parts.as_slice() {
        [rest @ .., number] => (2..=3).contains(&rest.len()) && words(rest) && number.len() <= 2 && is_digits(number),
        [] => false,
    }
}

/// Whether `text` is an image name that ECS accepts, with a tag that a registry accepts.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
pub(super) fn is_image(text: &str) -> bool {
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let is_hash = |hash: &str| hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
    let last = name.rsplit('/').next().unwrap_or(name);
    let is_tag = |tag: &str| {
        (1..=128).contains(&tag.len())
            && !tag.starts_with(['.', '-'])
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    (1..=255).contains(&name.len())
        && !last.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:./#".contains(c))
        && last.split_once(':').is_none_or(|(_, tag)| is_tag(tag))
        && digest.is_none_or(|digest| digest.strip_prefix("sha256:").is_some_and(is_hash))
}

/// Whether `text` is a URL path that a health check can request.
pub(super) fn is_url_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= LONGEST_HEALTH_PATH && !text.contains(char::is_whitespace)
}

/// Whether `text` is a comma-separated list of status codes and ranges that an Application Load Balancer accepts.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html>
pub(super) fn are_codes(text: &str, known: std::ops::RangeInclusive<u16>) -> bool {
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| is_digits(text) && known.contains(code));
    text.split(',').all(|part| match part.split_once('-') {
        Some((first, last)) => code(first).zip(code(last)).is_some_and(|(first, last)| first <= last),
        None => code(part).is_some(),
    })
}

/// Whether `text` is `prefix` followed by 8 or 17 hexadecimal digits.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/resource-ids.html>
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// Whether `text` is a version of PostgreSQL that RDS offers: a major version, with or without a minor one.
pub(super) fn is_postgres_version(text: &str) -> bool {
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| is_digits(part));
    let parts: Vec<Option<u32>> = text.split('.').map(number).collect();
    matches!(parts.as_slice(), [Some(13..=18)] | [Some(13..=18), Some(_)])
}

/// Whether `text` has `count` words, separated by dots.
pub(super) fn has_words(text: &str, count: usize) -> bool {
    text.split('.').count() == count && text.split('.').all(|word| !word.is_empty())
}

/// Whether `text` has the shape of `cache.t4g.micro`.
pub(super) fn is_cache_class(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    matches!(parts.as_slice(), ["cache", family, size] if word(family) && word(size))
}

/// Whether `text` is an AWS Graviton instance type: its generation is followed by a g.
pub(super) fn is_graviton(text: &str) -> bool {
    let good = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let Some((family, size)) = text.split_once('.') else { return false };
    let series = family.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let generation = series.trim_start_matches(|c: char| c.is_ascii_digit());
    series.len() < family.len()
        && generation.len() < series.len()
        && generation.starts_with('g')
        && good(generation)
        && !size.is_empty()
        && good(size)
}

/// Whether `text` has the form of a Debian package name.
/// <https://www.debian.org/doc/debian-policy/ch-controlfields.html#source>
pub(super) fn is_package(text: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    text.len() >= 2 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(good)
}

/// Whether `text` has the form of an e-mail address. Only the confirmation mail shows whether somebody reads it.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let labels: Vec<&str> = domain.split('.').collect();
    !local.is_empty()
        && text.len() <= LONGEST_EMAIL
        && text.chars().all(|c| c.is_ascii_graphic() && !"\"(),:;<>[\\]".contains(c))
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

/// Whether `text` has the form of a time zone name. There is no list here: each version of the tz database changes the
/// names, and AWS uses a copy of its own.
pub(super) fn is_zone(text: &str) -> bool {
    text.len() <= LONGEST_ZONE
        && text.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
        })
}

/// Whether `text` is a stage name that `docker build --target` accepts.
pub(super) fn is_build_stage(text: &str) -> bool {
    let is_other = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_other)
}

/// Whether `text` can name an environment variable.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `text` is the user that a container runs as, optionally with a colon and a group.
pub(super) fn is_user(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    text.len() <= 64 && is_name(user) && group.is_none_or(is_name)
}

/// Whether `text` is a numeric user id and group id, separated by a colon.
pub(super) fn is_owner(text: &str) -> bool {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u32>().is_ok();
    text.split_once(':').is_some_and(|(user, group)| is_number(user) && is_number(group))
}

/// Whether `text` is a folder's mode in octal digits.
pub(super) fn is_mode(text: &str) -> bool {
    matches!(text.len(), 3 | 4) && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
}

/// Whether a container can mount a volume at `text`: an absolute path below the root, without `.` and `..`, and outside
/// the kernel's file systems.
pub(super) fn is_mount_path(text: &str) -> bool {
    let parts = || text.split('/').filter(|part| !part.is_empty());
    let of_the_kernel = parts().next().is_some_and(|first| matches!(first, "proc" | "sys" | "dev"));
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != ':';
    text.starts_with('/')
        && text.len() <= 256
        && text.chars().all(plain)
        && parts().next().is_some()
        && parts().all(|part| !matches!(part, "." | ".."))
        && !of_the_kernel
}

/// Returns what is wrong with a path pattern, if anything.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#path-conditions>
pub(super) fn pattern_problem(pattern: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(c);
    if pattern.is_empty() || pattern.len() > LONGEST_PATTERN {
        Some("a path pattern has 1 to 128 characters")
    } else if !pattern.starts_with(['/', '*']) {
        Some("a path pattern begins with / or *")
    } else if !pattern.chars().all(allowed) {
        Some("a path pattern can contain letters, digits, _ - . $ / ~ \" ' @ : + & and the wildcards * and ?")
    } else {
        None
    }
}

/// Whether `text` is a valid host name, with or without wildcards.
pub(super) fn is_host(text: &str) -> bool {
    (1..=LONGEST_PATTERN).contains(&text.len())
        && text.contains('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.*?".contains(c))
}

/// Returns what is wrong with a domain name, if anything. ACM allows 64 characters, and DNS allows 63 per label.
/// <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
pub(super) fn domain_problem(name: &str) -> Option<&'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if name.len() > LONGEST_DOMAIN {
        Some("a name in an ACM certificate has at most 64 characters")
    } else if name.contains('*') {
        Some("`domain` is one name, without wildcards")
    } else if !name.contains('.') || !name.split('.').all(label) {
        Some("a domain consists of labels of a-z, 0-9 and -, separated by dots")
    } else {
        None
    }
}

/// Like [`domain_problem`], for a name that may begin with `*.`.
pub(super) fn domains_problem(name: &str) -> Option<&'static str> {
    match name.strip_prefix("*.") {
        Some(_) if name.len() > LONGEST_DOMAIN => domain_problem(name),
        Some(rest) if rest.contains('*') => Some("`*` is allowed once, as the first label"),
        Some(rest) => domain_problem(rest),
        None if name.contains('*') => Some("`*` must be the whole first label, as in `*.example.com`"),
        None => domain_problem(name),
    }
}

/// The parts of an ARN that has a region and an account.
struct Arn<'a> {
    service: &'a str,
    region: &'a str,
    resource: &'a str,
}

/// Parses an ARN; none if `text` is not one or has no region or account.
fn arn(text: &str) -> Option<Arn<'_>> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, service, region, account, resource]
            if partition.starts_with("aws")
                && is_region(region)
                && account.len() == 12
                && account.chars().all(|c| c.is_ascii_digit()) =>
        {
            Some(Arn { service, region, resource })
        }
        _ => None,
    }
}

/// Returns the region of an ACM certificate; none if `text` is not a certificate's ARN.
pub(super) fn certificate_region(text: &str) -> Option<&str> {
    let arn = arn(text).filter(|arn| arn.service == "acm")?;
    arn.resource.strip_prefix("certificate/").filter(|id| !id.is_empty())?;
    Some(arn.region)
}

/// Returns the region of an Application Load Balancer's listener; none if `text` is not such a listener's ARN.
pub(super) fn listener_region(text: &str) -> Option<&str> {
    let arn = arn(text).filter(|arn| arn.service == "elasticloadbalancing")?;
    // The load balancer's name, the load balancer's id and the listener's id.
    let parts: Vec<&str> = arn.resource.strip_prefix("listener/app/")?.split('/').collect();
    (parts.len() == 3 && parts.iter().all(|part| !part.is_empty())).then_some(arn.region)
}

/// The service that ECS reads a secret from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    SecretsManager,
    Parameters,
}

/// Returns which service stores the secret that this ARN or parameter name refers to; or what is wrong, and a hint.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html>
pub(super) fn secret_place(text: &str) -> Result<Store, (String, String)> {
    let refused = |why: String, hint: &str| Err((why, hint.to_owned()));
    // Without a leading slash, the text could be the secret value itself, written in the wrong place.
    if text.starts_with('/') {
        return match parameter_name(text) {
            Ok(()) => Ok(Store::Parameters),
            Err(hint) => refused(format!("invalid parameter name `{text}`"), hint),
        };
    }
    let kept = arn(text).and_then(|arn| match arn.service {
        "secretsmanager" => Some((Store::SecretsManager, arn.resource.strip_prefix("secret:")?)),
        "ssm" => Some((Store::Parameters, arn.resource.strip_prefix("parameter/")?)),
        _ => None,
    });
    let Some((store, name)) = kept else {
        let hint = "use arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf, arn:aws:ssm:REGION:ACCOUNT:parameter/NAME or /PATH/NAME";
        return refused(format!("invalid ARN or parameter name `{text}`"), hint);
    };
    if let (Store::SecretsManager, Some((_, _))) = (store, name.split_once(':')) {
        let hint = "end the ARN there; to select a field of the JSON, write `key:` beside `from:`";
        return refused(format!("`{text}` continues after the name of the secret"), hint);
    }
    // Both services allow these characters in names. A wildcard would also act as one in the IAM policy.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.is_empty() || !name.chars().all(allowed) {
        let hint = "use letters, digits and / _ + = . @ -";
        return refused(format!("invalid name `{name}` of a secret or a parameter"), hint);
    }
    Ok(store)
}

/// Checks that `name` is a path that Systems Manager accepts as a parameter name; the error is a hint.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
fn parameter_name(path: &str) -> Result<(), &'static str> {
    const LONGEST: usize = 1011;
    const LEVELS: usize = 15;
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if parts.iter().any(|part| part.is_empty() || !part.chars().all(allowed)) {
        return Err("use letters, digits and _ . - between slashes, as in /shop/api-key");
    }
    let first = parts.first().map(|part| part.to_ascii_lowercase()).unwrap_or_default();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err("use another name; AWS reserves names that begin with aws or ssm");
    }
    if path.len() > LONGEST || parts.len() > LEVELS {
        return Err("use at most 1011 characters and 15 levels");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_names_follow_the_rules_of_systems_manager() {
        let deep = "/a".repeat(16);
        for good in ["/shop/api-key", "/API_KEY", "/copilot/shop/test/secrets/DB.PASSWORD"] {
            assert_eq!(secret_place(good).map_err(|(why, _)| why), Ok(Store::Parameters), "{good}");
        }
        for bad in [
            "",
            "/",
            "shop/key",
            "hunter2",
            "/shop//key",
            "/shop/*",
            "/shop/key/",
            "/aws/x",
            "/SsmKey",
            "/shop/a b",
            &deep,
        ] {
            assert!(secret_place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fargate_sizes_match_the_aws_documentation() {
        assert_eq!(memory_for(256), Some(vec![512, 1024, 2048]));
        assert_eq!(memory_for(512), Some(vec![1024, 2048, 3072, 4096]));
        assert_eq!(memory_for(16384).map(|values| (values.len(), values[0])), Some((12, 32768)));
        assert_eq!(memory_for(300), None);
    }

    #[test]
    fn image_tags_are_accepted_by_registries_and_ecs() {
        let digest = format!("nginx@sha256:{}", "0a".repeat(32));
        let long = format!("nginx:{}", "a".repeat(129));
        for good in ["nginx", "nginx:1.27", "host:5000/a/b_c:v1.2-rc_1", digest.as_str(), "host:5000/nginx"] {
            assert!(is_image(good), "{good}");
        }
        for bad in ["", "a b", "nginx:1.27+g1", "nginx:-1", "nginx:", "host/", "nginx@sha256:abc", long.as_str()] {
            assert!(!is_image(bad), "{bad}");
        }
    }

    #[test]
    fn names_that_any_aws_service_rejects_are_invalid() {
        for good in ["demo", "a1", "my-app"] {
            assert!(is_name(good, 20), "{good}");
        }
        for bad in ["a", "Demo", "1a", "a-", "a--b", "a_b", "a-very-long-name-of-a-stack"] {
            assert!(!is_name(bad, 20), "{bad}");
        }
    }

    #[test]
    fn reserved_names_and_other_partitions_are_recognized() {
        for name in ["internal", "internal-tools", "sg", "sg-web"] {
            assert!(reserved(name).is_some(), "{name}");
        }
        for name in ["internals", "sgx", "my-sg"] {
            assert_eq!(reserved(name), None, "{name}");
        }
        assert!(is_apart("us-gov-west-1") && is_apart("cn-north-1"));
        assert!(!is_apart("us-east-1") && !is_apart("eu-central-2"));
    }

    #[test]
    fn domains_follow_the_rules_of_acm_and_dns() {
        let longest = format!("{}.example.com", "a".repeat(52));
        for good in ["example.com", "rates.example.com", "xn--bcher-kva.example", "1.2.example.com", longest.as_str()] {
            assert_eq!(domain_problem(good), None, "{good}");
        }
        let long = format!("{}.example.com", "a".repeat(53));
        for bad in
            ["", "localhost", "example.com.", ".com", "a..b", "-a.com", "a-.com", "A.com", "*.a.com", "b\u{fc}.de"]
        {
            assert!(domain_problem(bad).is_some(), "{bad}");
        }
        assert!(domain_problem(&long).is_some());
    }

    #[test]
    fn certificate_region_is_read_from_its_arn() {
        assert_eq!(certificate_region("arn:aws:acm:eu-west-1:123456789012:certificate/1-2"), Some("eu-west-1"));
        assert_eq!(certificate_region("arn:aws-cn:acm:cn-north-1:123456789012:certificate/1"), Some("cn-north-1"));
        for bad in ["arn:aws:iam::123456789012:server-certificate/x", "arn:aws:acm:eu-west-1:1:certificate/1", "arn:"] {
            assert_eq!(certificate_region(bad), None, "{bad}");
        }
    }

    #[test]
    fn region_names_are_recognized_by_their_form() {
        for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-3"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["eu-west", "EU-WEST-1", "eu-west-1a", "europe", ""] {
            assert!(!is_region(bad), "{bad}");
        }
    }
}
