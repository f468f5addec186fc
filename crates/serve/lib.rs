//! `corpus serve`: the report as a page that lives while a run works, the ledger to be looked through, and a page of one's
//! own before every published recipe. A server for one person, on this machine.
//!
//! **Invariant:** reads what a run leaves behind and changes nothing; no file is named by a request; text of documents
//! leaves as JSON and is shown as text.

mod guard;
#[cfg(feature = "browse")]
mod ledger;
#[cfg(not(feature = "browse"))]
#[path = "ledger_absent.rs"]
mod ledger;
mod live;
mod routes;
mod server;
mod site;
mod training;
mod wanted;

pub use server::{ServeError, Server};
pub use site::Verbs;
