//! The server itself: accepts connections, so many at a time, and ends them in an orderly way.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::client::Client;
use crate::state::Options;

/// After a failed accept, most likely for want of file descriptors, so long nothing is accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `shutdown` is done; then accepts nothing more, lets requests
/// under way finish, and returns when the last connection is closed. The caller sets a deadline.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(options.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let (closing, close) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        let slot = Arc::clone(&slots).acquire_owned();
        let accepted = async {
            let slot = slot.await.expect("the semaphore is never closed");
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, close, read_timeout) =
                    (router.clone(), close.clone(), options.read_timeout);
                tokio::spawn(async move {
                    connection(stream, peer.ip(), router, read_timeout, close).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drop(close);
    closing.send_replace(true);
    // Every connection holds a receiver.
    closing.closed().await;
    Ok(())
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    router: Router,
    read_timeout: Duration,
    mut close: watch::Receiver<bool>,
) {
    // Answers are written whole: waiting for more only delays them. A socket that refuses is slower.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Client(peer.to_canonical()));
        router.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let result = tokio::select! {
        result = &mut served => result,
        () = async { drop(close.wait_for(|close| *close).await) } => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        // A client that goes away is no news.
        tracing::debug!(%error, "connection ended");
    }
}
