//! Expanding the templates in an alert's labels and annotations.

use std::sync::Arc;

use model::{Labels, Timestamp};
use promql::SampleValue;
use template::{Data, Element, Options, TemplateError};

use crate::shared::Shared;

/// What templates of one alert see.
pub(crate) struct Expansion<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    /// The alert's name.
    pub(crate) alert: &'a str,
    /// The labels of the element that is the alert.
    pub(crate) labels: Labels,
    pub(crate) external: &'a Labels,
    pub(crate) value: f64,
    pub(crate) t: Timestamp,
}

/// Whether `text` is a template an alert of that name can have.
pub(crate) fn check(alert: &str, text: &str) -> Result<(), TemplateError> {
    template::check(&template_name(alert), text)
}

impl Expansion<'_> {
    /// The text with its actions done. If that fails the error is logged and becomes the text,
    /// since an alert with a broken explanation is better than none.
    pub(crate) fn expand(&self, text: &str) -> String {
        let options = &self.shared.options;
        let data = Data {
            labels: &self.labels,
            external_labels: self.external,
            external_url: &options.external_url,
            value: self.value,
        };
        let settings = Options {
            path_prefix: url_path(&options.external_url),
            now_ms: self.t,
            ..Options::default()
        };
        let mut query = |query: &str| self.query(query);
        template::expand(&template_name(self.alert), text, &data, &settings, &mut query)
            .unwrap_or_else(|error| {
                let (alertname, error) = (self.alert, error.to_string());
                tracing::warn!(alertname, error, "Expanding alert template failed");
                format!("<error expanding template: {error}>")
            })
    }

    fn query(&self, query: &str) -> Result<Vec<Element>, String> {
        let expr = promql::parse(query).map_err(|error| error.to_string())?;
        let samples =
            self.shared.query(&expr, query.into(), self.t).map_err(|error| error.to_string())?;
        let element = |sample: promql::VectorSample| {
            let value = match sample.value {
                SampleValue::Float(v) => v,
                SampleValue::Histogram(_) => 0.0,
            };
            Element { labels: sample.labels, value }
        };
        Ok(samples.into_iter().map(element).collect())
    }
}

fn template_name(alert: &str) -> String {
    format!("__alert_{alert}")
}

/// What stands behind the host of a URL.
fn url_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_url_is_what_stands_behind_its_host() {
        for (url, path) in
            [("http://a:1/b/c", "/b/c"), ("http://a", ""), ("", ""), ("http://a/", "/")]
        {
            assert_eq!(url_path(url), path, "{url}");
        }
    }
}
