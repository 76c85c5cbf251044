//! Rules from file to store and to Alertmanager, over real sockets.

mod alertmanager;
mod house;
mod notifying;
mod rules;
