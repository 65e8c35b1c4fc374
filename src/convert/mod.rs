//! What another tool's files say, said as a stack.yaml. A converter reads [`source::Sources`], writes a [`page::Page`], and accounts
//! in a [`ledger::Ledger`] for every key that it read: carried, approximated or not possible. What only a person can know is a
//! [`conversion::Question`].

pub(crate) mod compose;
pub(crate) mod conversion;
pub(crate) mod copilot;
pub(crate) mod ledger;
pub(crate) mod names;
pub(crate) mod page;
pub(crate) mod procfile;
pub(crate) mod secrecy;
pub(crate) mod source;
