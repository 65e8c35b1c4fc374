//! Tests of the whole planner without a cloud: plan cases (stack.yaml and live state to the shown text), and
//! properties of every plan over random stacks and graphs, applied to a model of AWS.

mod cases;
mod cloud;
mod graphs;
mod made;
mod stacks;
mod text;
