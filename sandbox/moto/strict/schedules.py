"""EventBridge Scheduler: names, groups that have to be there and take their time to go, with all that is in them."""

import re
import time

from moto.core.exceptions import JsonRESTError
from moto.scheduler.exceptions import ScheduleGroupNotFound, ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend, ScheduleGroup

from . import later, patch

# How long a group takes to go, in seconds.
GOING = 60

NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")


def check_name(name):
    if not NAME.fullmatch(name or ""):
        raise ValidationException(f"Value '{name}' at 'name' failed to satisfy constraint: {NAME.pattern}")


def forget_gone(backend):
    for name, group in list(backend.schedule_groups.items()):
        if getattr(group, "gone_at", None) and group.gone_at <= time.time():
            del backend.schedule_groups[name]


def going(group):
    return getattr(group, "gone_at", None) is not None


@patch(ScheduleGroup, "to_dict")
def to_dict(original, self):
    return {**original(self), "State": "DELETING" if going(self) else "ACTIVE"}


@patch(EventBridgeSchedulerBackend, "create_schedule_group")
def create_schedule_group(original, self, name, tags):
    check_name(name)
    forget_gone(self)
    if name in self.schedule_groups:
        raise JsonRESTError("ConflictException", f"Schedule group {name} already exists.")
    return original(self, name, tags or [])


@patch(EventBridgeSchedulerBackend, "list_schedule_groups")
def list_schedule_groups(original, self, *args, **kwargs):
    forget_gone(self)
    return original(self, *args, **kwargs)


@patch(EventBridgeSchedulerBackend, "get_schedule_group")
def get_schedule_group(original, self, group_name):
    forget_gone(self)
    return original(self, group_name)


@patch(EventBridgeSchedulerBackend, "delete_schedule_group")
def delete_schedule_group(original, self, name):
    group = self.get_schedule_group(name)
    if name == "default":
        raise ValidationException("The default schedule group cannot be deleted.")
    group.schedules.clear()
    group.gone_at = later(GOING)


@patch(EventBridgeSchedulerBackend, "create_schedule")
def create_schedule(original, self, *args, **kwargs):
    check_name(kwargs["name"])
    if going(self.get_schedule_group(kwargs["group_name"])):
        raise JsonRESTError("ConflictException", f"Schedule group {kwargs['group_name']} is being deleted.")
    return original(self, *args, **kwargs)


@patch(EventBridgeSchedulerBackend, "list_schedules")
def list_schedules(original, self, group_names, *args, **kwargs):
    forget_gone(self)
    for name in group_names or []:
        if name not in self.schedule_groups:
            raise ScheduleGroupNotFound(name)
    return original(self, group_names, *args, **kwargs)
