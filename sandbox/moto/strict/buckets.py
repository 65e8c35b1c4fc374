"""S3: buckets with the defaults that AWS gives them, names and policies as AWS checks them, and lists in pages.

A bucket belongs to its region: a call that was sent to another one is told so, as AWS's endpoints do.
"""

import json
import re
from xml.sax.saxutils import unescape

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import BucketAlreadyExists, InvalidBucketName, MalformedXML, S3ClientError
from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend, s3_backends
from moto.s3.responses import S3Response

from . import patch, text

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
WRONG_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
WRONG_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

# What AWS encrypts with unless it is told otherwise; there is no bucket without encryption.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
ENCRYPTION = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}

# The most in one answer of ListBuckets, and in one call of DeleteObjects.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
LISTED, DELETED = 10_000, 1_000


class AccessDenied(S3ClientError):
    def __init__(self, message):
        super().__init__("AccessDenied", message)


class MalformedPolicy(S3ClientError):
    def __init__(self, message):
        super().__init__("MalformedPolicy", message)


@patch(S3Backend, "create_bucket")
def create_bucket(original, self, bucket_name, *args, **kwargs):
    wrong = ".." in bucket_name or ADDRESS.fullmatch(bucket_name)
    wrong = wrong or bucket_name.startswith(WRONG_STARTS) or bucket_name.endswith(WRONG_ENDS)
    if wrong or not NAME.fullmatch(bucket_name):
        raise InvalidBucketName()
    if bucket_name in s3_backends.bucket_accounts:
        raise BucketAlreadyExists(bucket=bucket_name)
    bucket = original(self, bucket_name, *args, **kwargs)
    bucket.encryption = ENCRYPTION
    # Since April 2023 a new bucket blocks public access and has no ACLs.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
    bucket.public_access_block = PublicAccessBlock(True, True, True, True)
    bucket.ownership_rule = "BucketOwnerEnforced"
    return bucket


@patch(S3Backend, "delete_bucket_encryption")
def delete_bucket_encryption(original, self, bucket_name):
    self.get_bucket(bucket_name).encryption = ENCRYPTION


@patch(S3Backend, "put_bucket_policy")
def put_bucket_policy(original, self, bucket_name, policy):
    bucket = self.get_bucket(bucket_name)
    try:
        statements = json.loads(text(policy))["Statement"]
    except (ValueError, KeyError, TypeError):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise MalformedPolicy("Missing required field Principal")
        resources = statement.get("Resource", [])
        resources = resources if isinstance(resources, list) else [resources]
        arn = f"arn:aws:s3:::{bucket_name}"
        if not resources or any(r != arn and not r.startswith(f"{arn}/") for r in resources):
            raise MalformedPolicy("Policy has invalid resource")
        everybody = statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        is_public = statement.get("Effect") == "Allow" and everybody and not statement.get("Condition")
        if is_public and bucket.public_access_block and bucket.public_access_block.block_public_policy:
            raise AccessDenied(
                f"User is not authorized to perform: s3:PutBucketPolicy on resource: {arn} because public policies are "
                "prevented by the BlockPublicPolicy setting in S3 Block Public Access."
            )
    return original(self, bucket_name, policy)


def is_about_transport(statement):
    """Whether a statement is about calls without TLS alone."""
    return statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}


@patch(FakeBucket, "get_permission")
def get_permission(original, self, action, resource):
    """moto overlooks conditions. What reaches the gateway counts as sent with TLS, as it would be to AWS."""
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(text(self.policy))
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    policy["Statement"] = [statement for statement in statements if not is_about_transport(statement)]
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


@patch(S3Response, "all_buckets")
def all_buckets(original, self):
    """By name and in pages, each with its region: moto cuts a list without saying how it goes on."""
    asked = self._get_param("max-buckets")
    size = int(asked) if asked else LISTED
    if not 1 <= size <= LISTED:
        raise S3ClientError("InvalidArgument", "Argument max-buckets must be an integer between 1 and 10000")
    prefix, region = self._get_param("prefix") or "", self._get_param("bucket-region")
    after = self._get_param("continuation-token") or ""
    buckets = sorted(self.backend.buckets.values(), key=lambda bucket: bucket.name)
    buckets = [b for b in buckets if b.name.startswith(prefix) and region in (None, b.region_name) and b.name > after]
    page = buckets[:size]
    self.data["Action"] = "ListBuckets"
    listed = [{"Name": b.name, "CreationDate": b.creation_date_ISO8601} for b in page]
    if asked or prefix or region or after:
        # Only a call with at least one of these parameters is told the regions.
        listed = [{**entry, "BucketRegion": bucket.region_name} for entry, bucket in zip(listed, page)]
    result = {"Owner": {"ID": "bcaf1ffd86f41161ca5fb16fd081034f"}, "Buckets": listed}
    if prefix:
        result["Prefix"] = prefix
    if len(buckets) > size:
        result["ContinuationToken"] = page[-1].name
    return self.serialized(ActionResult(result))


@patch(S3Response, "_bucket_response_delete_keys")
def delete_keys(original, self, bucket_name, *args, **kwargs):
    if text(self.body).count("<Object>") > DELETED:
        raise MalformedXML()
    return original(self, bucket_name, *args, **kwargs)


def elsewhere(response, request, is_bucket_made):
    """The answer to a call in another region than the bucket's; none where it is right.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
    """
    bucket = response.backend.buckets.get(response.bucket_name)
    is_asked_where = "location" in request.args
    if bucket is None or is_bucket_made or is_asked_where or bucket.region_name == response.region:
        return None
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future "
        "requests to this endpoint."
    )
    endpoint = f"{bucket.name}.s3.{bucket.region_name}.amazonaws.com"
    body = (
        f"<Error><Code>PermanentRedirect</Code><Message>{message}</Message><Endpoint>{endpoint}</Endpoint>"
        f"<Bucket>{bucket.name}</Bucket></Error>"
    )
    headers = {"x-amz-bucket-region": bucket.region_name, "content-type": "application/xml"}
    return 301, headers, "" if request.method == "HEAD" else body


def tags_in(configuration):
    """The tags in the body of CreateBucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html
    """
    tags = re.findall(r"<Tag>(.*?)</Tag>", text(configuration), re.DOTALL)
    value = lambda tag, name: unescape(re.search(rf"<{name}>(.*?)</{name}>|<{name} ?/>", tag).group(1) or "")
    return {value(tag, "Key"): value(tag, "Value") for tag in tags}


@patch(S3Response, "_bucket_response")
def bucket_response(original, self, request, full_url):
    is_bucket_made = request.method == "PUT" and not self._get_querystring(request, full_url)
    is_new = is_bucket_made and self.bucket_name not in self.backend.buckets
    answer = elsewhere(self, request, is_bucket_made) or original(self, request, full_url)
    tags = tags_in(self.body) if is_new else {}
    if tags and self.bucket_name in self.backend.buckets:
        # moto overlooks them.
        self.backend.put_bucket_tagging(self.bucket_name, tags)
    return answer


@patch(S3Response, "_key_response")
def key_response(original, self, request, full_url):
    return elsewhere(self, request, False) or original(self, request, full_url)


# The roots of answers that moto calls otherwise than AWS does, which the SDK for Rust does not take.
ROOTS = {
    "get_bucket_accelerate_configuration": "AccelerateConfiguration",
    "get_bucket_notification": "NotificationConfiguration",
    "get_bucket_versioning": "VersioningConfiguration",
    "list_parts": "ListPartsResult",
}


def rooted(method, root):
    @patch(S3Response, method)
    def renamed(original, self, *args, **kwargs):
        status, headers, body = original(self, *args, **kwargs)
        name = re.search(r"<([A-Za-z]+)[ />]", text(body)).group(1)
        return status, headers, re.sub(rf"<(/?){name}(?=[ />])", rf"<\1{root}", text(body))


for method, root in ROOTS.items():
    rooted(method, root)
