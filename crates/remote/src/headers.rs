//! What a request's headers say about its body.
//!
//! The texts are Prometheus's, so that a sender's log reads the same.

/// A body in a language nobody here reads. All of these are answered with 415.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not protocol buffers.
    #[error("expected application/x-protobuf as the first (media) part, got {0} content-type")]
    MediaType(String),
    /// A parameter without a value.
    #[error(
        "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be \
         key-values, got {parameter} in {content_type} content-type"
    )]
    Parameter {
        /// The parameter.
        parameter: String,
        /// The whole header.
        content_type: String,
    },
    /// A message nobody knows.
    #[error(
        "got {content_type} content type; unknown remote write protobuf message {message}, \
         supported: prometheus.WriteRequest"
    )]
    Message {
        /// What `proto=` said.
        message: String,
        /// The whole header.
        content_type: String,
    },
    /// Remote write 2.0.
    #[error(
        "{V2} protobuf message is not accepted by this server; only accepts prometheus.WriteRequest"
    )]
    Version2,
    /// Packed otherwise than by snappy.
    #[error("{0} encoding (compression) is not accepted by this server; only snappy is acceptable")]
    Encoding(String),
}

const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

/// Whether a body with these headers, blank if they were not sent, is a remote-write 1.0 request.
pub fn check_headers(content_type: &str, content_encoding: &str) -> Result<(), HeaderError> {
    let content_type = content_type.trim();
    if !content_type.is_empty() {
        check_content_type(content_type)?;
    }
    match content_encoding.trim() {
        "" | "snappy" => Ok(()),
        other => Err(HeaderError::Encoding(other.to_owned())),
    }
}

fn check_content_type(content_type: &str) -> Result<(), HeaderError> {
    let mut parts = content_type.split(';').map(str::trim);
    if parts.next() != Some("application/x-protobuf") {
        return Err(HeaderError::MediaType(content_type.to_owned()));
    }
    for parameter in parts {
        match parameter.split_once('=') {
            None => {
                let (parameter, content_type) = (parameter.to_owned(), content_type.to_owned());
                return Err(HeaderError::Parameter { parameter, content_type });
            }
            Some(("proto", V2)) => return Err(HeaderError::Version2),
            Some(("proto", message)) if message != V1 => {
                let (message, content_type) = (message.to_owned(), content_type.to_owned());
                return Err(HeaderError::Message { message, content_type });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_remote_write_1_in_snappy_is_read() {
        for (content_type, encoding, complaint) in [
            ("application/x-protobuf", "snappy", ""),
            ("application/x-protobuf;proto=prometheus.WriteRequest", "snappy", ""),
            ("application/x-protobuf; charset=x", "", ""),
            ("", "", ""),
            (
                "text/plain",
                "snappy",
                "expected application/x-protobuf as the first (media) part, got text/plain \
                 content-type",
            ),
            (
                "application/x-protobuf;foo",
                "snappy",
                "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be \
                 key-values, got foo in application/x-protobuf;foo content-type",
            ),
            (
                "application/x-protobuf;proto=foo",
                "snappy",
                "got application/x-protobuf;proto=foo content type; unknown remote write protobuf \
                 message foo, supported: prometheus.WriteRequest",
            ),
            (
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                "snappy",
                "io.prometheus.write.v2.Request protobuf message is not accepted by this server; \
                 only accepts prometheus.WriteRequest",
            ),
            (
                "application/x-protobuf",
                "gzip",
                "gzip encoding (compression) is not accepted by this server; only snappy is \
                 acceptable",
            ),
        ] {
            let found = check_headers(content_type, encoding).err().map(|e| e.to_string());
            assert_eq!(found.unwrap_or_default(), complaint, "{content_type} {encoding}");
        }
    }
}
