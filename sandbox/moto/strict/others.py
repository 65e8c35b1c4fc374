"""What is small: logs' retention, secrets whose deletion is scheduled."""

from moto.core.exceptions import JsonRESTError
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from . import patch

RETENTION = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}


@patch(LogsBackend, "put_retention_policy")
def put_retention_policy(original, self, log_group_name, retention_in_days):
    if int(retention_in_days) not in RETENTION:
        raise JsonRESTError("InvalidParameterException", f"{retention_in_days} is no retention period")
    return original(self, log_group_name, retention_in_days)


def put_log_group_deletion_protection(self):
    """moto does not know it. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/protecting-log-groups-from-deletion.html"""
    group = self.logs_backend.groups.get(self._get_param("logGroupIdentifier"))
    if group is None:
        raise JsonRESTError("ResourceNotFoundException", "The specified log group does not exist")
    group._protected = self._get_param("deletionProtectionEnabled") is True
    return ""


LogsResponse.put_log_group_deletion_protection = put_log_group_deletion_protection


@patch(LogGroup, "to_describe_dict")
def describe_log_group(original, self):
    return original(self) | {"deletionProtectionEnabled": getattr(self, "_protected", False)}


@patch(LogsBackend, "delete_log_group")
def delete_log_group(original, self, log_group_name):
    if getattr(self.groups.get(log_group_name), "_protected", False):
        message = "Cannot delete log group with deletion protection enabled. Disable deletion protection first."
        raise JsonRESTError("ValidationException", message)
    return original(self, log_group_name)


@patch(LogsBackend, "filter_log_events")
def filter_log_events(original, self, *args):
    """AWS interleaves the streams whatever the call says; moto gives one stream after the other unless it is asked to."""
    return original(self, *args[:-1], True)


@patch(SecretsManagerBackend, "create_secret")
def create_secret(original, self, name, *args, **kwargs):
    existing = self.secrets[name] if name in self.secrets.keys() else None
    if existing is not None and existing.is_deleted():
        raise InvalidRequestException(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    return original(self, name, *args, **kwargs)
