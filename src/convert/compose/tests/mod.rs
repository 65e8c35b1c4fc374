//! Small applications in the shapes that are found, converted.

mod applications;
mod fuzz;
mod kinds;
mod project;
mod reading;
mod survey;
