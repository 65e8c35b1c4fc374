//! The planner as a whole, without a cloud: plan cases (a stack.yaml and what lives, to the text that is shown) and
//! properties of every plan, over random stacks and random graphs that are carried out on a model of AWS.

mod cases;
mod cloud;
mod graphs;
mod made;
mod stacks;
mod text;
