"""Codes and states that AWS documents and botocore's models do not have, each with its page. One that is not needed is a fault."""

EC2 = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
S3 = "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html"
STS = "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"
SIGNATURES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"
# EC2's page spells the middle of these `ID`. Other clients have seen both spellings and list both.
TERRAFORM = "https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/errors.go"
CUSTODIAN = "https://github.com/cloud-custodian/cloud-custodian/blob/main/c7n/resources/vpc.py"

# By service; `*` means any service.
CODES = {
    "ec2": {
        "AddressLimitExceeded": EC2,
        "AuthFailure": EC2,
        "DependencyViolation": EC2,
        "Gateway.NotAttached": EC2,
        "IncorrectInstanceState": EC2,
        "InstanceLimitExceeded": EC2,
        "InternetGatewayLimitExceeded": EC2,
        "InvalidAllocationID.NotFound": EC2,
        "InvalidAssociationID.NotFound": EC2,
        "InvalidGatewayID.NotFound": EC2,
        "InvalidGroup.NotFound": EC2,
        "InvalidIPAddress.InUse": EC2,
        "InvalidInstanceID.NotFound": EC2,
        "InvalidInternetGatewayID.NotFound": EC2,
        "InvalidInternetGatewayId.NotFound": CUSTODIAN,
        "InvalidNatGatewayID.NotFound": EC2,
        "InvalidPermission.Duplicate": EC2,
        "InvalidPermission.NotFound": EC2,
        "InvalidRoute.NotFound": EC2,
        "InvalidRouteTableID.NotFound": EC2,
        "InvalidRouteTableId.NotFound": TERRAFORM,
        "InvalidSecurityGroupID.NotFound": EC2,
        "InvalidSubnetID.NotFound": EC2,
        "InvalidSubnetId.NotFound": TERRAFORM,
        "InvalidVpcEndpointId.NotFound": EC2,
        "InvalidVpcID.NotFound": EC2,
        "NatGatewayLimitExceeded": EC2,
        "NatGatewayNotFound": EC2,
        "RequestExpired": EC2,
        "Resource.AlreadyAssociated": EC2,
        "RouteAlreadyExists": EC2,
        "RouteLimitExceeded": EC2,
        "RouteTableLimitExceeded": EC2,
        "RulesPerSecurityGroupLimitExceeded": EC2,
        "SecurityGroupsPerInterfaceLimitExceeded": EC2,
        "SubnetLimitExceeded": EC2,
        "UnauthorizedOperation": EC2,
        "VcpuLimitExceeded": EC2,
        "VpcLimitExceeded": EC2,
    },
    "elbv2": {
        "UnsupportedCertificate": "https://github.com/hashicorp/terraform-provider-aws/issues/41789",
    },
    "events": {
        "ValidationException": "https://github.com/Miserlou/Zappa/issues/381",
    },
    "rds": {
        "FreeTierRestrictionError": "https://github.com/yc-software/qm/issues/352",
        "InvalidParameterCombination": RDS,
        "InvalidParameterValue": RDS,
    },
    "s3": {
        "BucketNotEmpty": S3,
        "ExpiredToken": S3,
        "NoSuchBucket": S3,
        "NoSuchBucketPolicy": S3,
        "NoSuchPublicAccessBlockConfiguration": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html",
        "NoSuchTagSet": S3,
        "OperationAborted": S3,
        "OwnershipControlsNotFoundError": S3,
        "ServerSideEncryptionConfigurationNotFoundError": S3,
        "SignatureDoesNotMatch": S3,
        "TooManyBuckets": S3,
    },
    "*": {
        "IncompleteSignature": STS,
        "InvalidClientTokenId": STS,
        "InvalidSignatureException": SIGNATURES,
        "OptInRequired": STS,
    },
}

# Codes of a service that its model does not list for these operations. AWS's lists per operation are incomplete.
# Handling a code that never comes does no harm here.
ALSO = {
    # A deletion is repeated after a lost response, when the resource no longer exists.
    ("DeleteListener", "LoadBalancerNotFound"),
    ("DeleteRule", "ListenerNotFound"),
    ("DeleteService", "ServiceNotActiveException"),
    ("DeleteTargetGroup", "TargetGroupNotFound"),
    # No page says which code ECS uses for these quotas.
    ("CreateCluster", "LimitExceededException"),
    ("CreateService", "LimitExceededException"),
}

# Codes of stackctl itself, in place of AWS's.
OUR_OWN = {"EarlierTaskRuns", "RoleIsNotShownYet", "TaskIsBeingPrepared"}

DB_INSTANCE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html"

# States that are plain text in the models and in no waiter.
STATES = {
    "elasticache": {
        "create-failed": "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html",
    },
    "rds": {
        "inaccessible-encryption-credentials": DB_INSTANCE,
        "inaccessible-encryption-credentials-recoverable": DB_INSTANCE,
        "incompatible-create": DB_INSTANCE,
        "incompatible-network": DB_INSTANCE,
        "incompatible-option-group": DB_INSTANCE,
        "insufficient-capacity": DB_INSTANCE,
        "restore-error": DB_INSTANCE,
        "storage-full": DB_INSTANCE,
        "storage-optimization": DB_INSTANCE,
    },
}
