//! Foreign resources in a network that is deleted: those of a person block the deletion, those that AWS created are
//! deleted too.

use std::sync::Arc;

use aws_sdk_ec2::types::{NetworkInterface, NetworkInterfaceType, Tag};

use crate::{
    aws::model::{Cloud, session},
    blockers,
    engine::{self, Events, Interrupt, Jitter, Run},
    kind::{Context, Kind, NoImages, Registry},
    kinds::{
        self,
        ec2::{
            model::{Ec2, cloud},
            nat_gateway::{self, NatGateway},
            subnet::{self, Subnet},
            vpc::{self, Vpc},
        },
    },
    model::{Address, Failure, Graph, LiveResource, Plan, StackId},
};

/// A stack with a network and two subnets.
struct Stage {
    cloud: Cloud,
    cx: Context,
    kinds: Registry,
    vpc: String,
    subnets: Vec<String>,
}

const CIDR: &str = "10.20.0.0/16";

impl Stage {
    async fn new() -> Self {
        let cloud = cloud();
        let id = StackId { stack: "shop".to_owned(), environment: "test".to_owned() };
        let cx = Context::new(id, Arc::new(session(&cloud)), Arc::new(NoImages));
        let desired = vpc::Desired { cidr: CIDR.to_owned() };
        let vpc = Vpc::create(&cx, &Address::new("vpc", "main"), &desired).await.expect("it is made").id;
        let mut stage = Self { cloud, cx, kinds: kinds::registry(), vpc, subnets: Vec::new() };
        for zone in ["a", "b"] {
            let desired = stage.subnet(zone);
            let address = Address::new("subnet", format!("public-{zone}"));
            let made = Subnet::create(&stage.cx, &address, &desired).await.expect("it is made");
            stage.subnets.push(made.id);
        }
        stage.look().await;
        stage
    }

    fn subnet(&self, zone: &str) -> subnet::Desired {
        let cidr = format!("10.20.{}.0/24", zone.len() + usize::from(zone.as_bytes()[0]));
        subnet::Desired { vpc: self.vpc.as_str().into(), cidr, zone: format!("eu-west-1{zone}"), public: false }
    }

    async fn look(&self) -> Vec<LiveResource> {
        let mut live = Vec::new();
        for kind in ["vpc", "subnet", "nat_gateway"] {
            live.extend(engine::observe_kind(&self.kinds, &self.cx, kind).await.expect("it is there"));
        }
        live
    }

    async fn plan(&self, graph: &Graph) -> Plan {
        engine::plan(&self.kinds, &self.cx.id, graph, self.look().await).expect("it can be planned")
    }

    async fn blockers(&self, plan: &Plan) -> Result<(), Failure> {
        blockers::refuse(&self.kinds, &self.cx, "destroy", plan).await
    }

    async fn apply(&self, plan: &Plan) {
        let (events, _receiver) = Events::channel();
        let run = Run::new(self.kinds.clone(), self.cx.clone(), events, Interrupt::default(), Jitter::seeded(1));
        let summary = engine::apply(run, plan).await.expect("it can be begun");
        assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    }

    fn add_endpoint(&self, tags: &[Tag]) {
        self.cloud.with(|ec2: &mut Ec2| ec2.add_endpoint(&self.vpc, &self.subnets, tags));
    }

    /// Returns what remains of the endpoint and its security group.
    fn left(&self) -> Vec<String> {
        let tagged = |line: &String| line.starts_with("endpoint") || line.starts_with("vpc vpc.main");
        self.cloud.present().into_iter().filter(tagged).collect()
    }

    fn security_groups(&self) -> usize {
        self.cloud.with(|ec2: &mut Ec2| ec2.security_groups.len())
    }
}

fn guard_duty() -> Tag {
    Tag::builder().key("GuardDutyManaged").value("true").build()
}

#[tokio::test(start_paused = true)]
async fn the_guardduty_endpoint_is_deleted_with_the_network() {
    let stage = Stage::new().await;
    let before = stage.security_groups();
    stage.add_endpoint(&[guard_duty()]);
    let plan = stage.plan(&Graph::new()).await;
    stage.blockers(&plan).await.expect("nothing of it is a person's");
    stage.apply(&plan).await;
    assert_eq!(stage.left(), Vec::<String>::new());
    assert_eq!(stage.security_groups(), before, "its security group is gone too");
    let deletions = stage.cloud.writes().iter().filter(|write| *write == "DeleteVpcEndpoints").count();
    assert_eq!(deletions, 1, "{:?}", stage.cloud.writes());
}

#[tokio::test(start_paused = true)]
async fn the_guardduty_endpoint_leaves_only_the_deleted_subnet() {
    let stage = Stage::new().await;
    stage.add_endpoint(&[guard_duty()]);
    let mut graph = Graph::new();
    graph.add(Address::new("vpc", "main"), &vpc::Desired { cidr: CIDR.to_owned() });
    graph.add(Address::new("subnet", "public-a"), &stage.subnet("a"));
    let plan = stage.plan(&graph).await;
    assert_eq!(plan.steps.len(), 1, "{:?}", plan.steps);
    stage.blockers(&plan).await.expect("nothing of it is a person's");
    stage.apply(&plan).await;
    assert_eq!(stage.left(), ["endpoint of nobody in 1 subnets", "vpc vpc.main"]);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_endpoint_blocks_the_network() {
    let stage = Stage::new().await;
    stage.add_endpoint(&[]);
    let refused = stage.blockers(&stage.plan(&Graph::new()).await).await.expect_err("it is a person's");
    let said = serde_json::to_value(&refused).expect("it is data")["details"].to_string();
    for blocker in ["VPC endpoint", "network interface", "security group"] {
        assert!(said.contains(blocker), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_interface_is_recognized_only_by_its_id() {
    let stage = Stage::new().await;
    let desired = nat_gateway::Desired { subnet: stage.subnets[0].as_str().into(), address: "eipalloc-given".into() };
    let address = Address::new("nat_gateway", "nat-a");
    let gateway = NatGateway::create(&stage.cx, &address, &desired).await.expect("it is made");
    let interface = |id: &str, description: &str| {
        NetworkInterface::builder()
            .network_interface_id(id)
            .vpc_id(&stage.vpc)
            .subnet_id(&stage.subnets[0])
            .interface_type(NetworkInterfaceType::NatGateway)
            .description(description)
            .build()
    };
    let own = interface(&gateway.interfaces[0], "described otherwise");
    stage.cloud.with(|ec2: &mut Ec2| ec2.interfaces.push(own));
    let plan = stage.plan(&Graph::new()).await;
    stage.blockers(&plan).await.expect("it goes with its gateway");
    let other = interface("eni-others", &format!("Interface for NAT Gateway {}", gateway.id));
    stage.cloud.with(|ec2: &mut Ec2| ec2.interfaces.push(other));
    let refused = stage.blockers(&plan).await.expect_err("a description is no evidence");
    let said = serde_json::to_value(&refused).expect("it is data")["details"].to_string();
    assert!(said.contains("eni-others") && !said.contains(&gateway.interfaces[0]), "{said}");
}
