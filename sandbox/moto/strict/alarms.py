"""Alarms and who hears of them: a state that is not known at first, and e-mail addresses that have to confirm.

No mail is sent here. What AWS would mail as the token of a confirmation is the address itself.
"""

from moto.cloudwatch.exceptions import ResourceNotFound
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.responses import SNSResponse

from . import patch

PENDING = "PendingConfirmation"


@patch(CloudWatchBackend, "put_metric_alarm")
def put_metric_alarm(original, self, name, *args, **kwargs):
    before = self.alarms.get(name)
    alarm = original(self, name, *args, **kwargs)
    if before is None:
        alarm.state_value = "INSUFFICIENT_DATA"
    else:
        # A change of an alarm leaves its state alone.
        alarm.state_value, alarm.state_reason = before.state_value, before.state_reason
        alarm.state_updated_timestamp = before.state_updated_timestamp
    return alarm


@patch(CloudWatchBackend, "delete_alarms")
def delete_alarms(original, self, alarm_names):
    unknown = [name for name in alarm_names if name not in self.alarms]
    if unknown:
        raise ResourceNotFound(f"Unknown alarm: {unknown[0]}")
    return original(self, alarm_names)


def waits(subscription):
    return subscription.protocol == "email" and not subscription.confirmed


def shown(subscription):
    return {
        "SubscriptionArn": PENDING if waits(subscription) else subscription.arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic_arn,
    }


@patch(SNSResponse, "subscribe")
def subscribe(original, self):
    endpoint, protocol = self._get_param("Endpoint"), self._get_param("Protocol")
    if protocol == "email" and "@" not in (endpoint or ""):
        raise SNSInvalidParameter("Invalid parameter: Email address")
    arn = original(self).result["SubscriptionArn"]
    return ActionResult({"SubscriptionArn": "pending confirmation" if waits(self.backend.subscriptions[arn]) else arn})


@patch(SNSResponse, "unsubscribe")
def unsubscribe(original, self):
    if not (self._get_param("SubscriptionArn") or "").startswith("arn:"):
        raise SNSInvalidParameter("Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements")
    return original(self)


@patch(SNSResponse, "list_subscriptions_by_topic")
def list_subscriptions_by_topic(original, self):
    result = original(self).result
    return ActionResult({**result, "Subscriptions": [shown(s) for s in result["Subscriptions"]]})


@patch(SNSResponse, "confirm_subscription")
def confirm_subscription(original, self):
    topic, token = self._get_param("TopicArn"), self._get_param("Token")
    for subscription in self.backend.subscriptions.values():
        if subscription.topic_arn == topic and subscription.endpoint == token:
            subscription.confirmed = True
            return ActionResult({"SubscriptionArn": subscription.arn})
    raise SNSInvalidParameter("Invalid parameter: Token")
