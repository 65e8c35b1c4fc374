//! The target of alarms: an SNS topic, and the email address that receives its messages.
//!
//! AWS sends a confirmation link to a new address, and nothing else until somebody follows the link. No tool can do
//! that, so the topic is ready without it, and `status` and `up` list the unconfirmed address.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html>

use std::collections::BTreeSet;

use aws_sdk_sns::types::Subscription as SdkSubscription;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::iam,
    model::{Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, Shown, fields},
};

/// The name of a stack's only topic.
pub const ALARMS: &str = "alarms";

/// The maximum length of a topic name, in characters.
/// <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>
const LONGEST_NAME: usize = 256;

/// The value that SNS returns instead of an ARN until the address is confirmed.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>
const PENDING: &str = "PendingConfirmation";

/// The value that SNS returns for some days after somebody unsubscribed.
const DELETED: &str = "Deleted";

/// An SNS topic.
pub struct Topic;

/// The topic that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The email address that receives the messages.
    pub email: String,
}

/// The topic as AWS reports it. It is not encrypted: alarms cannot write to a topic that uses the AWS managed key, the
/// only free one. The messages contain only names and states of alarms.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The subscribed addresses.
    pub subscriptions: Vec<Subscription>,
}

/// A subscribed address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// The address.
    pub email: String,
    /// The ARN of the subscription, once the address is confirmed.
    pub arn: Option<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Email = "email",
    }
}

impl Kind for Topic {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "topic";
    const HEADLINE: &'static [&'static str] = &["email"];
    const DOC: Doc = Doc {
        summary: "Sends notifications of the alarms to an e-mail address.",
        page: "https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html",
    };
    const USES: &'static [&'static str] = &[];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for messages, which are not included");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["sns:ListSubscriptionsByTopic", "sns:ListTagsForResource"]),
        Permission::make(
            &["sns:CreateTopic", "sns:Subscribe", "sns:TagResource"],
            On::Named(&["sns:{region}:{account}:{name:256}*"]),
        ),
        // IAM supports no narrower resource for this action.
        Permission::make(&["sns:Unsubscribe"], On::Any),
        Permission::delete(&["sns:DeleteTopic"], On::Named(&["sns:{region}:{account}:{name:256}*"])),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // Reads the topic by name, because a list of all would grow with the account.
        let known = Address::new(Self::NAME, ALARMS);
        let addresses: BTreeSet<&Address> =
            cx.expected(Self::NAME).map(|(address, _)| address).chain([&known]).collect();
        let account = iam::account(cx).await?;
        let reads = addresses.into_iter().map(|address| {
            let name = aws::derived(&cx.id, address, LONGEST_NAME);
            topic(cx, format!("arn:{}:sns:{}:{}:{name}", account.partition, cx.aws.region, account.id))
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        for former in former(desired, live) {
            diff.push(Field::Email, Shown::value(&former.email), Shown::Absent);
        }
        // SNS deletes an unconfirmed subscription after two days. The address is then subscribed again.
        if !live.subscriptions.iter().any(|subscription| subscription.email == desired.email) {
            diff.push(Field::Email, Shown::Absent, Shown::value(&desired.email));
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn).with_some("unconfirmed", unconfirmed(live))
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let call = cx
            .aws
            .sns
            .create_topic()
            .name(aws::derived(&cx.id, address, LONGEST_NAME))
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await.during("CreateTopic")?;
        let arn = given(answer.topic_arn, "CreateTopic", "TopicArn")?;
        subscribe(cx, desired, Live { arn, subscriptions: Vec::new() }).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::Email => set_email(cx, desired, live).await?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // This also deletes the subscriptions, and succeeds if the topic does not exist.
        // https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html
        let call = cx.aws.sns.delete_topic().topic_arn(&live.arn);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteTopic", &["NotFound"]).map(drop)
    }

    fn summary(live: &Live) -> Option<String> {
        unconfirmed(live).map(|emails| format!("not yet confirmed: {emails}"))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use super::model::Sns;
        crate::kind::Sample::new(super::model::cloud, Desired { email: "ops@example.com".into() })
            .variant(&["email"], Desired { email: "help@example.com".into() })
            .drift(&["email"], |cloud| cloud.with(Sns::unsubscribe_all))
            .drift(&["email"], |cloud| cloud.with(Sns::subscribe_another))
    }
}

/// Returns the topic with this ARN, if it belongs to the stack.
async fn topic(cx: &Context, arn: String) -> Result<Option<Found<Live>>, Failure> {
    let subscriptions = cx.aws.sns.list_subscriptions_by_topic().topic_arn(&arn).into_paginator().items().send();
    let subscriptions: Option<Vec<SdkSubscription>> =
        subscriptions.try_collect().await.or_absent("ListSubscriptionsByTopic", &["NotFound"])?;
    let Some(subscriptions) = subscriptions else { return Ok(None) };
    let tags = cx.aws.sns.list_tags_for_resource().resource_arn(&arn).send().await;
    let tags = tags.or_absent("ListTagsForResource", &["ResourceNotFound"])?;
    let Some(address) = tags.and_then(|tags| aws::address_of(&cx.id, tags.tags())) else { return Ok(None) };
    let live = Live { arn: arn.clone(), subscriptions: subscriptions.iter().filter_map(subscription).collect() };
    Ok(Some(Found { address, id: arn, live }))
}

/// Returns the unconfirmed addresses.
fn unconfirmed(live: &Live) -> Option<String> {
    let waiting = live.subscriptions.iter().filter(|subscription| subscription.arn.is_none());
    let waiting: Vec<&str> = waiting.map(|subscription| subscription.email.as_str()).collect();
    (!waiting.is_empty()).then(|| waiting.join(", "))
}

fn subscription(subscription: &SdkSubscription) -> Option<Subscription> {
    let email = subscription.endpoint().filter(|_| subscription.protocol() == Some("email"))?.to_owned();
    let arn = subscription.subscription_arn().filter(|arn| *arn != PENDING);
    (arn != Some(DELETED)).then(|| Subscription { email, arn: arn.map(str::to_owned) })
}

/// Whether stack.yaml does not describe the address any more. An unconfirmed subscription gets no messages, cannot be
/// ended, and is deleted automatically after two days.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html>
fn is_former(desired: &Desired, subscription: &Subscription) -> bool {
    subscription.email != desired.email && subscription.arn.is_some()
}

fn former<'a>(desired: &'a Desired, live: &'a Live) -> impl Iterator<Item = &'a Subscription> {
    live.subscriptions.iter().filter(|subscription| is_former(desired, subscription))
}

async fn set_email(cx: &Context, desired: &Desired, mut live: Live) -> Result<Live, Failure> {
    for former in former(desired, &live) {
        let call = cx.aws.sns.unsubscribe().set_subscription_arn(former.arn.clone());
        let answer = call.customize().once().send().await;
        answer.or_absent("Unsubscribe", &["NotFound"])?;
    }
    live.subscriptions.retain(|subscription| !is_former(desired, subscription));
    if live.subscriptions.iter().any(|subscription| subscription.email == desired.email) {
        return Ok(live);
    }
    subscribe(cx, desired, live).await
}

async fn subscribe(cx: &Context, desired: &Desired, mut live: Live) -> Result<Live, Failure> {
    let call = cx.aws.sns.subscribe().topic_arn(&live.arn).protocol("email").endpoint(&desired.email);
    call.customize().once().send().await.during("Subscribe")?;
    live.subscriptions.push(Subscription { email: desired.email.clone(), arn: None });
    Ok(live)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(subscriptions: &[(&str, Option<&str>)]) -> Live {
        let subscriptions = subscriptions
            .iter()
            .map(|(email, arn)| Subscription { email: (*email).to_owned(), arn: arn.map(str::to_owned) });
        Live { arn: "arn".into(), subscriptions: subscriptions.collect() }
    }

    fn changes(live: &Live) -> Vec<(Shown, Shown)> {
        let desired = Desired { email: "ops@example.com".into() };
        Topic::diff(&desired, live).into_iter().map(|change| (change.from, change.to)).collect()
    }

    #[test]
    fn unconfirmed_address_is_ready_and_listed_without_changes() {
        let waits = live(&[("ops@example.com", None)]);
        assert_eq!(changes(&waits), []);
        assert_eq!(Topic::phase(&waits, None), Phase::Ready);
        assert_eq!(Topic::outputs(&waits).get("unconfirmed"), Some("ops@example.com"));
        assert_eq!(Topic::outputs(&live(&[("ops@example.com", Some("arn"))])).get("unconfirmed"), None);
    }

    #[test]
    fn removed_address_is_subscribed_again() {
        assert_eq!(changes(&live(&[])), [(Shown::Absent, Shown::value("ops@example.com"))]);
    }

    #[test]
    fn former_address_is_unsubscribed_only_if_confirmed() {
        let both = live(&[("ops@example.com", Some("a")), ("old@example.com", Some("b")), ("never@example.com", None)]);
        assert_eq!(changes(&both), [(Shown::value("old@example.com"), Shown::Absent)]);
    }

    #[test]
    fn address_that_unsubscribed_is_not_listed() {
        let of = |arn: &str| SdkSubscription::builder().protocol("email").endpoint("e").subscription_arn(arn).build();
        assert_eq!(subscription(&of(DELETED)), None);
        assert_eq!(subscription(&of(PENDING)), Some(Subscription { email: "e".into(), arn: None }));
        assert_eq!(subscription(&of("arn")), Some(Subscription { email: "e".into(), arn: Some("arn".into()) }));
    }
}
