"""IAM's managed policies: what is attached is not deleted, and the quotas of a policy and of a role.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import re

from moto.iam.exceptions import DeleteConflictException, LimitExceededException
from moto.iam.models import IAMBackend

from . import patch

LONGEST_POLICY = 6144
POLICIES_OF_A_ROLE = 10


def check_size(document):
    if len(re.sub(r"\s", "", document)) > LONGEST_POLICY:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {LONGEST_POLICY}")


@patch(IAMBackend, "create_policy")
def create_policy(original, self, description, path, policy_document, *args):
    check_size(policy_document)
    return original(self, description, path, policy_document, *args)


@patch(IAMBackend, "create_policy_version")
def create_policy_version(original, self, policy_arn, policy_document, *args):
    check_size(policy_document)
    return original(self, policy_arn, policy_document, *args)


@patch(IAMBackend, "attach_role_policy")
def attach_role_policy(original, self, policy_arn, role_name):
    """To attach what is attached is a success. moto counts it twice."""
    attached = self.get_role(role_name).managed_policies
    if policy_arn in attached:
        return
    if len(attached) >= POLICIES_OF_A_ROLE:
        raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {POLICIES_OF_A_ROLE}")
    original(self, policy_arn, role_name)


@patch(IAMBackend, "delete_policy")
def delete_policy(original, self, policy_arn):
    policy = self.get_policy(policy_arn)
    if policy.attachment_count > 0:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        message = "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
        raise DeleteConflictException(message)
    original(self, policy_arn)
