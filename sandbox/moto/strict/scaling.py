"""Application Auto Scaling: limits, policies and scheduled actions that need their target, and alarms that go with their policy."""

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeApplicationAutoscalingPolicy
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError
from moto.elbv2.models import elbv2_backends

from . import all_of, patch


@patch(ApplicationAutoscalingBackend, "_ecs_service_exists_for_target")
def ecs_service_exists(original, self, r_id):
    # The gateway has looked: its services are not moto's.
    return True


@patch(ApplicationAutoscalingBackend, "register_scalable_target")
def register_scalable_target(original, self, namespace, r_id, dimension, min_capacity, max_capacity, *args, **kwargs):
    known = self.targets.get(dimension, {}).get(r_id)
    least = min_capacity if min_capacity is not None else known and known.min_capacity
    most = max_capacity if max_capacity is not None else known and known.max_capacity
    if least is None or most is None:
        raise AWSValidationException("Min capacity and max capacity are required for a new scalable target")
    if least > most:
        raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")
    return original(self, namespace, r_id, dimension, min_capacity, max_capacity, *args, **kwargs)


@patch(ApplicationAutoScalingResponse, "register_scalable_target")
def register_with_tags(original, self):
    backend = self.applicationautoscaling_backend
    known = self._get_param("ResourceId") in backend.targets.get(self._get_param("ScalableDimension"), {})
    if known and self._get_param("Tags"):
        # Tags are for a new target; one that exists is tagged by TagResource.
        raise AWSValidationException("Tags cannot be given for a scalable target that is registered already")
    return original(self)


@patch(ApplicationAutoscalingBackend, "deregister_scalable_target")
def deregister_scalable_target(original, self, namespace, r_id, dimension):
    if r_id not in self.targets.get(dimension, {}):
        raise JsonRESTError("ObjectNotFoundException", f"No scalable target found for {namespace}, {r_id}, {dimension}")
    for key, policy in list(self.policies.items()):
        if (policy.resource_id, policy.scalable_dimension) == (r_id, dimension):
            policy.delete_alarms(self.account_id, self.region_name)
            del self.policies[key]
    self.scheduled_actions = [
        action for action in self.scheduled_actions
        if (action.resource_id, action.scalable_dimension) != (r_id, dimension)
    ]
    return original(self, namespace, r_id, dimension)


def counted(label):
    """Whether the requests of this target group at this load balancer can be counted."""
    for balancer in all_of(elbv2_backends, "load_balancers"):
        for group in all_of(elbv2_backends, "target_groups"):
            names = balancer.arn.split("loadbalancer/")[1], group.arn.split(":")[-1]
            if label == "/".join(names) and balancer.arn in group.load_balancer_arns:
                return True
    return False


@patch(ApplicationAutoscalingBackend, "put_scaling_policy")
def put_scaling_policy(
    original, self, policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type
):
    if resource_id not in self.targets.get(scalable_dimension, {}):
        raise JsonRESTError("ObjectNotFoundException", f"No scalable target registered for {resource_id}")
    metric = (policy_body or {}).get("PredefinedMetricSpecification", {})
    if metric.get("PredefinedMetricType") == "ALBRequestCountPerTarget" and not counted(metric.get("ResourceLabel")):
        raise AWSValidationException(f"Invalid resource label: {metric.get('ResourceLabel')}")
    key = FakeApplicationAutoscalingPolicy.formulate_key(
        service_namespace, resource_id, scalable_dimension, policy_name
    )
    if key in self.policies:
        # moto makes two alarms more with each change of a policy.
        self.policies[key].delete_alarms(self.account_id, self.region_name)
    return original(
        self, policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type
    )


@patch(ApplicationAutoscalingBackend, "delete_scaling_policy")
def delete_scaling_policy(original, self, policy_name, service_namespace, resource_id, scalable_dimension):
    key = FakeApplicationAutoscalingPolicy.formulate_key(
        service_namespace, resource_id, scalable_dimension, policy_name
    )
    if key not in self.policies:
        raise JsonRESTError("ObjectNotFoundException", f"No scaling policy found: {policy_name}")
    return original(self, policy_name, service_namespace, resource_id, scalable_dimension)


@patch(ApplicationAutoscalingBackend, "put_scheduled_action")
def put_scheduled_action(
    original, self, service_namespace, schedule, timezone, scheduled_action_name, resource_id, scalable_dimension,
    start_time, end_time, scalable_target_action,
):
    if resource_id not in self.targets.get(scalable_dimension, {}):
        raise JsonRESTError("ObjectNotFoundException", f"No scalable target registered for {resource_id}")
    limits = scalable_target_action or {}
    least, most = limits.get("MinCapacity"), limits.get("MaxCapacity")
    if least is not None and most is not None and least > most:
        raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")
    return original(
        self, service_namespace, schedule, timezone, scheduled_action_name, resource_id, scalable_dimension,
        start_time, end_time, scalable_target_action,
    )


@patch(ApplicationAutoscalingBackend, "delete_scheduled_action")
def delete_scheduled_action(original, self, service_namespace, scheduled_action_name, resource_id, scalable_dimension):
    key = (scheduled_action_name, resource_id, scalable_dimension)
    known = [(one.scheduled_action_name, one.resource_id, one.scalable_dimension) for one in self.scheduled_actions]
    if key not in known:
        raise JsonRESTError("ObjectNotFoundException", f"No scheduled action found: {scheduled_action_name}")
    return original(self, service_namespace, scheduled_action_name, resource_id, scalable_dimension)
