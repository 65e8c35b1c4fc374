//! Where alarms go: an SNS topic, and the e-mail address that gets what is sent there.
//!
//! AWS mails a link to a new address, and sends nothing else there until somebody follows it. No tool can do that in
//! their place, so a topic is ready without it, and `status` and `up` say who is still waited for.
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

/// What a stack's one topic is called.
pub const ALARMS: &str = "alarms";

/// The longest name of a topic, in characters.
/// <https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html>
const LONGEST_NAME: usize = 256;

/// What SNS shows in the place of an ARN until the address is confirmed.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>
const PENDING: &str = "PendingConfirmation";

/// What it shows for some days once somebody has unsubscribed.
const DELETED: &str = "Deleted";

/// A topic.
pub struct Topic;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Who gets a mail.
    pub email: String,
}

/// What AWS has. The topic is not encrypted: with AWS's own key, the only one that costs nothing, no alarm may write to
/// it, and what is written is the name and the state of an alarm.
/// <https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The addresses that are subscribed.
    pub subscriptions: Vec<Subscription>,
}

/// An address that is subscribed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// The address.
    pub email: String,
    /// The subscription's ARN, once the address is confirmed.
    pub arn: Option<String>,
}

fields! {
    /// What is changed in place.
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
        // IAM takes no narrower resource for this one.
        Permission::make(&["sns:Unsubscribe"], On::Any),
        Permission::delete(&["sns:DeleteTopic"], On::Named(&["sns:{region}:{account}:{name:256}*"])),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // By its name: a list of topics would grow with the account.
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
        // One that was never confirmed is gone after two days: it is asked for again.
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
        // Its subscriptions go with it, and one that is not there is a success.
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

/// The topic with this ARN, if it is the stack's.
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

/// The addresses whose link nobody has followed yet.
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

/// Whether it is one that stack.yaml no longer has. One that was never confirmed gets no mail, cannot be unsubscribed,
/// and is gone by itself after two days.
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
    fn an_unconfirmed_address_is_ready_named_and_no_change() {
        let waits = live(&[("ops@example.com", None)]);
        assert_eq!(changes(&waits), []);
        assert_eq!(Topic::phase(&waits, None), Phase::Ready);
        assert_eq!(Topic::outputs(&waits).get("unconfirmed"), Some("ops@example.com"));
        assert_eq!(Topic::outputs(&live(&[("ops@example.com", Some("arn"))])).get("unconfirmed"), None);
    }

    #[test]
    fn an_address_that_is_gone_is_asked_again() {
        assert_eq!(changes(&live(&[])), [(Shown::Absent, Shown::value("ops@example.com"))]);
    }

    #[test]
    fn a_former_address_is_unsubscribed_unless_it_never_confirmed() {
        let both = live(&[("ops@example.com", Some("a")), ("old@example.com", Some("b")), ("never@example.com", None)]);
        assert_eq!(changes(&both), [(Shown::value("old@example.com"), Shown::Absent)]);
    }

    #[test]
    fn an_address_that_unsubscribed_is_not_subscribed() {
        let of = |arn: &str| SdkSubscription::builder().protocol("email").endpoint("e").subscription_arn(arn).build();
        assert_eq!(subscription(&of(DELETED)), None);
        assert_eq!(subscription(&of(PENDING)), Some(Subscription { email: "e".into(), arn: None }));
        assert_eq!(subscription(&of("arn")), Some(Subscription { email: "e".into(), arn: Some("arn".into()) }));
    }
}
