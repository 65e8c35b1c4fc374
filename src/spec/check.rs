//! The limits of AWS that a file can be checked against without asking AWS.

/// Fargate's pairs: CPU units, and the memory in MiB that goes with them as first, last and step.
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

/// The memory values that Fargate has for `cpu`.
pub(super) fn memory_for(cpu: u32) -> Option<Vec<u32>> {
    let (_, (first, last, step)) = FARGATE.iter().find(|(known, _)| *known == cpu)?;
    let values = (*first..=*last).step_by(*step as usize);
    // The smallest size is the only one with a gap: 512, 1024 and 2048.
    Some(values.filter(|memory| cpu != 256 || *memory != 1536).collect())
}

/// Fargate's CPU values.
pub(super) fn cpus() -> Vec<u32> {
    FARGATE.iter().map(|(cpu, _)| *cpu).collect()
}

/// Whether `text` is 2 to `longest` of a-z, 0-9 and -, beginning with a letter, not ending with a hyphen and without two
/// of them in a row: what RDS, load balancers and all others take as a part of a name.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    (2..=longest).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What the name of a stack begins with that load balancers or security groups called so may not.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
pub(super) fn reserved(stack: &str) -> Option<&'static str> {
    let mut beginnings = ["internal-", "sg-"].into_iter();
    beginnings.find(|beginning| format!("{stack}-").starts_with(beginning))
}

/// Whether the region is in a partition of its own, as those of China and of governments are.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub(super) fn is_apart(region: &str) -> bool {
    ["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"].iter().any(|beginning| region.starts_with(beginning))
}

/// Whether `text` has the shape of a region's name.
pub(super) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let words =
        |parts: &[&str]| parts.iter().all(|part| part.len() >= 2 && part.chars().all(|c| c.is_ascii_lowercase()));
    match parts.as_slice() {
        [rest @ .., number] => {
            (2..=3).contains(&rest.len()) && words(rest) && number.len() <= 2 && number.parse::<u8>().is_ok()
        }
        [] => false,
    }
}

/// Whether `text` can name an environment variable.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What is wrong with a path pattern, if anything is.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#path-conditions>
pub(super) fn pattern_problem(pattern: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(c);
    if pattern.is_empty() || pattern.len() > 128 {
        Some("a path pattern has 1 to 128 characters")
    } else if !pattern.starts_with(['/', '*']) {
        Some("a path pattern begins with / or *")
    } else if !pattern.chars().all(allowed) {
        Some("a path pattern may have letters, digits, _ - . $ / ~ \" ' @ : + & and the wildcards * and ?")
    } else {
        None
    }
}

/// Whether `text` can be a host name, with wildcards.
pub(super) fn is_host(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.contains('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.*?".contains(c))
}

/// What is wrong with the name of a certificate and of a DNS record, if anything is. ACM takes 64 characters, DNS 63 a
/// label.
/// <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
pub(super) fn domain_problem(name: &str) -> Option<&'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if name.len() > 64 {
        Some("ACM takes names of at most 64 characters")
    } else if name.contains('*') {
        Some("the load balancer is reached by one name, not by all of a kind")
    } else if !name.contains('.') || !name.split('.').all(label) {
        Some("a domain has labels of a-z, 0-9 and -, with dots between them")
    } else {
        None
    }
}

/// What stands before a resource in an ARN of an account's, and the resource.
struct Arn<'a> {
    service: &'a str,
    region: &'a str,
    resource: &'a str,
}

/// None if it is no ARN with a region and an account.
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

/// The region in the ARN of an ACM certificate; none if it is no such ARN.
pub(super) fn certificate_region(text: &str) -> Option<&str> {
    let arn = arn(text).filter(|arn| arn.service == "acm")?;
    arn.resource.strip_prefix("certificate/").filter(|id| !id.is_empty())?;
    Some(arn.region)
}

/// Where ECS takes a secret from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    SecretsManager,
    Parameters,
}

/// Where the secret with this ARN is kept, or what is wrong with the ARN and what to write.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html>
pub(super) fn secret_arn(text: &str) -> Result<Store, (String, String)> {
    let refused = |why: String, hint: &str| Err((why, hint.to_owned()));
    let kept = arn(text).and_then(|arn| match arn.service {
        "secretsmanager" => Some((Store::SecretsManager, arn.resource.strip_prefix("secret:")?)),
        "ssm" => Some((Store::Parameters, arn.resource.strip_prefix("parameter/")?)),
        _ => None,
    });
    let Some((store, name)) = kept else {
        let hint =
            "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME";
        return refused(format!("`{text}` is no ARN of a secret or a parameter"), hint);
    };
    if let (Store::SecretsManager, Some((_, _))) = (store, name.split_once(':')) {
        let hint = "end the ARN there, and name a field of its JSON with `key:` beside `from:`";
        return refused(format!("`{text}` goes on after the secret's name"), hint);
    }
    // What the two services take in names; a wildcard would be one in the policy too.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.is_empty() || !name.chars().all(allowed) {
        let hint = "names have letters, digits and / _ + = . @ -";
        return refused(format!("`{name}` cannot name a secret or a parameter"), hint);
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fargate_has_the_pairs_that_aws_documents() {
        assert_eq!(memory_for(256), Some(vec![512, 1024, 2048]));
        assert_eq!(memory_for(512), Some(vec![1024, 2048, 3072, 4096]));
        assert_eq!(memory_for(16384).map(|values| (values.len(), values[0])), Some((12, 32768)));
        assert_eq!(memory_for(300), None);
    }

    #[test]
    fn names_that_some_service_would_refuse_are_refused() {
        for good in ["demo", "a1", "my-app"] {
            assert!(is_name(good, 20), "{good}");
        }
        for bad in ["a", "Demo", "1a", "a-", "a--b", "a_b", "a-very-long-name-of-a-stack"] {
            assert!(!is_name(bad, 20), "{bad}");
        }
    }

    #[test]
    fn names_and_regions_that_aws_has_for_others_are_known() {
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
    fn domains_are_those_that_acm_and_dns_take() {
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
    fn the_arn_of_a_certificate_says_where_it_is() {
        assert_eq!(certificate_region("arn:aws:acm:eu-west-1:123456789012:certificate/1-2"), Some("eu-west-1"));
        assert_eq!(certificate_region("arn:aws-cn:acm:cn-north-1:123456789012:certificate/1"), Some("cn-north-1"));
        for bad in ["arn:aws:iam::123456789012:server-certificate/x", "arn:aws:acm:eu-west-1:1:certificate/1", "arn:"] {
            assert_eq!(certificate_region(bad), None, "{bad}");
        }
    }

    #[test]
    fn regions_have_a_shape() {
        for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-3"] {
            assert!(is_region(good), "{good}");
        }
        for bad in ["eu-west", "EU-WEST-1", "eu-west-1a", "europe", ""] {
            assert!(!is_region(bad), "{bad}");
        }
    }
}
