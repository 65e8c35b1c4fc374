"""EC2 instances: images named by public parameters, and calls that are repeated."""

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend

from . import patch

# Images as their makers publish them, by parameter.
IMAGES = {
    "/aws/service/debian/release/13/latest/arm64": "ami-0debian13arm64000",
    "/aws/service/debian/release/13/latest/amd64": "ami-0debian13amd64000",
}

# What a call with a client token has made: a repeated call gets it again.
made = {}


@patch(InstanceBackend, "run_instances")
def run_instances(original, self, image_id, count, user_data, security_group_names, **kwargs):
    token = kwargs.get("client_token")
    if token in made:
        return made[token]
    if image_id.startswith("resolve:ssm:"):
        parameter = image_id.removeprefix("resolve:ssm:")
        if parameter not in IMAGES:
            raise EC2ClientError("InvalidParameterValue", f"The SSM parameter '{parameter}' cannot be resolved.")
        image_id = IMAGES[parameter]
    if user_data is not None and len(user_data.as_bytes()) > 4 * (16 * 1024 + 2) // 3:
        raise EC2ClientError("InvalidParameterValue", "User data is limited to 16384 bytes")
    reservation = original(self, image_id, count, user_data, security_group_names, **kwargs)
    for instance in reservation.instances:
        # The groups of an instance are those of its first interface, also where they were given with that.
        instance.security_groups = list(instance.nics[0].group_set)
    if token:
        made[token] = reservation
    return reservation


@patch(InstanceBackend, "terminate_instances")
def terminate_instances(original, self, instance_ids):
    """moto keeps the attribute as the text that a call sends, and compares it with a truth value."""
    for instance in self.get_multi_instances_by_id(instance_ids):
        if str(instance.disable_api_termination).lower() == "true":
            message = (
                f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance "
                "attribute and try again."
            )
            raise EC2ClientError("OperationNotPermitted", message)
    return original(self, instance_ids)
