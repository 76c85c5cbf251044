//! The client: a request goes out, redirects are followed, the answer comes back whole.
//!
//! A connection that rested may have died unnoticed. A request that finds it so before any answer
//! came goes out once more on a new one, if asking twice is harmless.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};

use crate::connection::{Connection, Resting, dial};
use crate::{ClientError, Failure, HttpOptions, Response};

/// So much room is made for a body that only announced its length; the rest grows as it comes.
const MAX_TRUSTED_LENGTH: usize = 1 << 20;

/// What to ask.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST` and the like.
    pub method: Method,
    /// Where.
    pub url: &'a str,
    /// Headers besides `Host` and `User-Agent`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty for none.
    pub body: Bytes,
    /// From the first try to the last byte of the answer.
    pub timeout: Duration,
    /// An answer of so many bytes or more is an error; 0 leaves it to
    /// [`HttpOptions::max_body_bytes`].
    pub max_body_bytes: usize,
}

/// Asks, and keeps connections open. Share one among requests that may share connections.
#[derive(Debug)]
pub struct HttpClient {
    options: HttpOptions,
    resting: Resting,
}

/// One hop on the way to an answer: redirects change it.
struct Hop {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl HttpClient {
    /// A client without any connection yet.
    pub fn new(options: HttpOptions) -> Self {
        Self { options, resting: Resting::default() }
    }

    /// Asks for `url` with these headers besides the usual ones.
    pub async fn get(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<Response, ClientError> {
        let (method, body) = (Method::GET, Bytes::new());
        self.send(Request { method, url, headers, body, timeout, max_body_bytes: 0 }).await
    }

    /// Sends `body` to `url`.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: impl Into<Bytes>,
        timeout: Duration,
    ) -> Result<Response, ClientError> {
        let headers = &[(CONTENT_TYPE.as_str(), content_type)];
        let (method, body) = (Method::POST, body.into());
        self.send(Request { method, url, headers, body, timeout, max_body_bytes: 0 }).await
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub async fn send(&self, request: Request<'_>) -> Result<Response, ClientError> {
        let (method, url) = (request.method.clone(), request.url);
        let answer = match tokio::time::timeout(request.timeout, self.follow(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout),
        };
        answer.map_err(|failure| ClientError::new(&method, url, failure))
    }

    async fn follow(&self, request: Request<'_>) -> Result<Response, Failure> {
        let limit_bytes = match request.max_body_bytes {
            0 => self.options.max_body_bytes,
            limit => limit.min(self.options.max_body_bytes),
        };
        let mut hop = self.first_hop(request)?;
        for _ in 0..=self.options.max_redirects {
            let response = self.ask(&hop, limit_bytes).await?;
            if !self.options.follow_redirects || !hop.redirect(&response)? {
                return Ok(response);
            }
        }
        Err(Failure::Redirects(self.options.max_redirects))
    }

    fn first_hop(&self, request: Request<'_>) -> Result<Hop, Failure> {
        let uri = request.url.parse().map_err(|e| Failure::Url(format!("invalid URL: {e}")))?;
        let mut headers = HeaderMap::new();
        let all = [(USER_AGENT.as_str(), self.options.user_agent.as_str())];
        for (name, value) in all.iter().chain(request.headers) {
            let bad = || Failure::Header((*name).to_owned());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.insert(key, HeaderValue::from_str(value).map_err(|_| bad())?);
        }
        Ok(Hop { method: request.method, uri, headers, body: request.body })
    }

    /// One exchange.
    async fn ask(&self, hop: &Hop, limit_bytes: usize) -> Result<Response, Failure> {
        let (host, port, place) = hop.place()?;
        let request = hop.request(&place)?;
        if let Some(mut kept) = self.resting.take(&place)
            && kept.ready().await.is_ok()
        {
            match kept.send_request(request.clone()).await {
                Ok(answer) => return self.read(answer, place, kept, limit_bytes).await,
                Err(error) if !hop.may_repeat(&error) => return Err(broken(error)),
                Err(_) => {}
            }
        }
        let mut fresh = dial(&host, port).await?;
        let answer = fresh.send_request(request).await.map_err(broken)?;
        self.read(answer, place, fresh, limit_bytes).await
    }

    /// Reads the body, and lets the connection rest if all of it came.
    async fn read(
        &self,
        answer: http::Response<Incoming>,
        place: String,
        mut connection: Connection,
        limit_bytes: usize,
    ) -> Result<Response, Failure> {
        let (head, mut incoming) = answer.into_parts();
        let too_large = || Failure::BodyTooLarge { limit_bytes };
        let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
        if announced >= limit_bytes {
            return Err(too_large());
        }
        let mut body = BytesMut::with_capacity(announced.min(MAX_TRUSTED_LENGTH));
        while let Some(frame) = incoming.frame().await {
            let Ok(piece) = frame.map_err(broken)?.into_data() else {
                continue;
            };
            if body.len() + piece.len() >= limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        if connection.ready().await.is_ok() {
            self.resting.put(place, connection, self.options.max_idle_per_host);
        }
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: body.freeze(),
            limit_bytes,
        })
    }
}

impl Hop {
    /// Host, port, and both as one text.
    fn place(&self) -> Result<(String, u16, String), Failure> {
        match self.uri.scheme_str() {
            Some("http") => {}
            Some(other) => return Err(Failure::Scheme(other.to_owned())),
            None => return Err(Failure::Scheme(String::new())),
        }
        let authority: &Authority =
            self.uri.authority().ok_or_else(|| Failure::Url("no host in URL".to_owned()))?;
        let host = authority.host().to_owned();
        let port = authority.port_u16().unwrap_or(80);
        // As the URL gives it, with no port added: this is also the `Host` header.
        let place = match authority.as_str().rsplit_once('@') {
            Some((_, place)) => place.to_owned(),
            None => authority.as_str().to_owned(),
        };
        Ok((host, port, place))
    }

    fn request(&self, place: &str) -> Result<http::Request<Full<Bytes>>, Failure> {
        let path = self.uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = http::Request::builder()
            .method(&self.method)
            .uri(path)
            .body(Full::new(self.body.clone()))
            .map_err(|e| Failure::Url(e.to_string()))?;
        let host = HeaderValue::from_str(place).map_err(|e| Failure::Url(e.to_string()))?;
        request.headers_mut().insert(HOST, host);
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }

    /// Whether a request that failed so on a connection that had rested may go out again.
    fn may_repeat(&self, error: &hyper::Error) -> bool {
        self.method.is_idempotent() || error.is_canceled()
    }

    /// Turns this into what the response redirects to; false if it is not a redirect.
    fn redirect(&mut self, response: &Response) -> Result<bool, Failure> {
        let status = response.status;
        let keeps_method =
            matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let moved = matches!(
            status,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER
        );
        let Some(location) = response.headers.get(LOCATION).filter(|_| keeps_method || moved)
        else {
            return Ok(false);
        };
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let target = url::Url::parse(&self.uri.to_string())
            .and_then(|base| base.join(&location))
            .ok()
            .and_then(|url| url.as_str().parse::<Uri>().ok());
        let Some(target) = target else {
            return Err(Failure::Location { status: status.as_u16(), location });
        };
        if moved && self.method != Method::HEAD {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
        }
        self.uri = target;
        Ok(true)
    }
}

fn broken(error: hyper::Error) -> Failure {
    if error.is_incomplete_message() || error.is_closed() {
        return Failure::Closed;
    }
    Failure::Http(error)
}
