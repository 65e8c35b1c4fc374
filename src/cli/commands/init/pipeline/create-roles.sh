#!/bin/sh
# Makes the two roles that the pipeline of the stack @STACK@@OF@ assumes, and tells AWS to trust https://@ISSUER@.
# Run it as an administrator of account @ACCOUNT@, once, and again after a change of the files beside it. It needs the AWS
# CLI. To undo it: delete the two roles; the identity provider may serve other projects as well.
set -eu
cd "$(dirname "$0")"

account=$(aws sts get-caller-identity --query Account --output text)
if [ "$account" != @ACCOUNT@ ]; then
  echo "These credentials are for account $account, and the roles belong into @ACCOUNT@. Nothing was done." >&2
  exit 1
fi

provider=arn:aws:iam::@ACCOUNT@:oidc-provider/@ISSUER@
if ! aws iam get-open-id-connect-provider --open-id-connect-provider-arn "$provider" > /dev/null 2>&1; then
  aws iam create-open-id-connect-provider --url https://@ISSUER@ --client-id-list @AUDIENCE@ > /dev/null
  echo "made the identity provider https://@ISSUER@"
fi

# managed POLICY FILE: makes or renews the managed policy with the ARN POLICY. Of its versions, of which it can have five, the one
# before stays.
managed() {
  if aws iam get-policy --policy-arn "$1" > /dev/null 2>&1; then
    forget_versions "$1"
    aws iam create-policy-version --policy-arn "$1" --policy-document "file://$2" --set-as-default > /dev/null
  else
    aws iam create-policy --policy-name "${1##*/}" --policy-document "file://$2" > /dev/null
  fi
}

# forget_versions POLICY: deletes the versions that are no longer in force.
forget_versions() {
  replaced='Versions[?!IsDefaultVersion].VersionId'
  for version in $(aws iam list-policy-versions --policy-arn "$1" --query "$replaced" --output text); do
    aws iam delete-policy-version --policy-arn "$1" --version-id "$version"
  done
}

# role NAME FILES COUNT: makes or renews the role NAME from FILES-trust.json and FILES-policy.json; with a COUNT, from that many
# managed policies, FILES-policy-1.json and on. What an earlier run gave it otherwise is taken away last.
role() {
  policy=arn:aws:iam::@ACCOUNT@:policy/$1-
  if aws iam get-role --role-name "$1" > /dev/null 2>&1; then
    aws iam update-assume-role-policy --role-name "$1" --policy-document "file://$2-trust.json"
  else
    aws iam create-role --role-name "$1" --assume-role-policy-document "file://$2-trust.json" > /dev/null
  fi
  if [ "$3" = 0 ]; then
    aws iam put-role-policy --role-name "$1" --policy-name stackctl --policy-document "file://$2-policy.json"
  fi
  part=1
  while [ "$part" -le "$3" ]; do
    managed "$policy$part" "$2-policy-$part.json"
    aws iam attach-role-policy --role-name "$1" --policy-arn "$policy$part"
    part=$((part + 1))
  done
  if [ "$3" != 0 ]; then
    aws iam delete-role-policy --role-name "$1" --policy-name stackctl > /dev/null 2>&1 || true
  fi
  while aws iam get-policy --policy-arn "$policy$part" > /dev/null 2>&1; do
    aws iam detach-role-policy --role-name "$1" --policy-arn "$policy$part" > /dev/null 2>&1 || true
    forget_versions "$policy$part"
    aws iam delete-policy --policy-arn "$policy$part"
    part=$((part + 1))
  done
  echo "made the role $1"
}

role @PLAN_ROLE@ plan @PLAN_POLICIES@
role @DEPLOY_ROLE@ deploy @DEPLOY_POLICIES@
