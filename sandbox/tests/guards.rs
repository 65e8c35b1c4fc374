//! Calls that AWS refuses and plain moto allows: deleting resources in use, repeated calls, and lists longer than a
//! page.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use serde_json::json;
use support::{Sandbox, network, until};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}]}"#;

#[tokio::test]
async fn nat_gateway_takes_time_and_blocks_what_it_uses() {
    let sandbox = Sandbox::start().await;
    let (vpc, subnets) = network(&sandbox).await;
    let subnet = subnets[0].as_str();
    let gateway = sandbox.query("ec2", "CreateInternetGateway", &[]).await.ok().id("internetGatewayId");
    let attached = [("InternetGatewayId", gateway.as_str()), ("VpcId", vpc.as_str())];
    sandbox.query("ec2", "AttachInternetGateway", &attached).await.ok();
    let address = sandbox.query("ec2", "AllocateAddress", &[("Domain", "vpc")]).await.ok().id("allocationId");
    let params = [("SubnetId", subnet), ("AllocationId", address.as_str()), ("ClientToken", "once")];
    let created = sandbox.query("ec2", "CreateNatGateway", &params).await.ok();
    let nat = created.id("natGatewayId");
    assert_eq!(created.id("state"), "pending");
    assert_eq!(sandbox.query("ec2", "CreateNatGateway", &params).await.ok().id("natGatewayId"), nat);

    let state = async |wanted: &str| {
        let answer = sandbox.query("ec2", "DescribeNatGateways", &[("NatGatewayId.1", nat.as_str())]).await.ok();
        (answer.id("state") == wanted).then_some(())
    };
    until("the NAT gateway is available", async || state("available").await).await;
    let release = [("AllocationId", address.as_str())];
    assert_eq!(sandbox.query("ec2", "ReleaseAddress", &release).await.code(), "InvalidIPAddress.InUse");
    assert_eq!(sandbox.query("ec2", "DetachInternetGateway", &attached).await.code(), "DependencyViolation");
    let delete = [("SubnetId", subnet)];
    assert_eq!(sandbox.query("ec2", "DeleteSubnet", &delete).await.code(), "DependencyViolation");
    assert_eq!(sandbox.query("ec2", "DeleteVpc", &[("VpcId", vpc.as_str())]).await.code(), "DependencyViolation");

    sandbox.query("ec2", "DeleteNatGateway", &[("NatGatewayId", nat.as_str())]).await.ok();
    until("the NAT gateway is listed as deleted", async || state("deleted").await).await;
    let lingers = sandbox.query("ec2", "ReleaseAddress", &release).await;
    assert_eq!((lingers.status, lingers.code().as_str()), (400, "AuthFailure"), "as long as its interface lingers");
    sandbox.query("ec2", "ReleaseAddress", &release).await.ok();
    sandbox.query("ec2", "DeleteSubnet", &delete).await.ok();
    sandbox.query("ec2", "DetachInternetGateway", &attached).await.ok();
}

#[tokio::test]
async fn referenced_security_group_cannot_be_deleted() {
    let sandbox = Sandbox::start().await;
    let (vpc, _) = network(&sandbox).await;
    let mut groups = Vec::new();
    for name in ["callers", "called"] {
        let params = [("GroupName", name), ("GroupDescription", name), ("VpcId", vpc.as_str())];
        groups.push(sandbox.query("ec2", "CreateSecurityGroup", &params).await.ok().id("groupId"));
    }
    let rule = [
        ("GroupId", groups[1].as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "5432"),
        ("IpPermissions.1.ToPort", "5432"),
        ("IpPermissions.1.Groups.1.GroupId", groups[0].as_str()),
    ];
    sandbox.query("ec2", "AuthorizeSecurityGroupIngress", &rule).await.ok();
    let delete = [("GroupId", groups[0].as_str())];
    assert_eq!(sandbox.query("ec2", "DeleteSecurityGroup", &delete).await.code(), "DependencyViolation");
    sandbox.query("ec2", "RevokeSecurityGroupIngress", &rule).await.ok();
    sandbox.query("ec2", "DeleteSecurityGroup", &delete).await.ok();
}

#[tokio::test]
async fn load_balancers_never_run_out_of_addresses() {
    let sandbox = Sandbox::start().await;
    let (_, subnets) = network(&sandbox).await;
    let elb = "elasticloadbalancing";
    let subnets = [("Subnets.member.1", subnets[0].as_str()), ("Subnets.member.2", subnets[1].as_str())];
    let mut addresses = Vec::new();
    for count in 0..200 {
        let name = format!("one-{count}");
        let created = sandbox.query(elb, "CreateLoadBalancer", &[subnets[0], subnets[1], ("Name", &name)]).await.ok();
        addresses.push(created.id("DNSName"));
        let arn = created.id("LoadBalancerArn");
        sandbox.query(elb, "DeleteLoadBalancer", &[("LoadBalancerArn", arn.as_str())]).await.ok();
    }
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 90, "each in turn: a client may still know the one of a load balancer that is gone");
}

#[tokio::test]
async fn load_balancer_interfaces_outlive_it_for_a_moment() {
    let sandbox = Sandbox::start_with(&["--provision-scale", "0.02"]).await;
    let (_, subnets) = network(&sandbox).await;
    let elb = "elasticloadbalancing";
    let one = [("Name", "web"), ("Subnets.member.1", subnets[0].as_str())];
    assert_eq!(sandbox.query(elb, "CreateLoadBalancer", &one).await.code(), "ValidationError");
    let two = [one[0], one[1], ("Subnets.member.2", subnets[1].as_str())];
    let created = sandbox.query(elb, "CreateLoadBalancer", &two).await.ok();
    assert_eq!(created.id("Code"), "provisioning");
    let arn = created.id("LoadBalancerArn");
    until("the load balancer is active", async || {
        let answer = sandbox.query(elb, "DescribeLoadBalancers", &[]).await.ok();
        (answer.id("Code") == "active").then_some(())
    })
    .await;
    let listener = [
        ("LoadBalancerArn", arn.as_str()),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "fixed-response"),
        ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
    ];
    sandbox.query(elb, "CreateListener", &listener).await.ok();
    assert_eq!(sandbox.query(elb, "CreateListener", &listener).await.code(), "DuplicateListener");

    sandbox.query(elb, "DeleteLoadBalancer", &[("LoadBalancerArn", arn.as_str())]).await.ok();
    let delete = [("SubnetId", subnets[0].as_str())];
    assert_eq!(sandbox.query("ec2", "DeleteSubnet", &delete).await.code(), "DependencyViolation");
    until("the subnet can be deleted", async || {
        (sandbox.query("ec2", "DeleteSubnet", &delete).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn creating_the_same_target_group_again_returns_it() {
    let sandbox = Sandbox::start().await;
    let (vpc, _) = network(&sandbox).await;
    let asked =
        |port| [("Name", "web"), ("Protocol", "HTTP"), ("Port", port), ("VpcId", vpc.as_str()), ("TargetType", "ip")];
    let elb = "elasticloadbalancing";
    let first = sandbox.query(elb, "CreateTargetGroup", &asked("80")).await.ok().id("TargetGroupArn");
    let again = sandbox.query(elb, "CreateTargetGroup", &asked("80")).await.ok().id("TargetGroupArn");
    assert_eq!(first, again);
    let other = sandbox.query(elb, "CreateTargetGroup", &asked("81")).await;
    assert_eq!(other.code(), "DuplicateTargetGroupName");
}

#[tokio::test]
async fn secret_scheduled_for_deletion_keeps_its_name() {
    let sandbox = Sandbox::start().await;
    let call = async |operation: &str, body| {
        sandbox.json("secretsmanager", &format!("secretsmanager.{operation}"), body).await
    };
    let create = json!({ "Name": "s", "SecretString": "x", "ClientRequestToken": "0".repeat(32) });
    call("CreateSecret", create.clone()).await.ok();
    call("DeleteSecret", json!({ "SecretId": "s", "RecoveryWindowInDays": 7 })).await.ok();
    assert_eq!(call("CreateSecret", create.clone()).await.code(), "InvalidRequestException");
    call("RestoreSecret", json!({ "SecretId": "s" })).await.ok();
    call("DeleteSecret", json!({ "SecretId": "s", "ForceDeleteWithoutRecovery": true })).await.ok();
    call("CreateSecret", create).await.ok();
}

#[tokio::test]
async fn name_of_a_deleted_parameter_stays_reserved_briefly() {
    let sandbox = Sandbox::start_with(&["--provision-scale", "0.02"]).await;
    let call = async |operation: &str, body| sandbox.json("ssm", &format!("AmazonSSM.{operation}"), body).await;
    let create = json!({ "Name": "/lock", "Type": "String", "Value": "x" });
    call("PutParameter", create.clone()).await.ok();
    assert_eq!(call("PutParameter", create.clone()).await.code(), "ParameterAlreadyExists");
    call("DeleteParameter", json!({ "Name": "/lock" })).await.ok();
    let early = call("PutParameter", create.clone()).await;
    assert_eq!((early.status, early.code().as_str()), (400, "TooManyUpdates"));
    assert_eq!(call("GetParameter", json!({ "Name": "/lock" })).await.code(), "ParameterNotFound");
    call("PutParameter", json!({ "Name": "/other", "Type": "String", "Value": "x" })).await.ok();
    until("the name is free", async || (call("PutParameter", create.clone()).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn roles_are_listed_by_path_in_pages_and_without_tags() {
    let sandbox = Sandbox::start().await;
    for (name, path) in [("a", "/stackctl/"), ("b", "/stackctl/"), ("c", "/stackctl/"), ("d", "/other/")] {
        let tagged = [("Tags.member.1.Key", "of"), ("Tags.member.1.Value", name), ("Description", "says it")];
        let params = [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", TRUST)];
        sandbox.query("iam", "CreateRole", &[params.as_slice(), &tagged].concat()).await.ok();
    }
    let first = [("PathPrefix", "/stackctl/"), ("MaxItems", "2")];
    let page = sandbox.query("iam", "ListRoles", &first).await.ok();
    assert_eq!((page.elements("RoleName").len(), page.id("IsTruncated").as_str()), (2, "true"));
    assert_eq!((page.elements("Description").len(), page.elements("Value").len()), (2, 0));
    let marker = page.id("Marker");
    let next = [first[0], first[1], ("Marker", marker.as_str())];
    let page = sandbox.query("iam", "ListRoles", &next).await.ok();
    assert_eq!((page.elements("RoleName").len(), page.id("IsTruncated").as_str()), (1, "false"));
}

#[tokio::test]
async fn managed_policy_has_quotas_and_is_deleted_last() {
    let sandbox = Sandbox::start().await;
    let iam = async |operation: &str, params: &[(&str, &str)]| sandbox.query("iam", operation, params).await;
    iam("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)]).await.ok();
    let make = async |name: &str, document: &str| {
        iam("CreatePolicy", &[("PolicyName", name), ("Path", "/stackctl/"), ("PolicyDocument", document)]).await
    };
    let streams = (0..100).map(|n| format!("arn:aws:logs:eu-west-1:123456789012:log-group:g{n}:log-stream:*"));
    let long = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": streams.collect::<Vec<_>>() },
    ] });
    assert_eq!(make("long", &long.to_string()).await.code(), "LimitExceeded");
    let arn = make("p0", POLICY).await.ok().id("Arn");
    assert_eq!(make("p0", POLICY).await.code(), "EntityAlreadyExists");
    let attach = async |arn: &str| iam("AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", arn)]).await;
    attach(&arn).await.ok();
    attach(&arn).await.ok();
    let listed = iam("ListPolicies", &[("PathPrefix", "/stackctl/"), ("Scope", "Local")]).await.ok();
    assert_eq!((listed.id("AttachmentCount").as_str(), listed.id("DefaultVersionId").as_str()), ("1", "v1"));
    for number in 1..10 {
        attach(&make(&format!("p{number}"), POLICY).await.ok().id("Arn")).await.ok();
    }
    assert_eq!(attach(&make("p10", POLICY).await.ok().id("Arn")).await.code(), "LimitExceeded");
    assert_eq!(iam("DeletePolicy", &[("PolicyArn", &arn)]).await.code(), "DeleteConflict", "it is attached");
    iam("DetachRolePolicy", &[("RoleName", "r"), ("PolicyArn", &arn)]).await.ok();
    let version = [("PolicyArn", arn.as_str()), ("PolicyDocument", POLICY), ("SetAsDefault", "true")];
    iam("CreatePolicyVersion", &version).await.ok();
    assert_eq!(iam("DeletePolicy", &[("PolicyArn", &arn)]).await.code(), "DeleteConflict", "it has two versions");
    iam("DeletePolicyVersion", &[("PolicyArn", &arn), ("VersionId", "v1")]).await.ok();
    iam("DeletePolicy", &[("PolicyArn", &arn)]).await.ok();
}

#[tokio::test]
async fn log_group_accepts_only_valid_retention_periods() {
    let sandbox = Sandbox::start().await;
    let call = async |operation: &str, body| sandbox.json("logs", &format!("Logs_20140328.{operation}"), body).await;
    call("CreateLogGroup", json!({ "logGroupName": "web" })).await.ok();
    let keep = |days: u32| json!({ "logGroupName": "web", "retentionInDays": days });
    assert_eq!(call("PutRetentionPolicy", keep(31)).await.code(), "InvalidParameterException");
    call("PutRetentionPolicy", keep(30)).await.ok();
}

#[tokio::test]
async fn ecr_refuses_names_with_two_separators_in_a_row() {
    let mut sandbox = Sandbox::start().await;
    sandbox.ask_wrong_on_purpose();
    let call = async |operation: &str, body| {
        sandbox.json("ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), body).await
    };
    for name in ["shop/test/my__app", "shop/test/gr--e-app", "shop/test/App", "shop//app"] {
        let refused = call("CreateRepository", json!({ "repositoryName": name })).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "InvalidParameterException"), "{name}");
    }
    let named = json!({ "repositoryName": "shop/test/my-app" });
    call("CreateRepository", named.clone()).await.ok();
    let mut none = named;
    none["imageIds"] = json!([{ "imageTag": "1.0.0-1" }]);
    let answer = call("BatchDeleteImage", none).await.ok().value();
    assert_eq!(answer["failures"][0]["failureCode"], "ImageNotFound");
}

#[tokio::test]
async fn ecs_refuses_oversized_definitions_and_overrides() {
    let sandbox = Sandbox::start().await;
    let call = async |operation: &str, body| {
        sandbox.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body).await
    };
    let definition = |value: usize| {
        let variable = json!({ "name": "A", "value": "a".repeat(value) });
        json!({
            "family": "web", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
            "containerDefinitions": [{ "name": "web", "image": "web", "environment": [variable] }],
        })
    };
    assert_eq!(call("RegisterTaskDefinition", definition(65_536)).await.code(), "ClientException");
    call("RegisterTaskDefinition", definition(60_000)).await.ok();
    call("CreateCluster", json!({ "clusterName": "main" })).await.ok();
    let overrides = json!({ "containerOverrides": [{ "name": "web", "command": ["a".repeat(8_192)] }] });
    let run = json!({ "cluster": "main", "taskDefinition": "web", "overrides": overrides });
    assert_eq!(call("RunTask", run).await.code(), "InvalidParameterException");
}

#[tokio::test]
async fn rule_with_more_than_five_wildcards_is_refused() {
    let sandbox = Sandbox::start().await;
    let (_, subnets) = network(&sandbox).await;
    let elb = "elasticloadbalancing";
    let balancer =
        [("Name", "web"), ("Subnets.member.1", subnets[0].as_str()), ("Subnets.member.2", subnets[1].as_str())];
    let balancer = sandbox.query(elb, "CreateLoadBalancer", &balancer).await.ok().id("LoadBalancerArn");
    let answer = [
        ("DefaultActions.member.1.Type", "fixed-response"),
        ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
    ];
    let listener = [("LoadBalancerArn", balancer.as_str()), ("Protocol", "HTTP"), ("Port", "80"), answer[0], answer[1]];
    let listener = sandbox.query(elb, "CreateListener", &listener).await.ok().id("ListenerArn");
    let rule = async |priority: &str, path: &str| {
        let params = [
            ("ListenerArn", listener.as_str()),
            ("Priority", priority),
            ("Conditions.member.1.Field", "host-header"),
            ("Conditions.member.1.HostHeaderConfig.Values.member.1", "*.example.com"),
            ("Conditions.member.2.Field", "path-pattern"),
            ("Conditions.member.2.PathPatternConfig.Values.member.1", path),
            ("Actions.member.1.Type", "fixed-response"),
            ("Actions.member.1.FixedResponseConfig.StatusCode", "404"),
        ];
        sandbox.query(elb, "CreateRule", &params).await
    };
    rule("1", "/*/?/*/*").await.ok();
    assert_eq!(rule("2", "/*/?/*/*/*").await.code(), "ValidationError");
}

#[tokio::test]
async fn protected_log_group_and_host_cannot_be_deleted() {
    let sandbox = Sandbox::start().await;
    let logs = async |operation: &str, body| sandbox.json("logs", &format!("Logs_20140328.{operation}"), body).await;
    let named = json!({ "logGroupName": "/web" });
    logs("CreateLogGroup", named.clone()).await.ok();
    let protect = |on: bool| json!({ "logGroupIdentifier": "/web", "deletionProtectionEnabled": on });
    logs("PutLogGroupDeletionProtection", protect(true)).await.ok();
    let shown = logs("DescribeLogGroups", json!({})).await.ok().value();
    assert_eq!(shown["logGroups"][0]["deletionProtectionEnabled"], true);
    assert_eq!(logs("DeleteLogGroup", named.clone()).await.code(), "ValidationException");
    logs("PutLogGroupDeletionProtection", protect(false)).await.ok();
    logs("DeleteLogGroup", named).await.ok();

    let (_, subnets) = network(&sandbox).await;
    let image = "resolve:ssm:/aws/service/debian/release/13/latest/arm64";
    let host = [
        ("ImageId", image),
        ("InstanceType", "t4g.nano"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.SubnetId", subnets[0].as_str()),
    ];
    let host = sandbox.query("ec2", "RunInstances", &host).await.ok().id("instanceId");
    let terminate = [("InstanceId.1", host.as_str())];
    let protect = [("InstanceId", host.as_str()), ("DisableApiTermination.Value", "true")];
    sandbox.query("ec2", "ModifyInstanceAttribute", &protect).await.ok();
    assert_eq!(sandbox.query("ec2", "TerminateInstances", &terminate).await.code(), "OperationNotPermitted");
    let protect = [("InstanceId", host.as_str()), ("DisableApiTermination.Value", "false")];
    sandbox.query("ec2", "ModifyInstanceAttribute", &protect).await.ok();
    sandbox.query("ec2", "TerminateInstances", &terminate).await.ok();
}
