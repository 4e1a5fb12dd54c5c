//! The sandbox over HTTP: one test for each rule that it enforces.

mod access;
mod binary;
mod books;
mod campaign;
mod chronicle;
mod days;
mod faults;
mod floods;
mod offers;
mod parameters;
mod partnerships;
mod payments;
mod public;
mod queries;
mod reference;
mod reports;
mod rows;
mod support;
mod throttle;
mod transactions;
mod whole;
mod worlds;
