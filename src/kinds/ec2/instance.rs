//! An EC2 instance: the bastion host. It is configured from its user data at launch and replaced when the user data
//! changes.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/concepts.html>

use std::time::Duration;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, BlockDeviceMapping, EbsBlockDevice, HttpTokensState, Instance as SdkInstance,
    InstanceAttributeName, InstanceMetadataEndpointState, InstanceMetadataOptionsRequest,
    InstanceNetworkInterfaceSpecification, InstanceType, ResourceType, VolumeType,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Blocker, Charge, Context, Cost, Doc, Kind, Owned, PUBLIC_ADDRESS, Replacement, State},
    kinds::ec2,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, Shown, fields},
};

/// The tag that holds a hash of the user data. AWS returns user data for one instance per call only.
const USER_DATA: &str = "stackctl:user-data";

/// The disk size of the bastion in GiB, which is the size of the Debian images. `DescribeInstances` does not return the
/// disk size, but no version of stackctl has used another size, so this is also the size of every existing bastion.
pub const DISK: u32 = 8;

/// An EC2 instance.
pub struct Instance;

/// The instance that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The public SSM parameter that holds the image id. EC2 reads it at launch.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html>
    pub image_parameter: String,
    /// The image's root device, such as `/dev/xvda`.
    pub root_device: String,
    /// The instance type, such as `t4g.nano`.
    pub class: String,
    /// The size of its encrypted disk, in GiB.
    pub disk: u32,
    /// The public subnet of the instance.
    pub subnet: Input,
    /// The security group that allows incoming connections.
    pub security_group: Input,
    /// The user data that cloud-init runs at the first start: at most 16 KiB.
    pub user_data: String,
}

/// The instance as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `i-…`.
    pub id: String,
    /// The state that AWS reports, such as `running`.
    pub state: String,
    /// The reason why AWS stopped the instance or did not start it.
    pub reason: Option<String>,
    /// The instance type.
    pub class: String,
    /// The subnet of the instance.
    pub subnet: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The hash of its user data.
    pub user_data: String,
    /// Whether the metadata service requires session tokens (IMDSv2).
    pub tokens_required: bool,
    /// Its public address, while it runs.
    pub public_ip: Option<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        SecurityGroup = "security_group",
        SessionTokens = "imdsv2_only",
        State = "state",
    }

    /// The fields whose change replaces the instance.
    pub enum Fixed {
        Class = "class",
        Subnet = "subnet",
        UserData = "user_data",
    }
}

impl Kind for Instance {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "instance";
    const HEADLINE: &'static [&'static str] = &["class", "disk"];
    const DOC: Doc = Doc {
        summary: "The bastion: a small host through which you connect to the database.",
        page: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/concepts.html",
    };
    const USES: &'static [&'static str] = &["subnet", "security_group", "internet_gateway"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Counted {
        prices: &["instance * hour", "disk GB month", PUBLIC_ADDRESS],
        charge: |_, state, _| Ok(Some(charge(state))),
    };
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeInstances"]),
        Permission::make(&["ec2:RunInstances"], On::Tagged),
        Permission::make(
            &[
                "ec2:ModifyInstanceAttribute",
                "ec2:ModifyInstanceMetadataOptions",
                "ec2:RunInstances",
                "ec2:StartInstances",
            ],
            On::Owned,
        ),
        // The image does not belong to the stack, and the network interface is created without tags.
        Permission::make(
            &["ec2:RunInstances"],
            On::Named(&["ec2:{region}::image/*", "ec2:{region}:{account}:network-interface/*"]),
        ),
        // EC2 reads the image parameter with the permissions of the caller.
        Permission::make(&["ssm:GetParameters"], On::Named(&["ssm:{region}::parameter/aws/service/*"])),
        ec2::TAGGING,
        Permission::delete(&["ec2:TerminateInstances"], On::Owned),
        // Finds termination protection, which blocks a deletion.
        Permission::delete(&["ec2:DescribeInstanceAttribute"], On::Owned),
    ];
    // The new host accepts connections before the old host is deleted.
    const REPLACEMENT: Replacement = Replacement::CreateFirst;
    const USUAL: Duration = Duration::from_secs(30);
    const DEADLINE: Duration = Duration::from_secs(600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx.aws.ec2.describe_instances().set_filters(Some(ec2::wanted(cx, "instance-id"))).into_paginator();
        let reservations = pages.items().send().try_collect().await.during("DescribeInstances")?;
        Ok(reservations
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default())
            // AWS lists a terminated instance for about an hour.
            .filter(|instance| state(instance) != "terminated")
            .filter_map(|instance| {
                let address = cx.address_of(instance.tags())?;
                let live = live(instance)?;
                Some(Found { address, id: live.id.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed(Fixed::Class, &live.class, &desired.class);
        diff.fixed_input(Fixed::Subnet, &live.subnet, &desired.subnet);
        let group = std::slice::from_ref(&desired.security_group);
        diff.inputs(Field::SecurityGroup, &live.security_groups, group);
        let wanted = fingerprint(&desired.user_data);
        if live.user_data != wanted {
            // cloud-init reads the user data at the first start only.
            diff.push_fixed(Fixed::UserData, Shown::value(&live.user_data), Shown::value(wanted));
        }
        diff.field(Field::SessionTokens, &live.tokens_required, &true);
        if ["stopping", "stopped"].contains(&live.state.as_str()) {
            diff.push(Field::State, Shown::value(&live.state), Shown::value("running"));
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        match live.state.as_str() {
            "running" => Phase::Ready,
            "shutting-down" => Phase::Deleting("shutting down".into()),
            "stopped" => Phase::Failed(live.reason.clone().unwrap_or_else(|| "stopped".into())),
            other => Phase::Pending(other.to_owned()),
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id).with_some("public_ip", live.public_ip.as_deref())
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let disk = EbsBlockDevice::builder()
            .encrypted(true)
            .volume_type(VolumeType::Gp3)
            .volume_size(aws::signed(desired.disk))
            .delete_on_termination(true)
            .build();
        let metadata = InstanceMetadataOptionsRequest::builder()
            .http_endpoint(InstanceMetadataEndpointState::Enabled)
            .http_tokens(HttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .build();
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .associate_public_ip_address(true)
            .subnet_id(desired.subnet.get()?)
            .groups(desired.security_group.get()?)
            .build();
        let hash = fingerprint(&desired.user_data);
        let tags = ec2::tagged(&cx.id, address, ResourceType::Instance);
        let mut all = tags.tags().to_vec();
        all.push(aws::tag(USER_DATA, &hash));
        let tags = aws_sdk_ec2::types::TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .set_tags(Some(all))
            .build();
        let call = cx
            .aws
            .ec2
            .run_instances()
            .image_id(format!("resolve:ssm:{}", desired.image_parameter))
            .instance_type(InstanceType::from(desired.class.as_str()))
            .min_count(1)
            .max_count(1)
            // Repeated calls of one run must create one instance. A later run must not get an instance that was
            // terminated since.
            .client_token(aws::discriminated(&cx.id, address, &format!("{hash} {}", cx.run), 64))
            .user_data(BASE64_STANDARD.encode(&desired.user_data))
            .metadata_options(metadata)
            .network_interfaces(interface)
            .block_device_mappings(BlockDeviceMapping::builder().device_name(&desired.root_device).ebs(disk).build())
            .tag_specifications(tags)
            .tag_specifications(ec2::tagged(&cx.id, address, ResourceType::Volume));
        let answer = call.customize().once().send().await.during("RunInstances")?;
        let made = answer.instances.and_then(|instances| instances.into_iter().next()).and_then(live);
        given(made, "RunInstances", "instances")
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        before: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = before.clone();
        for field in changes {
            match field {
                Field::SecurityGroup => {
                    let group = desired.security_group.get()?;
                    let call = cx.aws.ec2.modify_instance_attribute().instance_id(&live.id).groups(group);
                    call.customize().once().send().await.during("ModifyInstanceAttribute")?;
                    live.security_groups = vec![group.to_owned()];
                }
                Field::SessionTokens => {
                    let call = cx.aws.ec2.modify_instance_metadata_options().instance_id(&live.id);
                    let call = call.http_tokens(HttpTokensState::Required).http_put_response_hop_limit(1);
                    call.customize().once().send().await.during("ModifyInstanceMetadataOptions")?;
                    live.tokens_required = true;
                }
                Field::State => {
                    let call = cx.aws.ec2.start_instances().instance_ids(&live.id);
                    call.customize().once().send().await.during("StartInstances")?;
                    "pending".clone_into(&mut live.state);
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.state == "shutting-down" {
            return Ok(());
        }
        let call = cx.aws.ec2.terminate_instances().instance_ids(&live.id).customize().once();
        call.send().await.or_absent("TerminateInstances", &["InvalidInstanceID.NotFound"]).map(drop)
    }

    /// Reports termination protection, which `DescribeInstances` does not return.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html>
    async fn blockers(cx: &Context, going: &[Found<Live>], _owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let mut found = Vec::new();
        for instance in going {
            let call = cx.aws.ec2.describe_instance_attribute().instance_id(&instance.live.id);
            let answer = call.attribute(InstanceAttributeName::DisableApiTermination).send().await;
            let answer = answer.or_absent("DescribeInstanceAttribute", &["InvalidInstanceID.NotFound"])?;
            let protection = answer.as_ref().and_then(|answer| answer.disable_api_termination());
            if protection.and_then(AttributeBooleanValue::value) == Some(true) {
                let place = format!("of {}", instance.address);
                found.push(Blocker::new("termination protection", &instance.live.id, place, None, "disable it"));
            }
        }
        Ok(found)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // A stopping instance cannot be started until it has stopped.
        failure.is(&["IncorrectInstanceState"]).then_some("the instance to stop")
    }

    fn outdated(seen: &Live, written: &Live) -> bool {
        // Reads may be stale: AWS may still report an instance as stopped just after it was started.
        written.state == "pending" && ["stopping", "stopped"].contains(&seen.state.as_str())
    }

    fn summary(live: &Live) -> Option<String> {
        live.public_ip.as_ref().map(|ip| format!("ssh to {ip}"))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use aws_sdk_ec2::types::InstanceStateName;

        let base = || Desired {
            image_parameter: "/aws/service/debian/release/13/latest/arm64".into(),
            root_device: "/dev/xvda".into(),
            class: "t4g.nano".into(),
            disk: 8,
            subnet: "subnet-given".into(),
            security_group: "sg-given".into(),
            user_data: "#cloud-config".into(),
        };
        crate::kind::Sample::new(ec2::model::cloud, base())
            .variant(&["class"], Desired { class: "t4g.small".into(), ..base() })
            .variant(&["subnet"], Desired { subnet: "subnet-other".into(), ..base() })
            .variant(&["security_group"], Desired { security_group: "sg-other".into(), ..base() })
            .variant(&["user_data"], Desired { user_data: "#cloud-config\nusers: []".into(), ..base() })
            .drift(&["imdsv2_only"], |cloud| cloud.with(ec2::model::Ec2::allow_imdsv1))
            .drift(&["state"], |cloud| {
                cloud.with(|ec2: &mut ec2::model::Ec2| ec2.put_into(&InstanceStateName::Stopped));
            })
            .drift(&["state"], |cloud| {
                cloud.with(|ec2: &mut ec2::model::Ec2| ec2.put_into(&InstanceStateName::Stopping));
            })
    }
}

fn charge(state: &State<Desired, Live>) -> Charge {
    let (class, disk) = match state {
        State::Desired(desired) => (&desired.class, desired.disk),
        State::Live(live) => (&live.class, DISK),
    };
    Charge::new(format!("{class}, {disk} GiB, a public address"))
        .plus(format!("instance {class} hour"), 1)
        .plus("disk GB month", disk)
        .plus(PUBLIC_ADDRESS, 1)
}

fn state(instance: &SdkInstance) -> &str {
    instance.state().and_then(|state| state.name()).map_or("pending", |name| name.as_str())
}

fn live(instance: SdkInstance) -> Option<Live> {
    let tokens = instance.metadata_options().and_then(|options| options.http_tokens());
    Some(Live {
        state: state(&instance).to_owned(),
        reason: instance.state_reason().and_then(|reason| reason.message()).map(str::to_owned),
        class: instance.instance_type().map(|class| class.as_str().to_owned()).unwrap_or_default(),
        subnet: instance.subnet_id().unwrap_or_default().to_owned(),
        security_groups: instance
            .security_groups()
            .iter()
            .filter_map(|group| group.group_id().map(str::to_owned))
            .collect(),
        user_data: aws::tag_value(instance.tags(), USER_DATA).unwrap_or_default().to_owned(),
        tokens_required: tokens == Some(&HttpTokensState::Required),
        public_ip: instance.public_ip_address().map(str::to_owned),
        id: instance.instance_id?,
    })
}

/// Returns twelve hexadecimal digits of a hash of the user data.
fn fingerprint(user_data: &str) -> String {
    Sha256::digest(user_data).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        aws::model,
        kind::NoImages,
        model::{How, StackId},
    };

    fn desired(user_data: &str) -> Desired {
        Desired {
            image_parameter: "/aws/service/debian/release/13/latest/arm64".into(),
            root_device: "/dev/xvda".into(),
            class: "t4g.nano".into(),
            disk: 8,
            subnet: "subnet-1".into(),
            security_group: "sg-1".into(),
            user_data: user_data.into(),
        }
    }

    fn live(state: &str) -> Live {
        Live {
            id: "i-1".into(),
            state: state.into(),
            reason: None,
            class: "t4g.nano".into(),
            subnet: "subnet-1".into(),
            security_groups: vec!["sg-1".into()],
            user_data: fingerprint("one"),
            tokens_required: true,
            public_ip: Some("203.0.113.5".into()),
        }
    }

    #[test]
    fn changed_user_data_replaces_the_host() {
        assert_eq!(Instance::diff(&desired("one"), &live("running")), Vec::new());
        let changes = Instance::diff(&desired("two"), &live("running"));
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].field.as_str(), changes[0].how), ("user_data", How::Replace));
    }

    #[tokio::test]
    async fn termination_protection_is_reported_before_a_deletion() {
        let cloud = ec2::model::cloud();
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        let desired = Desired { subnet: "subnet-given".into(), security_group: "sg-given".into(), ..desired("one") };
        Instance::create(&cx, &Address::new("instance", "bastion"), &desired).await.expect("it is made");
        let going = Instance::list(&cx).await.expect("it is listed");
        assert_eq!(Instance::blockers(&cx, &going, &Owned::default()).await, Ok(Vec::new()));
        cloud.with(ec2::model::Ec2::protect_instances);
        let found = Instance::blockers(&cx, &going, &Owned::default()).await.expect("it can be asked");
        let id = &going[0].live.id;
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("termination protection {id} of instance.bastion: disable it")]);
    }

    #[test]
    fn optional_metadata_tokens_and_a_stopped_host_are_drift() {
        let weak = Live { tokens_required: false, ..live("stopped") };
        let fields: Vec<String> =
            Instance::diff(&desired("one"), &weak).into_iter().map(|change| change.field).collect();
        assert_eq!(fields, ["imdsv2_only", "state"]);
    }

    #[test]
    fn only_a_running_host_is_ready() {
        assert_eq!(Instance::phase(&live("running"), None), Phase::Ready);
        assert_eq!(Instance::phase(&live("pending"), None), Phase::Pending("pending".into()));
        assert_eq!(Instance::phase(&live("shutting-down"), None), Phase::Deleting("shutting down".into()));
        assert!(matches!(Instance::phase(&live("stopped"), None), Phase::Failed(_)));
    }
}
