"""Load balancers: names, zones, time, and repeats, as AWS has them; and the addresses at which they really listen."""

import ipaddress
import re
import time
from collections import deque

from moto.acm.models import AWSCertificateManagerBackend
from moto.core.exceptions import JsonRESTError
from moto.elbv2.exceptions import (
    DuplicateListenerError,
    ELBClientError,
    InvalidConditionValueError,
    ValidationError,
)
from moto.elbv2.responses import ELBV2Response
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, elbv2_backends

from . import all_of, later, patch, place
from .interfaces import LINGERS, linger

# AWS's usual time, in seconds.
ALB_CREATES = 120

# The last parts of the addresses of this sandbox that are free for load balancers, the one that was given back last at the
# end. Those of tasks and databases are above.
addresses = deque(range(10, 100))


def balancer_state(self):
    ready = self.__dict__.setdefault("_ready_at", later(ALB_CREATES))
    return {"Code": "active" if time.time() > ready else "provisioning"}


FakeLoadBalancer.load_balancer_state = property(balancer_state)


def check_name(name, what):
    good = 0 < len(name) <= 32 and not name.startswith(("-", "internal-")) and not name.endswith("-")
    if not good or not all(c.isalnum() or c == "-" for c in name):
        raise ValidationError(f"The {what} name '{name}' is not valid")


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(original, self, name, security_groups, subnet_ids, *args, **kwargs):
    check_name(name, "load balancer")
    for balancer in self.load_balancers.values():
        if balancer.name == name:
            if {s.id for s in balancer.subnets} == set(subnet_ids) and balancer.security_groups == security_groups:
                return balancer
            raise ELBClientError("DuplicateLoadBalancerName", f"A load balancer with the name '{name}' already exists")
    zones = {self.ec2_backend.get_subnet(subnet).availability_zone for subnet in subnet_ids}
    if len(zones) < 2:
        raise ValidationError("At least two subnets in two different Availability Zones must be specified")
    if not addresses:
        raise ELBClientError("TooManyLoadBalancers", "You have reached the maximum number of load balancers")
    balancer = original(self, name, security_groups, subnet_ids, *args, **kwargs)
    balancer.dns_name = f"{place['subnet']}.{addresses.popleft()}"
    balancer._ready_at = later(ALB_CREATES)
    return balancer


@patch(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(original, self, arn):
    balancer = self.load_balancers.get(arn)
    if balancer is not None:
        if balancer.attrs.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)
        subnets = [s.id for s in balancer.subnets]
        linger(LINGERS, subnets, balancer.security_groups, public=balancer.scheme != "internal")
        for group in self.target_groups.values():
            group.load_balancer_arns = [other for other in group.load_balancer_arns if other != arn]
    answer = original(self, arn)
    if balancer is not None:
        addresses.append(int(balancer.dns_name.rsplit(".", 1)[1]))
    return answer


# The ranges of a health check, and the codes that an ALB takes.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
CODES = re.compile(r"[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*")


GRPC_CODES = re.compile(r"\d\d?(-\d\d?)?(,\d\d?(-\d\d?)?)*")


def check_health(port, path, interval, timeout, healthy, unhealthy, codes, grpc_codes=None):
    """Refuses settings that AWS refuses; what is None is not set."""
    ranges = [("interval", interval, 5, 300), ("timeout", timeout, 2, 120), ("healthy threshold count", healthy, 2, 10),
              ("unhealthy threshold count", unhealthy, 2, 10)]
    if port not in (None, "traffic-port"):
        ranges.append(("port", port, 1, 65535))
    for what, value, least, most in ranges:
        if value is not None and not (str(value).isdigit() and least <= int(value) <= most):
            raise ValidationError(f"Health check {what} '{value}' must be between '{least}' and '{most}'")
    if interval is not None and timeout is not None and int(timeout) >= int(interval):
        raise ValidationError("Health check interval must be greater than the timeout.")
    if path is not None and not (path.startswith("/") and len(path) <= 1024):
        raise ValidationError(f"Health check path '{path}' is not valid")
    if codes is not None and not CODES.fullmatch(codes):
        raise ValidationError(f"Health check matcher HTTP code '{codes}' must be within '200-499'")
    if grpc_codes is not None and not GRPC_CODES.fullmatch(grpc_codes):
        raise ValidationError(f"Health check matcher GRPC code '{grpc_codes}' must be within '0-99' inclusive")


def check_matcher(version, matcher):
    """gRPC has codes of its own, and no others."""
    wrong = "HttpCode" if version == "GRPC" else "GrpcCode"
    if matcher.get(wrong) is not None:
        raise ValidationError(f"Health check matcher '{wrong}' does not go with the protocol version '{version}'")


@patch(ELBV2Response, "modify_target_group")
def answer_modify_target_group(original, self):
    """moto reads the codes of HTTP alone."""
    codes = self._get_param("Matcher.GrpcCode")
    group = self.elbv2_backend.target_groups.get(self._get_param("TargetGroupArn"))
    if group is not None:
        matcher = {key: self._get_param(f"Matcher.{key}") for key in ("HttpCode", "GrpcCode")}
        check_matcher(group.protocol_version or "HTTP1", matcher)
    answer = original(self)
    if codes is not None:
        check_health(None, None, None, None, None, None, None, codes)
        group.matcher = {"GrpcCode": codes}
    return answer


@patch(ELBv2Backend, "modify_target_group")
def modify_target_group(original, self, arn, protocol=None, port=None, path=None, interval=None, timeout=None,
                        healthy=None, unhealthy=None, codes=None, health_check_enabled=None):
    group = self.target_groups.get(arn)
    if group is not None:
        check_health(port, path, interval or group.health_check_interval_seconds,
                     timeout or group.health_check_timeout_seconds, healthy, unhealthy, codes)
    return original(self, arn, protocol, port, path, interval, timeout, healthy, unhealthy, codes,
                    health_check_enabled)


@patch(ELBv2Backend, "create_target_group")
def create_target_group(original, self, name, *args, **kwargs):
    check_name(name, "target group")
    check_health(kwargs.get("healthcheck_port"), kwargs.get("healthcheck_path"),
                 kwargs.get("healthcheck_interval_seconds"), kwargs.get("healthcheck_timeout_seconds"),
                 kwargs.get("healthy_threshold_count"), kwargs.get("unhealthy_threshold_count"),
                 (kwargs.get("matcher") or {}).get("HttpCode"), (kwargs.get("matcher") or {}).get("GrpcCode"))
    check_matcher(kwargs.get("protocol_version") or "HTTP1", kwargs.get("matcher") or {})
    for group in self.target_groups.values():
        if group.name != name:
            continue
        # The same once more is the same group: an answer that was lost can be asked for again.
        asked = [kwargs.get("protocol"), str(kwargs.get("port")), kwargs.get("vpc_id"), kwargs.get("target_type")]
        if asked == [group.protocol, str(group.port), group.vpc_id, group.target_type]:
            path = kwargs.get("healthcheck_path")
            if path is None or path == group.health_check_path:
                return group
    return original(self, name, *args, **kwargs)


def is_sticky(group):
    return group is not None and str(group.attributes.get("stickiness.enabled")).lower() == "true"


def unsticky_pairs(actions):
    """The groups of rules that forward to several of them without keeping a client with one group."""
    for action in actions:
        action = getattr(action, "data", action)
        config = action.get("ForwardConfig") or {}
        groups = [group["TargetGroupArn"] for group in config.get("TargetGroups") or []]
        sticky = (config.get("TargetGroupStickinessConfig") or {}).get("Enabled")
        if len(groups) > 1 and str(sticky).lower() != "true":
            yield from groups


def check_stickiness(backend, actions):
    for arn in unsticky_pairs(actions):
        if is_sticky(backend.target_groups.get(arn)):
            message = "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups"
            raise ELBClientError("InvalidLoadBalancerAction", message)


def check_protocols(backend, listener_arn, actions):
    """Listeners without TLS do not forward to targets that speak HTTP/2."""
    listeners = [balancer.listeners[listener_arn] for balancer in backend.load_balancers.values()
                 if listener_arn in balancer.listeners]
    if not listeners or listeners[0].protocol == "HTTPS":
        return
    for action in actions:
        action = getattr(action, "data", action)
        groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
        for arn in [group.get("TargetGroupArn") for group in groups]:
            version = getattr(backend.target_groups.get(arn), "protocol_version", None) or "HTTP1"
            if version != "HTTP1":
                message = (f"Listener protocol '{listeners[0].protocol}' is not supported with a target group with the "
                           f"protocol-version '{version}'")
                raise ELBClientError("IncompatibleProtocols", message)


@patch(ELBv2Backend, "create_rule")
def create_rule(original, self, listener_arn, conditions, priority, actions, *args, **kwargs):
    check_stickiness(self, actions)
    check_protocols(self, listener_arn, actions)
    return original(self, listener_arn, conditions, priority, actions, *args, **kwargs)


@patch(ELBv2Backend, "modify_rule")
def modify_rule(original, self, rule_arn, conditions, actions, *args, **kwargs):
    check_stickiness(self, actions or [])
    check_protocols(self, rule_arn.replace(":listener-rule/", ":listener/", 1).rsplit("/", 1)[0], actions or [])
    return original(self, rule_arn, conditions, actions, *args, **kwargs)


@patch(ELBv2Backend, "modify_target_group_attributes")
def modify_target_group_attributes(original, self, target_group_arn, attributes):
    seconds = attributes.get("stickiness.lb_cookie.duration_seconds")
    if seconds is not None and not (str(seconds).isdigit() and 1 <= int(seconds) <= 604800):
        raise ValidationError(f"'{seconds}' must be between '1' and '604800'")
    if str(attributes.get("stickiness.enabled")).lower() == "true":
        for balancer in self.load_balancers.values():
            for listener in balancer.listeners.values():
                for rule in listener.rules.values():
                    if target_group_arn in unsticky_pairs(rule.actions):
                        message = (f"This target group appears behind a rule with group stickiness disabled ({rule.arn}). "
                                   "You must enable group stickiness before enabling target stickiness")
                        raise ELBClientError("InvalidConfigurationRequest", message)
    return original(self, target_group_arn, attributes)


@patch(ELBv2Backend, "create_listener")
def create_listener(original, self, load_balancer_arn, protocol, port, ssl_policy, certificate, *args, **kwargs):
    if protocol == "HTTPS":
        if not certificate:
            raise ValidationError("A certificate must be specified for HTTPS listeners")
        if not self._certificate_exists(certificate):
            raise ELBClientError("CertificateNotFound", f"Certificate ARN '{certificate}' is not found")
    balancer = self.load_balancers.get(load_balancer_arn)
    if balancer and any(str(listener.port) == str(port) for listener in balancer.listeners.values()):
        raise DuplicateListenerError()
    listener = original(self, load_balancer_arn, protocol, port, ssl_policy, certificate, *args, **kwargs)
    if protocol != "HTTPS":
        # AWS shows a TLS policy only where there is TLS.
        listener.ssl_policy = None
    return listener


# How many values one condition may have, which the guide says and the quotas do not.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
VALUES_A_CONDITION = 3

# How many values and wildcards the conditions of a rule may have, and how long an expression may be.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
VALUES_A_RULE = 5
WILDCARDS_A_RULE = 5
LONGEST_EXPRESSION = 128

# What AWS names as not supported in expressions, and flags, which it does not name at all.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
UNSUPPORTED = re.compile(r"\(\?(?!:)|\\[1-9]|\\[pPRX]|[*+?}]\+")


@patch(ELBv2Backend, "_validate_conditions")
def _validate_conditions(original, self, conditions):
    count = wildcards = 0
    for condition in conditions:
        configs = [value for key, value in condition.items() if key.endswith("Config")] or [condition]
        of_condition = sum(len(config.get(key) or []) for config in configs for key in ("Values", "RegexValues"))
        if of_condition > VALUES_A_CONDITION:
            raise ValidationError(f"A condition can only have '{VALUES_A_CONDITION}' values")
        count += of_condition
        values = [value for config in configs for value in config.get("Values") or []]
        wildcards += sum(value.count("*") + value.count("?") for value in values)
    if count > VALUES_A_RULE:
        raise ValidationError(f"A rule can only have '{VALUES_A_RULE}' condition values")
    if wildcards > WILDCARDS_A_RULE:
        raise ValidationError(f"A rule can only have '{WILDCARDS_A_RULE}' condition wildcards")
    return original(self, conditions)


@patch(ELBv2Backend, "_validate_source_ip_condition")
def _validate_source_ip_condition(original, self, condition):
    original(self, condition)
    for value in condition["SourceIpConfig"]["Values"]:
        try:
            good = "/" in value and ipaddress.ip_network(value) != ipaddress.ip_network("255.255.255.255/32")
        except ValueError:
            good = False
        if not good:
            raise InvalidConditionValueError(f"The 'source-ip' value '{value}' is not valid")


@patch(ELBv2Backend, "_validate_path_pattern_condition")
def _validate_path_pattern_condition(original, self, condition):
    """moto knows path patterns; AWS also takes regular expressions in their place."""
    config = condition.get("PathPatternConfig") or {}
    expressions = config.get("RegexValues") or []
    if not expressions:
        return original(self, condition)
    if config.get("Values"):
        raise InvalidConditionValueError("A condition has either 'Values' or 'RegexValues'")
    for expression in expressions:
        if len(expression) > LONGEST_EXPRESSION:
            raise InvalidConditionValueError(f"The regex value is too long; the limit is '{LONGEST_EXPRESSION}'")
        try:
            re.compile(expression)
        except re.error as error:
            raise InvalidConditionValueError(f"The regex value '{expression}' is not valid: {error}")
        if UNSUPPORTED.search(expression):
            raise InvalidConditionValueError(f"The regex value '{expression}' has a feature that is not supported")


@patch(AWSCertificateManagerBackend, "delete_certificate")
def delete_certificate(original, self, arn):
    for balancer in all_of(elbv2_backends, "load_balancers"):
        for listener in balancer.listeners.values():
            used = [listener.certificate, *listener.certificates]
            if arn in [c if isinstance(c, str) else getattr(c, "arn", c) for c in used]:
                raise JsonRESTError("ResourceInUseException", f"Certificate {arn} in account is in use.")
    if arn not in self._certificates:
        raise JsonRESTError("ResourceNotFoundException", f"Could not find certificate {arn}.")
    return original(self, arn)
