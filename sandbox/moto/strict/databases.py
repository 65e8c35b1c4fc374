"""RDS: a database is what its Postgres is, takes its time, and is checked as AWS checks it.

creating, backing-up, available; a while later modifying, or resetting-master-credentials, and available again; rebooting, and
available again; deleting, and gone.
"""

import re
import time

from moto.core.responses import ActionResult
from moto.rds.exceptions import DBSubnetGroupNotFoundError, RDSClientError
from moto.rds.models import DBInstance, DBParameterGroup, RDSBackend
from moto.rds.responses import RDSResponse

from . import later, patch, reported_databases
from .interfaces import LINGERS, linger, subnets_of

# AWS's usual times, in seconds. How long one is created, the data plane says.
DB_BACKS_UP, DB_MODIFIES, DB_REBOOTS, DB_DELETES = 30, 150, 60, 150

# How long RDS says of a group that is new to a database that it applies it.
DB_APPLIES = 20

# How long a database goes on being available before a change of it begins.
DB_HESITATES = 30

CLASS = re.compile(
    r"db\.(t3|t4g|m5|m6g|m6i|m7g|m7i|m8g|r5|r6g|r6i|r7g|r7i|r8g)\.(micro|small|medium|large|xlarge|(2|4|8|12|16|24|48)xlarge)"
)

# The major versions of PostgreSQL that RDS creates, and the minor one that it takes for each when none is named.
MINORS = {"13": 22, "14": 19, "15": 14, "16": 10, "17": 6, "18": 1}

# The newest minor version of each. Those that RDS takes when none is named are older.
NEWEST = {major: minor + 1 for major, minor in MINORS.items()}

# There are four minor versions a year for five years: more than this never was one.
LAST_MINOR = 30

# Names that PostgreSQL or RDS keep to themselves.
RESERVED = {"rdsadmin", "rds_superuser", "rdsrepladmin", "postgres_superuser", "admin", "public", "user", "none"}

# What a change of it takes time for; the rest is at once.
SLOW = ("db_instance_class", "allocated_storage", "multi_az", "engine_version", "storage_type", "backup_retention_period")


def wrong(message, code="InvalidParameterValue"):
    return RDSClientError(code, message)


def database_status(self):
    if "_deleted_at" in self.__dict__:
        return "deleting"
    truth = reported_databases.get(self.__dict__.get("_db_instance_identifier"), {})
    status, now = truth.get("status", "creating"), time.time()
    if status != "available":
        return status
    # The first backup begins as soon as it answers.
    if self.backup_retention_period and now < self.__dict__.setdefault("_backed_up_at", later(DB_BACKS_UP)):
        return "backing-up"
    word, since, until = self.__dict__.get("_busy", (None, 0, 0))
    return word if since <= now < until else "available"


def database_endpoint(self):
    truth = reported_databases.get(self.db_instance_identifier, {})
    if not truth.get("address"):
        return None
    return {"Address": truth["address"], "Port": truth["port"], "HostedZoneId": "Z29XKXDKYMONMX"}


def pending_values(self):
    """What was asked for and is being done."""
    word, _, until = self.__dict__.get("_busy", (None, 0, 0))
    return self.__dict__.get("_asked", {}) if word and time.time() < until else {}


assert isinstance(DBInstance.endpoint, property)
DBInstance.status = property(database_status, lambda self, value: None)
DBInstance.endpoint = property(database_endpoint)
DBInstance.pending_modified_values = property(pending_values)


def purge(backend):
    """Forgets the databases whose deletion has come to its end."""
    for name, database in list(backend.databases.items()):
        if database.__dict__.get("_deleted_at", time.time() + 1) <= time.time():
            backend.databases.pop(name, None)
            reported_databases.pop(name, None)


def check_password(password):
    if not 8 <= len(password) <= 128:
        raise wrong("The parameter MasterUserPassword is not a valid password: it has 8 to 128 characters.")
    if any(not "!" <= c <= "~" or c in "/@\"" for c in password):
        raise wrong(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides "
            "'/', '@', '\"', ' ' may be used."
        )


def check_class(name):
    if not CLASS.fullmatch(str(name)):
        raise wrong(f"Invalid DB Instance class: {name}")


def full_version(version):
    """`16` is the newest 16.x."""
    major, _, minor = str(version).partition(".")
    if major not in MINORS or (minor and not (minor.isdigit() and 1 <= int(minor) <= LAST_MINOR)):
        raise wrong(f"Cannot find version {version} for postgres", "InvalidParameterCombination")
    return f"{major}.{minor or MINORS[major]}"


def upgrades(version):
    """Where RDS upgrades a version to: newer minor versions, and of newer major ones the newest minor version alone."""
    major, minor = version.split(".")
    minors = [f"{major}.{newer}" for newer in range(int(minor) + 1, NEWEST[major] + 1)]
    return minors + [f"{newer}.{NEWEST[newer]}" for newer in NEWEST if int(newer) > int(major)]


def describe_db_engine_versions(self):
    """moto does not know it. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBEngineVersions.html"""
    engine, version = self.params.get("Engine"), self.params.get("EngineVersion")
    if engine != "postgres" or not version or "." not in version:
        raise wrong("The sandbox knows the versions of postgres, one at a time and in full.")
    major = version.split(".")[0]
    targets = [
        {
            "Engine": engine,
            "EngineVersion": target,
            "Description": f"PostgreSQL {target}-R1",
            "AutoUpgrade": False,
            "IsMajorVersionUpgrade": target.split(".")[0] != major,
        }
        for target in upgrades(full_version(version))
    ]
    found = {"Engine": engine, "EngineVersion": version, "MajorEngineVersion": major, "ValidUpgradeTarget": targets}
    return ActionResult({"DBEngineVersions": [found]})


def describe_orderable_db_instance_options(self):
    """moto knows those of Aurora alone.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html"""
    engine, name = self.params.get("Engine"), self.params.get("DBInstanceClass")
    if engine != "postgres" or not name:
        raise wrong("The sandbox knows what RDS offers of postgres, one class at a time.")
    zones = [{"Name": f"{self.region}{letter}"} for letter in "abc"]
    versions = [f"{major}.{minor}" for major, newest in NEWEST.items() for minor in range(1, newest + 1)]
    options = [
        {
            "Engine": engine,
            "EngineVersion": version,
            "DBInstanceClass": name,
            "StorageType": storage,
            "AvailabilityZones": zones,
            "Vpc": True,
            "MultiAZCapable": True,
        }
        for version in versions
        for storage in ("gp2", "gp3", "io1")
        if CLASS.fullmatch(name)
    ]
    return ActionResult({"OrderableDBInstanceOptions": options})


RDSResponse.describe_db_engine_versions = describe_db_engine_versions
RDSResponse.describe_orderable_db_instance_options = describe_orderable_db_instance_options


def place(database):
    """Chooses the zones by their ids: the first, and for a standby the last, so that a group can lose one that is used."""
    group = database.db_subnet_group
    subnets = sorted(group._subnets, key=lambda s: s.availability_zone_id) if group else []
    zones = [s.availability_zone for s in subnets] or [database.availability_zone]
    if not hasattr(database, "_zones"):
        database.availability_zone = zones[0]
    database._zones = {database.availability_zone, zones[-1]} if database.multi_az else {database.availability_zone}


@patch(RDSBackend, "describe_db_instances")
def describe_db_instances(original, self, *args, **kwargs):
    purge(self)
    return original(self, *args, **kwargs)


@patch(RDSBackend, "create_db_instance")
def create_db_instance(original, self, db_kwargs):
    purge(self)
    if not db_kwargs.get("manage_master_user_password"):
        if not db_kwargs.get("master_user_password"):
            raise wrong("The parameter MasterUserPassword must be provided and must not be blank.")
        check_password(db_kwargs["master_user_password"])
    user = str(db_kwargs.get("master_username") or "")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", user) or user.lower() in RESERVED or user.lower().startswith("pg_"):
        raise wrong(f"MasterUsername {user} cannot be used as it is a reserved word used by the engine or not valid")
    if db_kwargs.get("db_name") and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", db_kwargs["db_name"]):
        raise wrong("DBName must begin with a letter and contain only alphanumeric characters.")
    check_class(db_kwargs.get("db_instance_class"))
    storage = int(db_kwargs.get("allocated_storage") or 0)
    if not 20 <= storage <= 65536:
        raise wrong(f"Invalid storage size for engine name postgres and storage type gp3: {storage}")
    if not 0 <= int(db_kwargs.get("backup_retention_period", 1)) <= 35:
        raise wrong("Invalid backup retention period: it is 0 to 35 days.")
    db_kwargs["engine_version"] = full_version(db_kwargs.get("engine_version") or "16")
    check_group(self, db_kwargs.get("db_parameter_group_name"), db_kwargs["engine_version"])
    created = original(self, db_kwargs)
    place(created)
    return created


@patch(RDSBackend, "modify_db_instance")
def modify_db_instance(original, self, db_instance_identifier, db_kwargs):
    database = self.describe_db_instances(db_instance_identifier)[0]
    if database.status != "available":
        raise wrong(f"Database instance is not in available state: {database.status}.", "InvalidDBInstanceState")
    if db_kwargs.get("master_user_password"):
        check_password(db_kwargs["master_user_password"])
    if db_kwargs.get("db_instance_class"):
        check_class(db_kwargs["db_instance_class"])
    storage = db_kwargs.get("allocated_storage")
    if storage and int(storage) < int(database.allocated_storage):
        raise wrong("Invalid storage size: the requested storage is smaller than the allocated one.", "InvalidParameterCombination")
    if db_kwargs.get("engine_version"):
        asked = full_version(db_kwargs["engine_version"])
        have, want = [tuple(int(n) for n in v.split(".")) for v in (database.engine_version, asked)]
        if want != have and asked not in upgrades(database.engine_version):
            raise wrong(f"Cannot upgrade postgres from {database.engine_version} to {asked}", "InvalidParameterCombination")
        if want[0] != have[0] and not db_kwargs.get("allow_major_version_upgrade"):
            raise wrong("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.", "InvalidParameterCombination")
        db_kwargs["engine_version"] = asked
    group, of = db_kwargs.get("db_parameter_group_name"), db_kwargs.get("engine_version") or database.engine_version
    check_group(self, group, of)
    upgraded = of.split(".")[0] != database.engine_version.split(".")[0]
    # One that is in force for the old version cannot be for the new one.
    if upgraded and not group and not str(database.db_parameter_group_name or "default.").startswith("default."):
        raise wrong(
            f"The current DB instance parameter group {database.db_parameter_group_name} is custom. You must explicitly specify "
            "a new DB instance parameter group, either default or custom, for the engine version upgrade.",
            "InvalidParameterCombination",
        )
    asked = {key: db_kwargs[key] for key in SLOW if db_kwargs.get(key) is not None and db_kwargs[key] != getattr(database, key)}
    had = group_of(database)
    modified = original(self, db_instance_identifier, db_kwargs)
    if "multi_az" in asked:
        place(modified)
    if asked:
        modified._asked = asked
        modified._busy = ("modifying", later(DB_HESITATES), later(DB_HESITATES + DB_MODIFIES))
    elif db_kwargs.get("master_user_password"):
        modified._busy = ("resetting-master-credentials", time.time(), later(DB_BACKS_UP))
    if group and group != had:
        # RDS finds out what that takes, and waits for a restart.
        if not asked:
            modified._busy = ("modifying", time.time(), later(DB_APPLIES))
        modified._applied_at, modified._pending = modified._busy[2], True
    return modified


@patch(RDSBackend, "reboot_db_instance")
def reboot_db_instance(original, self, db_instance_identifier):
    database = original(self, db_instance_identifier)
    if database.status != "available":
        raise wrong(f"Database instance is not in available state: {database.status}.", "InvalidDBInstanceState")
    database._busy, database._pending = ("rebooting", time.time(), later(DB_REBOOTS)), False
    return database


def group_of(database):
    """The name of its parameter group."""
    name = str(database.db_parameter_group_name or "default.")
    return f"default.postgres{database.engine_version.split('.')[0]}" if name.startswith("default.") else name


def default_group(backend, name):
    """The groups of RDS's own are there from the beginning."""
    family = name.removeprefix("default.")
    backend.db_parameter_groups[name] = DBParameterGroup(backend, name, f"Default parameter group for {family}", family)


def check_group(backend, name, version):
    if not name:
        return
    major = version.split(".")[0]
    if name == f"default.postgres{major}" and name not in backend.db_parameter_groups:
        default_group(backend, name)
    if name not in backend.db_parameter_groups:
        raise wrong(f"DBParameterGroup not found: {name}", "DBParameterGroupNotFound")
    family = backend.db_parameter_groups[name].family
    if family != f"postgres{major}":
        raise wrong(
            f"The parameter group {name} with DBParameterGroupFamily {family} can't be used for this instance. Please use a "
            f"parameter group with DBParameterGroupFamily postgres{major}",
            "InvalidParameterCombination",
        )


def parameter_groups(self):
    """Another group is in force after the next restart. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBParameterGroupStatus.html"""
    state = self.__dict__
    status = "in-sync"
    if state.get("_pending"):
        status = "applying" if time.time() < state["_applied_at"] else "pending-reboot"
    return [{"DBParameterGroupName": group_of(self), "ParameterApplyStatus": status}]


assert isinstance(DBInstance.db_parameter_group_status_list, property)
DBInstance.db_parameter_group_status_list = property(parameter_groups)


@patch(RDSBackend, "create_db_parameter_group")
def create_db_parameter_group(original, self, asked):
    name = str(asked.get("db_parameter_group_name") or "")
    if not re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", name) or len(name) > 255:
        raise wrong(f"The parameter DBParameterGroupName is not a valid identifier: {name}")
    family = str(asked.get("db_parameter_group_family") or "")
    if family.removeprefix("postgres") not in MINORS:
        raise wrong(f"DBParameterGroupFamily {family} is not a valid parameter group family")
    return original(self, asked)


@patch(RDSBackend, "modify_db_parameter_group")
def modify_db_parameter_group(original, self, name, parameters):
    if name.startswith("default."):
        raise wrong(f"Cannot modify a default parameter group: {name}", "InvalidParameterValue")
    for parameter in parameters:
        if parameter["ParameterName"] != "rds.force_ssl":
            raise wrong(f"Could not find parameter with name: {parameter['ParameterName']}")
        if parameter["ParameterValue"] not in ("0", "1"):
            raise wrong(f"Invalid parameter value: {parameter['ParameterValue']} for: rds.force_ssl allowed values are: 0,1")
        parameter.update({"Source": "user", "ApplyType": "dynamic", "DataType": "boolean", "IsModifiable": True})
    return original(self, name, parameters)


@patch(RDSBackend, "delete_db_parameter_group")
def delete_db_parameter_group(original, self, name):
    purge(self)
    if name.startswith("default."):
        raise wrong(f"Default DBParameterGroup cannot be deleted: {name}", "InvalidDBParameterGroupState")
    if any(group_of(database) == name for database in self.databases.values()):
        raise wrong(
            f"One or more database instances are still members of this parameter group {name}, so the group cannot be deleted",
            "InvalidDBParameterGroupState",
        )
    return original(self, name)


@patch(RDSBackend, "delete_db_instance")
def delete_db_instance(
    original, self, db_instance_identifier, final_db_snapshot_identifier=None, skip_final_snapshot=False, **kwargs
):
    purge(self)
    database = self.databases.get(db_instance_identifier)
    if database is not None:
        status = database.status
        if status == "deleting":
            raise wrong(f"Instance {db_instance_identifier} is already being deleted.", "InvalidDBInstanceState")
        if skip_final_snapshot and final_db_snapshot_identifier:
            raise wrong(
                "FinalDBSnapshotIdentifier can not be specified when skipping the final snapshot.",
                "InvalidParameterCombination",
            )
        if not skip_final_snapshot:
            if not final_db_snapshot_identifier:
                raise wrong(
                    "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
                    "InvalidParameterCombination",
                )
            if status != "available" and not database.deletion_protection:
                raise wrong(
                    f"Cannot create a snapshot because the database instance {db_instance_identifier} is not "
                    "currently in the available state.",
                    "InvalidDBInstanceState",
                )
    deleted = original(
        self,
        db_instance_identifier,
        final_db_snapshot_identifier=final_db_snapshot_identifier,
        skip_final_snapshot=skip_final_snapshot,
        **kwargs,
    )
    deleted._deleted_at = later(DB_DELETES)
    linger(DB_DELETES + LINGERS, subnets_of(deleted), deleted.vpc_security_group_ids, public=False)
    # It stays listed until then.
    self.databases[db_instance_identifier] = deleted
    return deleted


@patch(RDSBackend, "create_subnet_group")
def create_db_subnet_group(original, self, subnet_name, description, subnets, tags):
    if subnet_name in self.subnet_groups:
        raise wrong(f"The DB subnet group '{subnet_name}' already exists.", "DBSubnetGroupAlreadyExists")
    if len({s.availability_zone for s in subnets}) < 2:
        raise wrong(
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            "Current AZ coverage: 1. Add subnets to cover at least 2 AZs.",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
        )
    return original(self, subnet_name, description, subnets, tags)


@patch(RDSBackend, "delete_subnet_group")
def delete_db_subnet_group(original, self, subnet_name):
    purge(self)
    if any(database._db_subnet_group_name == subnet_name for database in self.databases.values()):
        raise wrong(
            f"Cannot delete the subnet group '{subnet_name}' because at least one database instance is still using it.",
            "InvalidDBSubnetGroupStateFault",
        )
    return original(self, subnet_name)


@patch(RDSBackend, "modify_db_subnet_group")
def modify_db_subnet_group(original, self, subnet_name, description, subnets):
    # moto's own takes the group out of its table and does not put it back.
    group = self.subnet_groups.get(subnet_name)
    if group is None:
        raise DBSubnetGroupNotFoundError(subnet_name)
    if len({s.availability_zone for s in subnets}) < 2:
        raise wrong(
            "DB Subnet Group doesn't meet availability zone coverage requirement. Please add subnets to cover at least 2 "
            "availability zones.",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
        )
    zones = {s.availability_zone for s in subnets}
    used = {z for d in self.databases.values() if d._db_subnet_group_name == subnet_name for z in getattr(d, "_zones", ())}
    going = [s.id for s in group._subnets if s.availability_zone in used - zones]
    if going:
        raise wrong(f"Some of the subnets to be deleted are currently in use: {', '.join(going)}", "SubnetAlreadyInUse")
    group._subnets = subnets
    return group
