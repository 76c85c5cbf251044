//! Applying a configuration: all of it or nothing.
//!
//! Whatever can fail has failed in [`crate::config`] before anything is applied here.

use api::{AppState, ConfigView};
use model::Clock;
use rules::NotifierConfig;

use crate::config::{self, Config, ConfigError};
use crate::flags::Flags;
use crate::wiring::{Server, max_exemplars, retention};

/// Reads what the flags name: the file, or, if none was named and none is there, the embedded one.
pub fn read(flags: &Flags) -> Result<Config, ConfigError> {
    let mut config = if !flags.config_file_given && !flags.config_file.exists() {
        config::embedded(&own_address(flags))?
    } else {
        config::load(&flags.config_file, flags.parser_options())?
    };
    if flags.has_feature("extra-scrape-metrics") {
        config.scrape_configs.iter_mut().for_each(|job| job.extra_scrape_metrics = true);
    }
    Ok(config)
}

/// Where the server scrapes itself.
fn own_address(flags: &Flags) -> String {
    let listen = flags.listen_addresses.first().map_or("", String::as_str);
    let port = listen.rsplit_once(':').map_or("9090", |(_, port)| port);
    format!("localhost:{port}")
}

/// Makes the parts what `config` says. Needs a tokio runtime around.
pub fn apply(server: &Server, state: &AppState, flags: &Flags, config: Config, clock: &dyn Clock) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    server.db.set_retention(retention(flags, &config.storage));
    server.db.set_out_of_order_window(config.storage.out_of_order_window_ms);
    server.db.set_max_exemplars(max_exemplars(flags, &config.storage));
    server.engine.set_default_subquery_step_ms(config.evaluation_interval_ms);
    server.notifier.apply(NotifierConfig {
        external_labels: config.external_labels.clone(),
        alert_relabel_configs: config.alert_relabel_configs,
        alertmanagers: config.alertmanagers,
    });
    server.rules.apply(
        config.rule_files,
        config.evaluation_interval_ms,
        config.rule_query_offset_ms,
        config.external_labels.clone(),
    );
    server.scrape.apply(config.scrape_configs);
    let view = ConfigView { yaml: config.yaml, external_labels: config.external_labels };
    state.config_applied(view, clock.now_ms());
}
