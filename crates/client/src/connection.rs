//! Connections: made, used, kept, and used again.
//!
//! A connection rests here between requests; whoever takes it out owns it, and brings it back only
//! after a whole answer. The lock is held for a push or a pop.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use crate::Failure;

/// One open connection, ready for a request.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

const READ_BUFFER_BYTES: usize = 16 << 10;

/// The connections that rest, by host and port.
#[derive(Debug, Default)]
pub(crate) struct Resting(Mutex<HashMap<String, Vec<Connection>>>);

impl Resting {
    /// An open connection to `place`, if one rests.
    pub(crate) fn take(&self, place: &str) -> Option<Connection> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let list = all.get_mut(place)?;
        while let Some(connection) = list.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        all.remove(place);
        None
    }

    /// Lets a connection rest, if it is still open and not too many do already.
    pub(crate) fn put(&self, place: String, connection: Connection, at_most: usize) {
        if connection.is_closed() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let list = all.entry(place).or_default();
        if list.len() < at_most {
            list.push(connection);
        }
    }
}

/// Opens a connection: every address the name has, one after the other. Reports the last failure.
pub(crate) async fn dial(host: &str, port: u16) -> Result<Connection, Failure> {
    // An IPv6 address stands in brackets in a URL, and without them everywhere else.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let lookup = |source| Failure::Lookup { host: bare.to_owned(), source };
    let mut failure = lookup(std::io::ErrorKind::NotFound.into());
    for address in lookup_host((bare, port)).await.map_err(lookup)? {
        match TcpStream::connect(address).await {
            Ok(stream) => return greet(stream).await,
            Err(source) => failure = Failure::Connect { address, source },
        }
    }
    Err(failure)
}

async fn greet(stream: TcpStream) -> Result<Connection, Failure> {
    // A request is one small write; waiting for more to send with it would only cost time. Where
    // the system refuses the option, things are slower, not wrong.
    let _ = stream.set_nodelay(true);
    // One request is on its way at a time, and a connection rests for most of its life: a small
    // buffer is enough, and a growing one would stay grown.
    let (sender, driver) = Builder::new()
        .read_buf_exact_size(Some(READ_BUFFER_BYTES))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Failure::Http)?;
    tokio::spawn(async move {
        // Whoever waits for the answer is told of any failure; here it only ends the connection.
        let _ = driver.await;
    });
    Ok(sender)
}
