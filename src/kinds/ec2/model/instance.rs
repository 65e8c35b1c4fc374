//! The operations on instances.

use aws_sdk_ec2::{
    operation::{
        describe_instance_attribute::{
            DescribeInstanceAttributeError, DescribeInstanceAttributeInput, DescribeInstanceAttributeOutput,
        },
        describe_instances::{DescribeInstancesError, DescribeInstancesInput, DescribeInstancesOutput},
        modify_instance_attribute::{
            ModifyInstanceAttributeError, ModifyInstanceAttributeInput, ModifyInstanceAttributeOutput,
        },
        modify_instance_metadata_options::{
            ModifyInstanceMetadataOptionsError, ModifyInstanceMetadataOptionsInput, ModifyInstanceMetadataOptionsOutput,
        },
        run_instances::{RunInstancesError, RunInstancesInput, RunInstancesOutput},
        start_instances::{StartInstancesError, StartInstancesInput, StartInstancesOutput},
        terminate_instances::{TerminateInstancesError, TerminateInstancesInput, TerminateInstancesOutput},
    },
    types::{
        AttributeBooleanValue, GroupIdentifier, HttpTokensState, Instance, InstanceMetadataOptionsResponse,
        InstanceState, InstanceStateName, Reservation, ResourceType,
    },
};

use super::state::{self, Ec2, find, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(RunInstancesError::generic, run);
    cloud.on(DescribeInstancesError::generic, describe);
    cloud.on(DescribeInstanceAttributeError::generic, attribute);
    cloud.on(ModifyInstanceAttributeError::generic, modify);
    cloud.on(ModifyInstanceMetadataOptionsError::generic, modify_metadata);
    cloud.on(StartInstancesError::generic, start);
    cloud.on(TerminateInstancesError::generic, terminate);
}

/// Returns the line for an instance, or `None` if it is terminated. EC2 lists a terminated instance for about an hour.
pub(super) fn line(instance: &Instance) -> Option<String> {
    let gone = name(instance) == Some(&InstanceStateName::Terminated);
    (!gone).then(|| state::line("instance", instance.tags()))
}

fn name(instance: &Instance) -> Option<&InstanceStateName> {
    instance.state().and_then(InstanceState::name)
}

fn in_state(name: &InstanceStateName) -> InstanceState {
    InstanceState::builder().name(name.clone()).build()
}

impl Ec2 {
    fn instance(&mut self, id: Option<&str>) -> Result<&mut Instance, Refusal> {
        let at = find(&self.instances, Instance::instance_id, id, "InvalidInstanceID.NotFound")?;
        Ok(&mut self.instances[at])
    }

    /// Puts every instance into `state`, as a user of the console would.
    pub(in super::super) fn put_into(&mut self, state: &InstanceStateName) {
        self.instances.iter_mut().for_each(|instance| instance.state = Some(in_state(state)));
    }

    /// Protects every instance from termination, as a user of the console would.
    pub(in super::super) fn protect_instances(&mut self) {
        self.protected = true;
    }

    /// Allows every instance to serve its metadata without a session token.
    pub(in super::super) fn allow_imdsv1(&mut self) {
        for instance in &mut self.instances {
            let options = InstanceMetadataOptionsResponse::builder().http_tokens(HttpTokensState::Optional);
            instance.metadata_options = Some(options.build());
        }
    }
}

fn groups(ec2: &mut Ec2, ids: &[String]) -> Result<Vec<GroupIdentifier>, Refusal> {
    let known = ids.iter().map(|id| {
        ec2.security_group(Some(id))?;
        Ok(GroupIdentifier::builder().group_id(id).build())
    });
    known.collect()
}

/// For a known client token, EC2 returns the instance that it created for that token, even if it is terminated.
fn run(ec2: &mut Ec2, input: &RunInstancesInput) -> Result<RunInstancesOutput, Refusal> {
    let made = ec2.tokens.get(input.client_token().unwrap_or_default()).cloned();
    if let Some(made) = made {
        let instance = ec2.instance(Some(&made))?.clone();
        return Ok(RunInstancesOutput::builder().instances(instance).build());
    }
    let no_interface = || Refusal::new("InvalidParameterCombination", "the model wants one network interface");
    let interface = input.network_interfaces().first().ok_or_else(no_interface)?;
    ec2.subnet(interface.subnet_id())?;
    let groups = groups(ec2, interface.groups())?;
    let id = ec2.id("i");
    ec2.tokens.extend(input.client_token.clone().map(|token| (token, id.clone())));
    let tokens = input.metadata_options().and_then(|options| options.http_tokens.clone());
    let instance = Instance::builder()
        .instance_id(id)
        .set_instance_type(input.instance_type.clone())
        .set_subnet_id(interface.subnet_id.clone())
        .set_security_groups(Some(groups))
        .metadata_options(InstanceMetadataOptionsResponse::builder().set_http_tokens(tokens).build())
        .state(in_state(&InstanceStateName::Pending))
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::Instance)))
        .build();
    ec2.instances.push(instance.clone());
    Ok(RunInstancesOutput::builder().instances(instance).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeInstancesInput) -> Result<DescribeInstancesOutput, Refusal> {
    let mut shown = Vec::new();
    for instance in &mut ec2.instances {
        let id = instance.instance_id().unwrap_or_default();
        if !passes(input.filters(), instance.tags(), &[("instance-id", &[id])]) {
            continue;
        }
        shown.push(instance.clone());
        let next = match name(instance) {
            Some(InstanceStateName::Pending) => InstanceStateName::Running,
            Some(InstanceStateName::Stopping) => InstanceStateName::Stopped,
            Some(InstanceStateName::ShuttingDown) => InstanceStateName::Terminated,
            _ => continue,
        };
        instance.state = Some(in_state(&next));
    }
    let reservation = Reservation::builder().set_instances(Some(shown)).build();
    Ok(DescribeInstancesOutput::builder().reservations(reservation).build())
}

/// Returns the requested attribute.
fn attribute(
    ec2: &mut Ec2,
    input: &DescribeInstanceAttributeInput,
) -> Result<DescribeInstanceAttributeOutput, Refusal> {
    let protected = AttributeBooleanValue::builder().value(ec2.protected).build();
    ec2.instance(input.instance_id())?;
    Ok(DescribeInstanceAttributeOutput::builder().disable_api_termination(protected).build())
}

fn modify(ec2: &mut Ec2, input: &ModifyInstanceAttributeInput) -> Result<ModifyInstanceAttributeOutput, Refusal> {
    let groups = groups(ec2, input.groups())?;
    ec2.instance(input.instance_id())?.security_groups = Some(groups);
    Ok(ModifyInstanceAttributeOutput::builder().build())
}

fn modify_metadata(
    ec2: &mut Ec2,
    input: &ModifyInstanceMetadataOptionsInput,
) -> Result<ModifyInstanceMetadataOptionsOutput, Refusal> {
    let tokens = input.http_tokens.clone();
    let options = InstanceMetadataOptionsResponse::builder().set_http_tokens(tokens).build();
    ec2.instance(input.instance_id())?.metadata_options = Some(options);
    Ok(ModifyInstanceMetadataOptionsOutput::builder().build())
}

fn start(ec2: &mut Ec2, input: &StartInstancesInput) -> Result<StartInstancesOutput, Refusal> {
    for id in input.instance_ids() {
        let instance = ec2.instance(Some(id))?;
        match name(instance) {
            Some(InstanceStateName::Stopped) => instance.state = Some(in_state(&InstanceStateName::Pending)),
            Some(InstanceStateName::Pending | InstanceStateName::Running) => {}
            _ => return Err(Refusal::new("IncorrectInstanceState", "the instance cannot be started from its state")),
        }
    }
    Ok(StartInstancesOutput::builder().build())
}

fn terminate(ec2: &mut Ec2, input: &TerminateInstancesInput) -> Result<TerminateInstancesOutput, Refusal> {
    if ec2.protected {
        return Err(Refusal::new("OperationNotPermitted", "The instance may not be terminated."));
    }
    for id in input.instance_ids() {
        let instance = ec2.instance(Some(id))?;
        if line(instance).is_some() {
            instance.state = Some(in_state(&InstanceStateName::ShuttingDown));
        }
    }
    Ok(TerminateInstancesOutput::builder().build())
}
