//! The order of stopping: nobody is handed something that is gone.

use std::time::Duration;

use crate::wiring::Server;

/// Each step gets so long; all of them together end within five seconds.
const STEP: Duration = Duration::from_secs(1);

/// Stops what appends, sends what waits, and closes the database. The API accepts nothing more by
/// now; queries under way keep what they hold.
pub async fn stop(server: &Server) {
    let loops = async { tokio::join!(server.scrape.shutdown(), server.rules.shutdown()) };
    if tokio::time::timeout(STEP, loops).await.is_err() {
        tracing::warn!("scrapes or rules did not stop in time; what they had begun is not stored");
    }
    if tokio::time::timeout(STEP, server.notifier.shutdown()).await.is_err() {
        tracing::warn!("notifications were left unsent: no Alertmanager took them in time");
    }
    let db = std::sync::Arc::clone(&server.db);
    match tokio::task::spawn_blocking(move || db.close()).await {
        Ok(Ok(())) => tracing::info!("database closed"),
        Ok(Err(error)) => tracing::error!(%error, "database did not close cleanly"),
        Err(error) => tracing::error!(%error, "closing the database failed"),
    }
}
