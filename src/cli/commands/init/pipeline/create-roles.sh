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

# role NAME FILES: makes or renews the role NAME from FILES-trust.json and FILES-policy.json.
role() {
  if aws iam get-role --role-name "$1" > /dev/null 2>&1; then
    aws iam update-assume-role-policy --role-name "$1" --policy-document "file://$2-trust.json"
  else
    aws iam create-role --role-name "$1" --assume-role-policy-document "file://$2-trust.json" > /dev/null
  fi
  aws iam put-role-policy --role-name "$1" --policy-name stackctl --policy-document "file://$2-policy.json"
  echo "made the role $1"
}

role @PLAN_ROLE@ plan
role @DEPLOY_ROLE@ deploy
