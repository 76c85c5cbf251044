//! Addresses: hosts without port or domain, and links to the graph page.

use std::net::IpAddr;

use crate::value::Value;

use super::convert::text;

pub(super) fn strip_port(values: &[Value]) -> Result<Value, String> {
    let address = text(values, 0);
    Ok(Value::str(split(address).map_or(address, |(host, _)| host)))
}

pub(super) fn strip_domain(values: &[Value]) -> Result<Value, String> {
    let address = text(values, 0);
    let (host, port) = split(address).unwrap_or((address, ""));
    if host.parse::<IpAddr>().is_ok() {
        return Ok(Value::str(address));
    }
    let host = host.split('.').next().unwrap_or(host);
    Ok(Value::str(match port {
        "" => host.to_owned(),
        port if host.contains(':') => format!("[{host}]:{port}"),
        port => format!("{host}:{port}"),
    }))
}

/// Host and port of `host:port` or `[host]:port`; anything else is no such address.
fn split(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let (host, bracketed) = match host.strip_prefix('[') {
        Some(rest) => (rest.strip_suffix(']')?, true),
        None => (host, false),
    };
    let stray = host.contains(['[', ']']) || port.contains(['[', ']']);
    (!stray && (bracketed || !host.contains(':'))).then_some((host, port))
}

pub(super) fn graph_link(values: &[Value]) -> Result<Value, String> {
    Ok(link(text(values, 0), 0))
}

pub(super) fn table_link(values: &[Value]) -> Result<Value, String> {
    Ok(link(text(values, 0), 1))
}

fn link(expression: &str, tab: u8) -> Value {
    let expression = super::text::query_escaped(expression);
    Value::str(format!("/graph?g0.expr={expression}&g0.tab={tab}"))
}
