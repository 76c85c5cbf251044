//! An example backend: the metrics that the dashboards and alerts in `fixtures/luneo` read.
//!
//! `cargo run -p ferula --example backend` serves them at `http://127.0.0.1:3000/health/metrics`,
//! and those of the machine, which a node_exporter would give, at `/metrics`. Nothing is measured:
//! every value is a function of the time, so two scrapes at one time see the same.

mod metrics;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use metrics::Scene;
use model::Clock;
use model::clock::SystemClock;

const USAGE: &str = "\
usage: backend [--listen ADDRESS:PORT] [--step SECONDS] [--stamped] [--incident]

  --listen    where to serve, 127.0.0.1:3000 unless told; port 0 takes a free one
  --step      values change once in so many seconds, 1 unless told
  --stamped   each sample carries the time of its step; before the first whole step there is none
  --incident  everything goes wrong, so that every alert of fixtures/luneo has something to say";

/// The longest request head that is read, in bytes.
const MAX_HEAD_BYTES: u64 = 16 << 10;
/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(120);

#[derive(Debug, PartialEq)]
struct Options {
    listen: SocketAddr,
    step_ms: i64,
    stamped: bool,
    incident: bool,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("backend: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 3000));
    let mut options = Options { listen, step_ms: 1000, stamped: false, incident: false };
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--stamped" => options.stamped = true,
            "--incident" => options.incident = true,
            "--listen" | "--step" => {
                let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
                if flag == "--listen" {
                    options.listen = value
                        .parse()
                        .map_err(|_| format!("--listen: expected ADDRESS:PORT, got {value:?}"))?;
                } else {
                    let seconds = value.parse::<i64>().ok().filter(|s| (1..=86_400).contains(s));
                    let seconds = seconds.ok_or_else(|| {
                        format!("--step: expected whole seconds up to 86400, got {value:?}")
                    })?;
                    options.step_ms = 1000 * seconds;
                }
            }
            _ => return Err(format!("unknown argument {flag:?}")),
        }
    }
    Ok(options)
}

/// Serves until the process is ended.
fn serve(options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(options.listen)?;
    let clock = SystemClock::new();
    let backend = Arc::new(Backend { started_ms: clock.now_ms(), options, clock });
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "metrics at http://{address}/health/metrics and /metrics")?;
    for stream in listener.incoming() {
        let (stream, backend) = (stream?, backend.clone());
        // A connection that breaks is the client's affair.
        std::thread::spawn(move || backend.connection(&stream));
    }
    Ok(())
}

struct Backend {
    options: Options,
    clock: SystemClock,
    started_ms: i64,
}

impl Backend {
    /// Answers the requests of one connection, one after the other.
    fn connection(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some((path, keep)) = request(&mut reader)? {
            let body = match path.split('?').next() {
                Some("/health/metrics") => Some(self.body(metrics::application)),
                Some("/metrics") => Some(self.body(metrics::machine)),
                _ => None,
            };
            let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
            let body = body.unwrap_or_else(|| "metrics are at /health/metrics\n".to_owned());
            let connection = if keep { "keep-alive" } else { "close" };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
                 Content-Length: {}\r\nConnection: {connection}\r\n\r\n",
                body.len()
            );
            let mut writer = stream;
            writer.write_all(head.as_bytes())?;
            writer.write_all(body.as_bytes())?;
            if !keep {
                break;
            }
        }
        Ok(())
    }

    fn body(&self, metrics: fn(&Scene) -> String) -> String {
        let Options { step_ms, stamped, incident, .. } = self.options;
        let step_start_ms = self.clock.now_ms().div_euclid(step_ms) * step_ms;
        if stamped && step_start_ms < self.started_ms {
            return String::new();
        }
        metrics(&Scene { time_ms: step_start_ms, stamped, incident })
    }
}

/// The path that the next request asks for, and whether the connection stays open behind it;
/// `None` if the client has gone.
fn request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<(String, bool)>> {
    let mut head = reader.take(MAX_HEAD_BYTES);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut words = first.split_whitespace();
    let (Some("GET"), Some(path), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Ok(None);
    };
    let mut keep = version != "HTTP/1.0";
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        match line.strip_prefix("connection:").map(str::trim) {
            Some("close") => keep = false,
            Some("keep-alive") => keep = true,
            _ if line.is_empty() => return Ok(Some((path.to_owned(), keep))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options, String> {
        options(arguments.iter().map(|&a| a.to_owned()))
    }

    #[test]
    fn arguments_are_read_or_refused_by_name() {
        let all = read(&["--listen", "127.0.0.1:0", "--step", "60", "--stamped", "--incident"]);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(all, Ok(Options { listen, step_ms: 60_000, stamped: true, incident: true }));
        for (arguments, message) in [
            (&["--listen"][..], "--listen needs a value"),
            (&["--listen", "x"], "--listen: expected ADDRESS:PORT, got \"x\""),
            (&["--step", "0"], "--step: expected whole seconds up to 86400, got \"0\""),
            (&["-x"], "unknown argument \"-x\""),
        ] {
            assert_eq!(read(arguments), Err(message.to_owned()));
        }
    }
}
