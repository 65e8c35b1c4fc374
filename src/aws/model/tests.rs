//! The properties that the tests of all kinds rely on: responses, errors and faults arrive as they do from AWS.

use std::time::Duration;

use aws_sdk_ec2::operation::{
    create_vpc::{CreateVpcError, CreateVpcInput, CreateVpcOutput},
    delete_vpc::{DeleteVpcError, DeleteVpcInput, DeleteVpcOutput},
    describe_subnets::{DescribeSubnetsError, DescribeSubnetsInput, DescribeSubnetsOutput},
    describe_vpcs::{DescribeVpcsError, DescribeVpcsInput, DescribeVpcsOutput},
};

use super::*;
use crate::{
    aws::{Aws, Once, Outcome},
    model::{Cause, Failure},
};

/// A service that counts its resources.
#[derive(Clone, Default)]
struct Counter(usize);

impl Service for Counter {
    fn present(&self) -> Vec<String> {
        vec!["one".to_owned(); self.0]
    }
}

/// The same for a strongly consistent service.
#[derive(Clone, Default)]
struct Current(usize);

impl Service for Current {
    const LAGS: bool = false;

    fn present(&self) -> Vec<String> {
        Vec::new()
    }
}

fn cloud() -> (Cloud, Aws) {
    let cloud = Cloud::new();
    cloud.on(CreateVpcError::generic, |counter: &mut Counter, _: &CreateVpcInput| {
        counter.0 += 1;
        Ok(CreateVpcOutput::builder().build())
    });
    cloud.on(DescribeVpcsError::generic, |counter: &mut Counter, _: &DescribeVpcsInput| {
        let vpc = aws_sdk_ec2::types::Vpc::builder().build();
        Ok(DescribeVpcsOutput::builder().set_vpcs(Some(vec![vpc; counter.0])).build())
    });
    cloud.on(DeleteVpcError::generic, |_: &mut Counter, _: &DeleteVpcInput| {
        Err::<DeleteVpcOutput, _>(Refusal::new("DependencyViolation", "it has dependencies"))
    });
    let aws = session(&cloud);
    (cloud, aws)
}

async fn create(aws: &Aws) -> Result<(), Failure> {
    aws.ec2.create_vpc().customize().once().send().await.during("CreateVpc").map(drop)
}

async fn shown(aws: &Aws) -> usize {
    aws.ec2.describe_vpcs().send().await.expect("a read is answered").vpcs().len()
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_a_handler_fails_with_its_name() {
    let (cloud, aws) = cloud();
    let failure = aws.ec2.describe_subnets().send().await.during("list").expect_err("no model answers it");
    assert!(failure.message.contains("DescribeSubnets"), "{failure}");
    assert_eq!(cloud.unanswered(), ["DescribeSubnets"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_arrives_with_its_code_and_message() {
    let (_, aws) = cloud();
    let failure = aws.ec2.delete_vpc().send().await.during("DeleteVpc").expect_err("the model refuses it");
    assert_eq!(failure.to_string(), "DeleteVpc: DependencyViolation: it has dependencies");
    assert_eq!(failure.cause, Cause::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_fault_affects_only_its_write() {
    for (fault, done) in [(Fault::RequestLost, 2), (Fault::AnswerLost, 3)] {
        let (cloud, aws) = cloud();
        cloud.begin(Some((1, fault)));
        create(&aws).await.expect("nothing happens to the first write");
        let lost = create(&aws).await.expect_err("the second is lost");
        assert_eq!(lost.cause, Cause::Ambiguous);
        create(&aws).await.expect("nothing happens to the third write");
        assert_eq!((cloud.present().len(), cloud.writes().len()), (done, 3), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_receives_no_response() {
    for (fault, done) in [(Fault::KilledBefore, 0), (Fault::KilledAfter, 1)] {
        let (cloud, aws) = cloud();
        cloud.begin(Some((0, fault)));
        tokio::select! {
            answer = create(&aws) => panic!("{answer:?} arrived"),
            () = cloud.killed() => {}
        }
        let after = tokio::time::timeout(Duration::from_secs(60), create(&aws)).await;
        assert!(after.is_err(), "{after:?} arrived");
        assert_eq!(cloud.present().len(), done, "{fault:?}");
        cloud.begin(None);
        assert_eq!(shown(&aws).await, done);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_a_write_once_the_lag_is_over() {
    let (cloud, aws) = cloud();
    cloud.lag(Duration::from_secs(5));
    create(&aws).await.expect("it is answered");
    assert_eq!(shown(&aws).await, 0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    create(&aws).await.expect("it is answered");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown(&aws).await, 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown(&aws).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_strongly_consistent_service_does_not_lag() {
    let cloud = Cloud::new();
    cloud.on(CreateVpcError::generic, |current: &mut Current, _: &CreateVpcInput| {
        current.0 += 1;
        Ok(CreateVpcOutput::builder().build())
    });
    cloud.on_beside(DescribeVpcsError::generic, |_: &mut Counter, current: &Current, _: &DescribeVpcsInput| {
        let vpc = aws_sdk_ec2::types::Vpc::builder().build();
        Ok(DescribeVpcsOutput::builder().set_vpcs(Some(vec![vpc; current.0])).build())
    });
    cloud.on(DescribeSubnetsError::generic, |current: &mut Current, _: &DescribeSubnetsInput| {
        let subnet = aws_sdk_ec2::types::Subnet::builder().build();
        Ok(DescribeSubnetsOutput::builder().set_subnets(Some(vec![subnet; current.0])).build())
    });
    let aws = session(&cloud);
    cloud.lag(Duration::from_secs(5));
    create(&aws).await.expect("it is answered");
    let subnets = aws.ec2.describe_subnets().send().await.expect("a read is answered").subnets().len();
    assert_eq!((subnets, shown(&aws).await), (1, 0), "what looks at it from beside lags as its own service does");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_restores_the_state() {
    let (cloud, aws) = cloud();
    create(&aws).await.expect("it is answered");
    let checkpoint = cloud.checkpoint();
    create(&aws).await.expect("it is answered");
    cloud.restore(&checkpoint);
    assert_eq!((shown(&aws).await, cloud.present().len()), (1, 1));
}
