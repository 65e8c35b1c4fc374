//! An in-memory model of SNS with the operations that the topic kind calls, as the API reference describes them.
//!
//! In this model, every recipient confirms a new subscription immediately. The tests of the kind cover unconfirmed
//! addresses.
//! <https://docs.aws.amazon.com/sns/latest/api/welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use std::collections::BTreeMap;

use aws_sdk_iam::operation::list_roles::{ListRolesError, ListRolesInput, ListRolesOutput};
use aws_sdk_sns::{
    operation::{
        create_topic::{CreateTopicError, CreateTopicInput, CreateTopicOutput},
        delete_topic::{DeleteTopicError, DeleteTopicInput, DeleteTopicOutput},
        list_subscriptions_by_topic::{
            ListSubscriptionsByTopicError, ListSubscriptionsByTopicInput, ListSubscriptionsByTopicOutput,
        },
        list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceInput, ListTagsForResourceOutput},
        subscribe::{SubscribeError, SubscribeInput, SubscribeOutput},
        unsubscribe::{UnsubscribeError, UnsubscribeInput, UnsubscribeOutput},
    },
    types::{Subscription, Tag},
};

use aws_sdk_sts::operation::get_caller_identity::{
    GetCallerIdentityError, GetCallerIdentityInput, GetCallerIdentityOutput,
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// The prefix of the ARNs of the account's topics.
const ARNS: &str = "arn:aws:sns:eu-west-1:123456789012:";

/// The topics of the account in the region.
#[derive(Clone, Default)]
pub(super) struct Sns {
    made: u32,
    /// The topics by ARN.
    topics: BTreeMap<String, OneTopic>,
}

#[derive(Clone, Default)]
struct OneTopic {
    tags: Vec<Tag>,
    subscriptions: Vec<Subscription>,
}

impl Service for Sns {
    fn present(&self) -> Vec<String> {
        let line = |topic: &OneTopic| {
            let mut to: Vec<&str> = topic.subscriptions.iter().filter_map(Subscription::endpoint).collect();
            to.sort_unstable();
            format!("{} to {to:?}", line("topic", &topic.tags))
        };
        self.topics.values().map(line).collect()
    }
}

/// Returns an AWS with SNS and a topic that belongs to no stack but has a name that the stack could use.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(CreateTopicError::generic, create);
    cloud.on(ListRolesError::generic, no_roles);
    cloud.on(GetCallerIdentityError::generic, caller);
    cloud.on(ListTagsForResourceError::generic, list_tags);
    cloud.on(ListSubscriptionsByTopicError::generic, list_subscriptions);
    cloud.on(SubscribeError::generic, subscribe);
    cloud.on(UnsubscribeError::generic, unsubscribe);
    cloud.on(DeleteTopicError::generic, delete);
    cloud.with(|sns: &mut Sns| sns.topics.insert(format!("{ARNS}shop-test-given"), OneTopic::default()));
    cloud
}

impl Sns {
    /// Ends all subscriptions to the topics of stacks, as the recipients would.
    pub(super) fn unsubscribe_all(&mut self) {
        self.of_stacks().for_each(|(_, topic)| topic.subscriptions.clear());
    }

    /// Subscribes another address to the topics of stacks.
    pub(super) fn subscribe_another(&mut self) {
        self.of_stacks().for_each(|(arn, topic)| {
            topic.subscriptions.push(subscription(arn, "another@example.com", "another"));
        });
    }

    fn of_stacks(&mut self) -> impl Iterator<Item = (&String, &mut OneTopic)> {
        self.topics.iter_mut().filter(|(_, topic)| !topic.tags.is_empty())
    }

    fn topic(&mut self, arn: Option<&str>) -> Result<&mut OneTopic, Refusal> {
        let topic = self.topics.get_mut(arn.unwrap_or_default());
        topic.ok_or_else(|| Refusal::new("NotFound", "Topic does not exist"))
    }
}

fn subscription(topic: &str, email: &str, id: &str) -> Subscription {
    let arn = format!("{topic}:{id}");
    Subscription::builder().topic_arn(topic).protocol("email").endpoint(email).subscription_arn(arn).build()
}

/// Creates a topic. If one with the same name and tags exists, returns that one.
fn create(sns: &mut Sns, input: &CreateTopicInput) -> Result<CreateTopicOutput, Refusal> {
    let arn = format!("{ARNS}{}", input.name().unwrap_or_default());
    let topic = sns.topics.entry(arn.clone());
    let topic = topic.or_insert_with(|| OneTopic { tags: input.tags().to_vec(), subscriptions: Vec::new() });
    if topic.tags != input.tags() {
        return Err(Refusal::new("InvalidParameter", "Topic already exists with different tags"));
    }
    Ok(CreateTopicOutput::builder().topic_arn(arn).build())
}

/// Lists the stack's roles. There are none.
fn no_roles(_: &mut Sns, _: &ListRolesInput) -> Result<ListRolesOutput, Refusal> {
    let none = ListRolesOutput::builder().set_roles(Some(Vec::new())).is_truncated(false);
    Ok(none.build().expect("all of it is given"))
}

fn caller(_: &mut Sns, _: &GetCallerIdentityInput) -> Result<GetCallerIdentityOutput, Refusal> {
    let (account, arn) = ("123456789012", "arn:aws:iam::123456789012:user/ada");
    Ok(GetCallerIdentityOutput::builder().account(account).arn(arn).user_id("ada").build())
}

fn list_tags(sns: &mut Sns, input: &ListTagsForResourceInput) -> Result<ListTagsForResourceOutput, Refusal> {
    let topic = sns.topics.get(input.resource_arn().unwrap_or_default());
    let topic = topic.ok_or_else(|| Refusal::new("ResourceNotFound", "Resource does not exist"))?;
    Ok(ListTagsForResourceOutput::builder().set_tags(Some(topic.tags.clone())).build())
}

fn list_subscriptions(
    sns: &mut Sns,
    input: &ListSubscriptionsByTopicInput,
) -> Result<ListSubscriptionsByTopicOutput, Refusal> {
    let subscriptions = sns.topic(input.topic_arn())?.subscriptions.clone();
    Ok(ListSubscriptionsByTopicOutput::builder().set_subscriptions(Some(subscriptions)).build())
}

/// Subscribes an address, unless it is already subscribed.
fn subscribe(sns: &mut Sns, input: &SubscribeInput) -> Result<SubscribeOutput, Refusal> {
    let arn = input.topic_arn().unwrap_or_default();
    let email = input.endpoint().unwrap_or_default();
    sns.made += 1;
    let id = sns.made.to_string();
    let topic = sns.topic(Some(arn))?;
    if topic.subscriptions.iter().all(|subscription| subscription.endpoint() != Some(email)) {
        topic.subscriptions.push(subscription(arn, email, &id));
    }
    Ok(SubscribeOutput::builder().subscription_arn("pending confirmation").build())
}

fn unsubscribe(sns: &mut Sns, input: &UnsubscribeInput) -> Result<UnsubscribeOutput, Refusal> {
    let is_meant = |subscription: &Subscription| subscription.subscription_arn() == input.subscription_arn();
    if !sns.topics.values().flat_map(|topic| &topic.subscriptions).any(is_meant) {
        return Err(Refusal::new("NotFound", "Subscription does not exist"));
    }
    sns.topics.values_mut().for_each(|topic| topic.subscriptions.retain(|subscription| !is_meant(subscription)));
    Ok(UnsubscribeOutput::builder().build())
}

/// Deletes a topic. Succeeds if it does not exist.
fn delete(sns: &mut Sns, input: &DeleteTopicInput) -> Result<DeleteTopicOutput, Refusal> {
    sns.topics.remove(input.topic_arn().unwrap_or_default());
    Ok(DeleteTopicOutput::builder().build())
}
