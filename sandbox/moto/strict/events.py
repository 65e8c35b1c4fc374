"""EventBridge: what its rules do with what topics are told. No mail is sent here; the gateway shows what AWS would mail."""

from moto.events.models import events_backends
from moto.sns.models import sns_backends

from . import backends_of

mails = []


def rules():
    """All rules with their targets."""
    found = []
    for backend in backends_of(events_backends):
        for bus in list(backend.event_buses.values()):
            for rule in list(bus.rules.values()):
                found.append({
                    "Name": rule.name, "State": rule.state, "EventPattern": rule.event_pattern.dump(), "Targets": rule.targets,
                })
    return found


def publish(document):
    """A message to a topic: a mail to each address that has confirmed."""
    for backend in backends_of(sns_backends):
        for subscription in backend.subscriptions.values():
            if subscription.topic_arn == document["topic"] and subscription.protocol == "email" and subscription.confirmed:
                mails.append({"to": subscription.endpoint, "message": document["message"]})
