//! The desired resources and their dependencies.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{Address, Failure, Field, Input, Part, input};

/// A desired resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its address.
    pub address: Address,
    /// The `Desired` of its kind as data. Outputs of other resources are references.
    pub desired: Value,
    /// The resources that must be ready before it is created.
    pub needs: BTreeSet<Address>,
    /// For a one-off task such as a release task: when it runs.
    pub runs: Option<Runs>,
    /// Whether it is not part of a release, although others of its kind are.
    pub outside_release: bool,
    /// The name of the part of stack.yaml that asks for it.
    pub part: String,
}

/// When a one-off task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Before `target` is created, or `field` of it changes.
    Before {
        /// The resource.
        target: Address,
        /// The name of its field.
        field: &'static str,
    },
    /// Always.
    Always,
}

/// All resources that stack.yaml describes, with their dependencies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: BTreeMap<Address, Node>,
    /// The names of the parts, in the order in which they began.
    parts: Vec<String>,
    /// The part that is asking.
    part: String,
}

/// A graph that cannot be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// A resource needs one that is not in the graph.
    #[error("{by} needs {missing}, which does not exist in the stack")]
    Missing {
        /// The resource with the dependency.
        by: Address,
        /// The missing resource.
        missing: Address,
    },
    /// Resources that depend on each other.
    #[error("circular dependency: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → "))]
    Cycle(Vec<Address>),
}

impl Graph {
    /// Creates an empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on, the part of stack.yaml called `name` asks for the resources.
    pub fn begin(&mut self, name: impl Into<String>) {
        self.part = name.into();
        if !self.parts.contains(&self.part) {
            self.parts.push(self.part.clone());
        }
    }

    /// The parts of stack.yaml with their resources, in the order in which they began.
    pub fn parts(&self) -> Vec<Part> {
        let of = |name: &String| {
            let nodes = self.nodes.values().filter(|node| node.part == *name);
            Part { name: name.clone(), addresses: nodes.map(|node| node.address.clone()).collect() }
        };
        self.parts.iter().map(of).filter(|part| !part.addresses.is_empty()).collect()
    }

    /// Adds a resource; what its `desired` refers to, it needs. Returns its address.
    ///
    /// # Panics
    /// If the address is taken: two parts of the blueprint must not create the same resource.
    pub fn add(&mut self, address: Address, desired: &impl Serialize) -> Address {
        let desired = serde_json::to_value(desired).expect("a kind's Desired is plain data");
        let needs = input::references(&desired);
        let node = Node {
            address: address.clone(),
            desired,
            needs,
            runs: None,
            outside_release: false,
            part: self.part.clone(),
        };
        let before = self.nodes.insert(address.clone(), node);
        assert!(before.is_none(), "{address} is in the graph twice");
        address
    }

    /// Replaces the desired state of `address`. Its previous dependencies stay.
    ///
    /// # Panics
    /// If `address` is not in the graph.
    pub fn amend(&mut self, address: &Address, desired: &impl Serialize) {
        let node = self.nodes.get_mut(address).expect("the resource was added before");
        node.desired = serde_json::to_value(desired).expect("a kind's Desired is plain data");
        node.needs.extend(input::references(&node.desired));
    }

    /// Makes `address` depend on `other`, without using an output.
    ///
    /// # Panics
    /// If `address` is not in the graph.
    pub fn need(&mut self, address: &Address, other: &Address) {
        let node = self.nodes.get_mut(address).expect("the resource was added before");
        node.needs.insert(other.clone());
    }

    /// Runs `address` before `target` whenever `field` of `target` changes.
    ///
    /// # Panics
    /// If either is not in the graph.
    pub fn run_before(&mut self, address: &Address, target: &Address, field: impl Field) {
        self.need(target, address);
        let node = self.nodes.get_mut(address).expect("the resource was added before");
        node.runs = Some(Runs::Before { target: target.clone(), field: field.name() });
    }

    /// Runs `address` once everything it needs is ready.
    ///
    /// # Panics
    /// If `address` is not in the graph.
    pub fn run(&mut self, address: &Address) {
        self.nodes.get_mut(address).expect("the resource was added before").runs = Some(Runs::Always);
    }

    /// Excludes `address` from releases, although others of its kind are part of them.
    ///
    /// # Panics
    /// If `address` is not in the graph.
    pub fn keep_out_of_release(&mut self, address: &Address) {
        self.nodes.get_mut(address).expect("the resource was added before").outside_release = true;
    }

    /// Returns the resource at `address`.
    pub fn get(&self, address: &Address) -> Option<&Node> {
        self.nodes.get(address)
    }

    /// Returns all resources, by address.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// Returns the number of resources.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns whether there are no resources.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the resources in dependency order. Independent resources are ordered by address, so that the order is
    /// stable.
    ///
    /// # Errors
    /// If a dependency is missing, or resources depend on each other in a circle.
    pub fn order(&self) -> Result<Vec<&Node>, GraphError> {
        let mut ordered = Vec::with_capacity(self.nodes.len());
        let mut state = BTreeMap::new();
        for address in self.nodes.keys() {
            self.visit(address, &mut Vec::new(), &mut state, &mut ordered)?;
        }
        Ok(ordered)
    }

    fn visit<'a>(
        &'a self,
        address: &'a Address,
        path: &mut Vec<&'a Address>,
        done: &mut BTreeMap<&'a Address, bool>,
        ordered: &mut Vec<&'a Node>,
    ) -> Result<(), GraphError> {
        match done.get(address) {
            Some(true) => return Ok(()),
            Some(false) => {
                let start = path.iter().position(|step| *step == address).unwrap_or_default();
                let circle = path[start..].iter().copied().chain([address]).cloned().collect();
                return Err(GraphError::Cycle(circle));
            }
            None => {}
        }
        let Some(node) = self.nodes.get(address) else {
            let by = path.last().map_or(address, |by| *by).clone();
            return Err(GraphError::Missing { by, missing: address.clone() });
        };
        done.insert(address, false);
        path.push(address);
        for need in &node.needs {
            self.visit(need, path, done, ordered)?;
        }
        path.pop();
        done.insert(address, true);
        ordered.push(node);
        Ok(())
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self::internal(error.to_string())
    }
}

/// `Input`s are the edges of the graph, so this constructor is next to the nodes.
impl Node {
    /// Returns a reference to the output `output` of this resource.
    pub fn output(&self, output: &str) -> Input {
        Input::output(&self.address, output)
    }
}
