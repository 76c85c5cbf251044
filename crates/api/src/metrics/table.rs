//! Every metric but those of the database: name, type, help, and where its value comes from. Sorted
//! by name.
#![expect(clippy::cast_precision_loss, reason = "counts and sizes beyond 2^53 do not occur")]

use exposition::MetricType::{Counter, Gauge, Histogram, Summary};

use super::{PartSources, Row, Sources, row};

/// Metrics that are there from the beginning.
pub(super) const ALWAYS: &[Row<Sources>] = &[
    row("process_cpu_seconds_total", Counter, "CPU time used, in seconds.", |s, out| {
        s.process.cpu_seconds.into_iter().for_each(|v| out.one(v));
    }),
    row("process_max_fds", Gauge, "File descriptors the process may have open.", |s, out| {
        s.process.max_fds.into_iter().for_each(|v| out.one(v));
    }),
    row("process_open_fds", Gauge, "File descriptors that are open.", |s, out| {
        s.process.open_fds.into_iter().for_each(|v| out.one(v));
    }),
    row("process_resident_memory_bytes", Gauge, "Memory in use, in bytes.", |s, out| {
        s.process.resident_bytes.into_iter().for_each(|v| out.one(v));
    }),
    row("process_start_time_seconds", Gauge, "When the process started, Unix time.", |s, out| {
        out.one(s.state.facts().start_time as f64 / 1000.0);
    }),
    row("process_virtual_memory_bytes", Gauge, "Address space in use, in bytes.", |s, out| {
        s.process.virtual_bytes.into_iter().for_each(|v| out.one(v));
    }),
    row(
        "prometheus_build_info",
        Gauge,
        "Always 1; the labels say what this build is.",
        |s, out| {
            let build = s.state.build();
            let labels = [
                ("branch", build.branch.as_str()),
                ("goarch", std::env::consts::ARCH),
                ("goos", std::env::consts::OS),
                ("goversion", &build.compiler),
                ("revision", &build.revision),
                ("version", &build.version),
            ];
            out.labelled(&labels, 1.0);
        },
    ),
    row(
        "prometheus_config_last_reload_success_timestamp_seconds",
        Gauge,
        "When a configuration was last applied, Unix time.",
        |s, out| out.one(s.state.reload_status().1 as f64 / 1000.0),
    ),
    row(
        "prometheus_config_last_reload_successful",
        Gauge,
        "Whether the last configuration was applied.",
        |s, out| out.one(f64::from(u8::from(s.state.reload_status().0))),
    ),
    row(
        "prometheus_engine_queries_concurrent_max",
        Gauge,
        "How many queries run at the same time at most.",
        |s, out| out.one(s.state.options().max_concurrency as f64),
    ),
    row(
        "prometheus_http_request_duration_seconds",
        Histogram,
        "How long answers took to begin, in seconds.",
        |s, out| {
            for (handler, stats) in s.state.http().all() {
                out.histogram(&[("handler", &handler)], &stats.durations);
            }
        },
    ),
    row("prometheus_http_requests_total", Counter, "Requests answered.", |s, out| {
        for (handler, stats) in s.state.http().all() {
            for (code, count) in stats.codes() {
                let code = code.to_string();
                out.labelled(&[("code", &code), ("handler", &handler)], count as f64);
            }
        }
    }),
    row(
        "prometheus_http_response_size_bytes",
        Histogram,
        "How large answers were, in bytes, before packing.",
        |s, out| {
            for (handler, stats) in s.state.http().all() {
                out.histogram(&[("handler", &handler)], &stats.sizes);
            }
        },
    ),
    row("prometheus_ready", Gauge, "Whether the server was fully up.", |s, out| {
        out.one(f64::from(u8::from(s.state.parts().is_ok())));
    }),
];

/// Metrics of the parts, there when the server is ready.
pub(super) const READY: &[Row<PartSources>] = &[
    row("prometheus_engine_queries", Gauge, "Queries under way.", |s, out| {
        out.one(s.parts.engine.stats().current.get());
    }),
    row(
        "prometheus_engine_query_duration_seconds",
        Summary,
        "Time queries took, in seconds, by what for.",
        |s, out| {
            let stats = s.parts.engine.stats();
            out.summary(&[("slice", "inner_eval")], &stats.evaluation);
            out.summary(&[("slice", "prepare_time")], &stats.preparation);
            out.summary(&[("slice", "result_sort")], &stats.sorting);
        },
    ),
    row(
        "prometheus_engine_query_samples_total",
        Counter,
        "Samples queries looked at.",
        |s, out| out.one(s.parts.engine.stats().samples.get() as f64),
    ),
    row(
        "prometheus_notifications_alertmanagers_discovered",
        Gauge,
        "Alertmanagers that alerts are sent to.",
        |s, out| out.one(s.notifier.discovered as f64),
    ),
    row(
        "prometheus_notifications_dropped_total",
        Counter,
        "Alerts that were dropped because no Alertmanager took them.",
        |s, out| out.one(s.notifier.dropped as f64),
    ),
    row(
        "prometheus_notifications_errors_total",
        Counter,
        "Alerts that an Alertmanager did not take.",
        |s, out| {
            for am in &s.notifier.alertmanagers {
                out.labelled(&[("alertmanager", &am.url)], am.errors as f64);
            }
        },
    ),
    row(
        "prometheus_notifications_latency_seconds",
        Summary,
        "How long an Alertmanager took to answer.",
        |s, out| {
            for am in &s.notifier.alertmanagers {
                out.durations(&[("alertmanager", &am.url)], am.latency);
            }
        },
    ),
    row(
        "prometheus_notifications_queue_capacity",
        Gauge,
        "So many alerts may wait to be sent.",
        |s, out| out.one(s.notifier.queue_capacity as f64),
    ),
    row(
        "prometheus_notifications_queue_length",
        Gauge,
        "Alerts that wait to be sent.",
        |s, out| out.one(s.notifier.queue_length as f64),
    ),
    row("prometheus_notifications_sent_total", Counter, "Alerts that were sent.", |s, out| {
        for am in &s.notifier.alertmanagers {
            out.labelled(&[("alertmanager", &am.url)], am.sent as f64);
        }
    }),
    row(
        "prometheus_rule_evaluation_duration_seconds",
        Summary,
        "How long rules took.",
        |s, out| out.durations(&[], s.rules.rule_evaluations),
    ),
    row(
        "prometheus_rule_evaluation_failures_total",
        Counter,
        "Evaluations of rules that failed.",
        |s, out| out.groups(&s.rules, |group| group.evaluation_failures as f64),
    ),
    row("prometheus_rule_evaluations_total", Counter, "Evaluations of rules.", |s, out| {
        out.groups(&s.rules, |group| group.evaluations as f64)
    }),
    row(
        "prometheus_rule_group_duration_seconds",
        Summary,
        "How long groups of rules took.",
        |s, out| out.durations(&[], s.rules.group_evaluations),
    ),
    row(
        "prometheus_rule_group_interval_seconds",
        Gauge,
        "How often a group is evaluated.",
        |s, out| out.groups(&s.rules, |group| group.interval_ms as f64 / 1000.0),
    ),
    row(
        "prometheus_rule_group_iterations_missed_total",
        Counter,
        "Evaluations of a group that were left out because the one before took too long.",
        |s, out| out.groups(&s.rules, |group| group.iterations_missed as f64),
    ),
    row(
        "prometheus_rule_group_iterations_total",
        Counter,
        "Evaluations of a group, those left out included.",
        |s, out| out.groups(&s.rules, |group| group.iterations as f64),
    ),
    row(
        "prometheus_rule_group_last_duration_seconds",
        Gauge,
        "How long the last evaluation of a group took.",
        |s, out| out.groups(&s.rules, |group| group.last_duration_s),
    ),
    row(
        "prometheus_rule_group_last_evaluation_samples",
        Gauge,
        "Samples that the last evaluation of a group gave.",
        |s, out| out.groups(&s.rules, |group| group.last_samples as f64),
    ),
    row(
        "prometheus_rule_group_last_evaluation_timestamp_seconds",
        Gauge,
        "When a group was last evaluated, Unix time.",
        |s, out| {
            out.groups(&s.rules, |group| group.last_evaluation_ms.unwrap_or(0) as f64 / 1000.0);
        },
    ),
    row("prometheus_rule_group_rules", Gauge, "Rules in a group.", |s, out| {
        out.groups(&s.rules, |group| group.rules as f64);
    }),
    row(
        "prometheus_sd_discovered_targets",
        Gauge,
        "Targets of a job before relabelling.",
        |s, out| {
            for pool in s.parts.scrape.pools() {
                let found = pool.active.len() + pool.dropped_count;
                out.labelled(&[("config", &pool.name), ("name", "scrape")], found as f64);
            }
        },
    ),
    row(
        "prometheus_target_interval_length_seconds",
        Summary,
        "Actual time between scrapes, in seconds, by planned interval.",
        |s, out| {
            for (interval, lengths) in s.parts.scrape.stats().interval_lengths() {
                out.summary(&[("interval", &interval)], &lengths);
            }
        },
    ),
    row(
        "prometheus_target_metadata_cache_bytes",
        Gauge,
        "Bytes of what targets say about their metrics, by job.",
        |s, out| {
            for (job, (_, bytes)) in s.parts.scrape.metadata_sizes() {
                out.labelled(&[("scrape_job", &job)], bytes as f64);
            }
        },
    ),
    row(
        "prometheus_target_metadata_cache_entries",
        Gauge,
        "Metrics that targets said something about, by job.",
        |s, out| {
            for (job, (entries, _)) in s.parts.scrape.metadata_sizes() {
                out.labelled(&[("scrape_job", &job)], entries as f64);
            }
        },
    ),
    row(
        "prometheus_target_reload_length_seconds",
        Summary,
        "How long it took to apply a configuration to all jobs, in seconds.",
        |s, out| out.summary(&[], &s.parts.scrape.stats().reload_length),
    ),
    row(
        "prometheus_target_scrape_pool_exceeded_label_limits_total",
        Counter,
        "Scrapes that failed because of a limit on labels.",
        |s, out| out.one(s.parts.scrape.stats().exceeded_label_limits.get() as f64),
    ),
    row(
        "prometheus_target_scrape_pool_exceeded_target_limit_total",
        Counter,
        "Times that a job had too many targets.",
        |s, out| out.one(s.parts.scrape.stats().exceeded_target_limit.get() as f64),
    ),
    row(
        "prometheus_target_scrape_pool_reloads_total",
        Counter,
        "Times that a job's configuration was applied.",
        |s, out| out.one(s.parts.scrape.stats().pool_reloads.get() as f64),
    ),
    row(
        "prometheus_target_scrape_pool_sync_total",
        Counter,
        "Times that a job's targets were brought up to date.",
        |s, out| {
            for (job, stats) in s.parts.scrape.stats().pools() {
                out.labelled(&[("scrape_job", &job)], stats.sync_length.count() as f64);
            }
        },
    ),
    row(
        "prometheus_target_scrape_pool_target_limit",
        Gauge,
        "How many targets a job may have; 0 if any number.",
        |s, out| {
            for (job, stats) in s.parts.scrape.stats().pools() {
                out.labelled(&[("scrape_job", &job)], stats.target_limit.get());
            }
        },
    ),
    row("prometheus_target_scrape_pool_targets", Gauge, "Targets of a job.", |s, out| {
        for (job, stats) in s.parts.scrape.stats().pools() {
            out.labelled(&[("scrape_job", &job)], stats.targets.get());
        }
    }),
    row("prometheus_target_scrape_pools_total", Counter, "Jobs that were begun.", |s, out| {
        out.one(s.parts.scrape.stats().pools_created.get() as f64);
    }),
    row(
        "prometheus_target_scrapes_exceeded_body_size_limit_total",
        Counter,
        "Scrapes that failed because the body was too large.",
        |s, out| out.one(s.parts.scrape.stats().exceeded_body_size_limit.get() as f64),
    ),
    row(
        "prometheus_target_scrapes_exceeded_sample_limit_total",
        Counter,
        "Scrapes that failed because there were too many samples.",
        |s, out| out.one(s.parts.scrape.stats().exceeded_sample_limit.get() as f64),
    ),
    row(
        "prometheus_target_scrapes_exemplar_out_of_order_total",
        Counter,
        "Scraped exemplars refused because newer ones are there.",
        |s, out| out.one(s.parts.scrape.stats().exemplar_out_of_order.get() as f64),
    ),
    row(
        "prometheus_target_scrapes_sample_duplicate_timestamp_total",
        Counter,
        "Scraped samples refused because their time has another value.",
        |s, out| out.one(s.parts.scrape.stats().sample_duplicate_timestamp.get() as f64),
    ),
    row(
        "prometheus_target_scrapes_sample_out_of_bounds_total",
        Counter,
        "Scraped samples refused because they are too old or too far ahead.",
        |s, out| out.one(s.parts.scrape.stats().sample_out_of_bounds.get() as f64),
    ),
    row(
        "prometheus_target_scrapes_sample_out_of_order_total",
        Counter,
        "Scraped samples refused because newer ones are there.",
        |s, out| out.one(s.parts.scrape.stats().sample_out_of_order.get() as f64),
    ),
    row(
        "prometheus_target_sync_failed_total",
        Counter,
        "Discovered targets that made no sense, by job.",
        |s, out| {
            for (job, stats) in s.parts.scrape.stats().pools() {
                out.labelled(&[("scrape_job", &job)], stats.sync_failed.get() as f64);
            }
        },
    ),
    row(
        "prometheus_target_sync_length_seconds",
        Summary,
        "How long it took to bring a job's targets up to date, in seconds.",
        |s, out| {
            for (job, stats) in s.parts.scrape.stats().pools() {
                out.summary(&[("scrape_job", &job)], &stats.sync_length);
            }
        },
    ),
];
