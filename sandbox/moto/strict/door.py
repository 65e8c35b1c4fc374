"""The internal door, for the gateway alone: what the data plane needs to know of the control plane, and tells it."""

import json
import time
from http.server import BaseHTTPRequestHandler

from moto.acm.models import acm_backends
from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.scheduler.models import scheduler_backends

from . import all_of, backends_of, clock, reported_caches, reported_databases, reported_interfaces, text
from .events import mails, publish, rules
from .files import volumes


def load_balancing():
    """All load balancing: listeners with their rules and certificates, target groups with their health checks."""
    certificates = {}
    for backend in backends_of(acm_backends):
        for arn, bundle in list(backend._certificates.items()):
            if bundle.type == "AMAZON_ISSUED":
                # The sandbox's own authority issues it, so that somebody can trust it.
                if bundle.status == "ISSUED":
                    certificates[arn] = {"arn": arn, "issued_for": [bundle.common_name, *bundle.sans]}
            elif bundle.key:
                certificates[arn] = {"certificate": text(bundle.cert), "key": text(bundle.key)}
    balancers, groups = [], []
    for balancer in all_of(elbv2_backends, "load_balancers"):
        listeners = []
        for listener in list(balancer.listeners.values()):
            rules = []
            for rule in list(listener.rules.values()):
                rules.append({
                    "priority": None if rule.is_default else int(rule.priority),
                    "conditions": rule.conditions,
                    "actions": [action.data for action in (listener.default_actions if rule.is_default else rule.actions)],
                })
            certificate = listener.certificate or (listener.certificates[0] if listener.certificates else None)
            listeners.append({
                "arn": listener.arn, "port": int(listener.port), "protocol": listener.protocol,
                "certificate": certificates.get(certificate), "rules": rules,
            })
        balancers.append({"arn": balancer.arn, "address": balancer.dns_name, "listeners": listeners,
                          "attributes": balancer.attrs})
    for group in all_of(elbv2_backends, "target_groups"):
        groups.append({
            "arn": group.arn, "port": int(group.port), "path": group.health_check_path or "/",
            "interval": int(group.health_check_interval_seconds), "timeout": int(group.health_check_timeout_seconds),
            "health_port": group.health_check_port or "traffic-port",
            "healthy": int(group.healthy_threshold_count), "unhealthy": int(group.unhealthy_threshold_count),
            "protocol": group.protocol_version or "HTTP1",
            "matcher": next(iter((group.matcher or {}).values()), "200"), "attributes": dict(group.attributes),
        })
    return {"load_balancers": balancers, "target_groups": groups}


def roles():
    """The policies of every role, by ARN, who may assume it, and its age in seconds."""
    found = {}
    for role in all_of(iam_backends, "roles"):
        managed = [
            version.document
            for policy in role.managed_policies.values()
            for version in policy.versions
            if version.version_id == policy.default_version_id
        ]
        documents = [json.loads(text(d)) if not isinstance(d, dict) else d for d in [*role.policies.values(), *managed]]
        trust = json.loads(text(role.assume_role_policy_document))["Statement"]
        trusts = [statement.get("Principal", {}).get("Service") for statement in trust]
        age = time.time() - role.create_date.timestamp()
        found[role.arn] = {"policies": documents, "trusts": trusts, "age": age}
    return found


def schedules():
    """All schedules, with what they start."""
    groups = all_of(scheduler_backends, "schedule_groups")
    return [schedule.to_dict() for group in groups for schedule in list(group.schedules.values())]


def scheduled_actions():
    """All scheduled actions of services' scaling, as a call that registers the target with their limits."""
    found = []
    for backend in backends_of(applicationautoscaling_backends):
        for action in list(backend.scheduled_actions):
            limits = {key: value for key, value in (action.scalable_target_action or {}).items() if value is not None}
            found.append({
                "Name": action.scheduled_action_name, "Schedule": action.schedule, "Timezone": action.timezone or "UTC",
                "Region": backend.region_name,
                "Target": {"ServiceNamespace": action.service_namespace, "ResourceId": action.resource_id,
                           "ScalableDimension": action.scalable_dimension, **limits},
            })
    return found


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, document):
        body = json.dumps(document, default=str).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        answers = {"/elbv2": load_balancing, "/roles": roles, "/schedules": schedules,
                   "/scheduled-actions": scheduled_actions, "/volumes": volumes, "/rules": rules, "/mails": lambda: mails}
        self.answer(answers[self.path]())

    def do_PUT(self):
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/interfaces":
            reported_interfaces.update(document)
        elif self.path == "/publish":
            publish(document)
        elif self.path == "/settings":
            clock["scale"] = float(document["provision_scale"])
        else:
            reported = reported_caches if self.path.startswith("/caches/") else reported_databases
            reported[self.path.rsplit("/", 1)[1]] = document
        self.answer({})

    def log_message(self, *args):
        pass
