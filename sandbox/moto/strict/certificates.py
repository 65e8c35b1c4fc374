"""Certificates that are issued only once their domain is proved, and hosted zones whose records are what was put there.

The certificates themselves, for the load balancer to show, come from the sandbox's own authority: see alb/mod.rs.
"""

import hashlib
import time

from moto.acm.models import AWSCertificateManagerBackend, CertBundle, acm_backends
from moto.core.exceptions import JsonRESTError
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.route53.exceptions import ResourceRecordAlreadyExists, Route53ClientError
from moto.route53.models import ChangeList, Route53Backend, route53_backends

from . import all_of, later, patch

# AWS's usual times, in seconds: until ACM names the validation record, and until it has seen it.
ACM_NAMES = 5
ACM_SEES = 120

# What ListCertificates answers with when it is not asked for more.
# https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html
LISTED_KEYS = ["RSA_1024", "RSA_2048"]

# Whom a CAA record has to name for Amazon to issue.
# https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html
AMAZON = ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com")


# How many names a certificate has, unless AWS has raised the quota.
# https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
NAMES = 10


def plain(name):
    """Route 53 has `\\052` for a `*` in what it answers."""
    return name.rstrip(".").lower().replace("\\052", "*")


def public_records(name, kind):
    """The values that the world gets for a name."""
    for zone in all_of(route53_backends, "zones"):
        if not zone.private_zone:
            for record in zone.rrsets:
                if plain(record.name) == plain(name) and record.type == kind:
                    yield from record.records


def validation_record(domain):
    """The same for a domain, and for all below it, whenever it is asked for; and another one for each domain."""
    domain = domain.removeprefix("*.")
    digest = hashlib.sha256(domain.encode()).hexdigest()
    return f"_{digest[:32]}.{domain}.", f"_{digest[32:]}.sandbox.acm-validations.aws."


def is_allowed(domain):
    """Whether the CAA records of the domain, or else of the nearest one above it, let Amazon issue."""
    domain = domain.removeprefix("*.")
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        records = list(public_records(".".join(labels[start:]), "CAA"))
        if records:
            return any(f'issue "{name}"' in record for record in records for name in AMAZON)
    return True


def users_of(arn):
    """The load balancers that show a certificate."""
    for balancer in all_of(elbv2_backends, "load_balancers"):
        for listener in balancer.listeners.values():
            used = [listener.certificate, *listener.certificates]
            if arn in [c if isinstance(c, str) else getattr(c, "arn", c) for c in used]:
                yield balancer.arn


@patch(CertBundle, "check")
def check(original, self):
    if self.type != "AMAZON_ISSUED":
        return original(self)
    if self.status != "PENDING_VALIDATION":
        return None
    names = {self.common_name, *self.sans}
    proved = (validation_record(name) for name in names)
    if not all(plain(value) in [plain(found) for found in public_records(name, "CNAME")] for name, value in proved):
        self.__dict__.pop("_seen_at", None)
    elif time.time() > self.__dict__.setdefault("_seen_at", later(ACM_SEES)):
        self.status = "ISSUED" if all(is_allowed(name) for name in names) else "FAILED"
    return None


@patch(AWSCertificateManagerBackend, "request_certificate")
def request_certificate(original, self, domain_name, idempotency_token, subject_alt_names, *args, **kwargs):
    if len({domain_name, *(subject_alt_names or [])}) > NAMES:
        raise JsonRESTError("LimitExceededException", f"A certificate has at most {NAMES} domain names.")
    return original(self, domain_name, idempotency_token, subject_alt_names, *args, **kwargs)


@patch(CertBundle, "describe")
def describe(original, self):
    result = original(self)
    certificate = result["Certificate"]
    certificate["InUseBy"] = list(users_of(self.arn))
    if self.type != "AMAZON_ISSUED":
        return result
    if self.status != "ISSUED":
        for key in ("NotBefore", "NotAfter", "IssuedAt", "Serial"):
            certificate.pop(key, None)
    if self.status == "FAILED":
        certificate["FailureReason"] = "CAA_ERROR"
    named = time.time() > self.__dict__.setdefault("_named_at", later(ACM_NAMES))
    for option in certificate["DomainValidationOptions"]:
        name, value = validation_record(option["DomainName"])
        option["ResourceRecord"] = {"Name": name, "Type": "CNAME", "Value": value}
        if not named:
            del option["ResourceRecord"]
    return result


@patch(AWSCertificateManagerBackend, "list_certificates")
def list_certificates(original, self, statuses, includes):
    asked = dict(includes or {})
    asked.setdefault("keyTypes", LISTED_KEYS)
    return original(self, statuses, asked)


@patch(ELBv2Backend, "_certificate_exists")
def _certificate_exists(original, self, certificate_arn):
    bundle = acm_backends[self.account_id][self.region_name]._certificates.get(certificate_arn)
    if bundle is not None:
        bundle.check()
        if bundle.status != "ISSUED":
            raise ELBClientError("UnsupportedCertificate", f"The certificate '{certificate_arn}' is not issued yet")
    return original(self, certificate_arn)


def record_of(zone, wanted):
    """The record of a zone that has this name, type and identifier."""
    for record in zone.rrsets:
        same = plain(record.name) == plain(wanted["Name"]) and record.type == wanted["Type"]
        if same and record.set_identifier == wanted.get("SetIdentifier"):
            return record
    return None


def says_the_same(record, wanted):
    values = [value["Value"] for value in wanted.get("ResourceRecords") or []]
    alias = wanted.get("AliasTarget") or {}
    has = record.alias_target or {}
    if alias or has:
        return plain(alias.get("DNSName", "")) == plain(has.get("DNSName", ""))
    return sorted(values) == sorted(record.records) and str(record.ttl) == str(wanted.get("TTL"))


@patch(Route53Backend, "change_resource_record_sets")
def change_resource_record_sets(original, self, zoneid, change_list):
    """moto asks its journal what a zone has; AWS asks the zone, and does all of a batch or nothing."""
    for change in change_list:
        wanted = change["ResourceRecordSet"]
        # AWS answers so, however it was told.
        wanted["Name"] = wanted["Name"].replace("*", "\\052")
    zone = self.get_hosted_zone(zoneid)
    deleted = []
    for change in change_list:
        wanted, there = change["ResourceRecordSet"], record_of(zone, change["ResourceRecordSet"])
        if change["Action"] == "DELETE":
            if there is None or not says_the_same(there, wanted):
                what = f"[name='{wanted['Name']}', type='{wanted['Type']}']"
                message = f"Tried to delete resource record set {what} but it was not found, or has other values"
                raise Route53ClientError("InvalidChangeBatch", message)
            deleted.append(there)
        elif change["Action"] == "CREATE" and there is not None:
            raise ResourceRecordAlreadyExists(name=wanted["Name"], _type=wanted["Type"])
        if change["Action"] != "DELETE":
            names = [r for r in zone.rrsets if plain(r.name) == plain(wanted["Name"]) and r not in deleted]
            for other in names:
                if other.type != wanted["Type"] and "CNAME" in (other.type, wanted["Type"]):
                    message = f"RRSet of type {wanted['Type']} with DNS name {wanted['Name']} is not permitted: there is a {other.type}"
                    raise Route53ClientError("InvalidChangeBatch", message)
    # What is to be deleted is there, as has been seen: moto's journal is made to say so.
    zone.rr_changes = ChangeList()
    for change in change_list:
        if change["Action"] == "DELETE":
            zone.rr_changes.append({"Action": "CREATE", "ResourceRecordSet": dict(change["ResourceRecordSet"])})
    return original(self, zoneid, change_list)


@patch(Route53Backend, "list_resource_record_sets")
def list_resource_record_sets(original, self, zone_id, start_type, start_name, max_items):
    start_name = start_name and start_name.replace("*", "\\052")
    return original(self, zone_id, start_type, start_name, max_items)


@patch(Route53Backend, "list_hosted_zones_by_name")
def list_hosted_zones_by_name(original, self, dnsname):
    """All zones from that name on, in the order of their reversed names, as AWS has it."""

    def key(name):
        return list(reversed(plain(name).split(".")))

    zones = sorted(self.zones.values(), key=lambda zone: key(zone.name))
    if not dnsname:
        return None, zones
    return dnsname, [zone for zone in zones if key(zone.name) >= key(dnsname)]
