//! The receiver of remote write 1.0.

use crate::house::{House, NOW, all_on};

/// A request of one series `a` with one sample, packed.
fn request(t: i64, v: f64) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let len = u8::try_from(bytes.len()).expect("short");
        [&[number << 3 | 2, len], bytes].concat()
    };
    let label = [field(1, b"__name__"), field(2, b"a")].concat();
    let mut sample = vec![0x09];
    sample.extend(v.to_le_bytes());
    sample.push(0x10);
    let mut rest = t.cast_unsigned();
    while rest >= 0x80 {
        sample.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    sample.push(u8::try_from(rest).expect("seven bits"));
    let series = [field(1, &label), field(2, &sample)].concat();
    snap::raw::Encoder::new().compress_vec(&field(1, &series)).expect("it fits")
}

const HEADERS: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
                       X-Prometheus-Remote-Write-Version: 0.1.0\r\n";

#[test]
fn what_is_written_is_there() {
    let house = House::with(&[], all_on());
    let told = house.ask("POST", "/api/v1/write", HEADERS, &request(NOW - 1000, 4.5));
    assert_eq!(told.status, 204, "{}", told.text());
    let (_, body) = house.query("a");
    assert!(body.contains("\"4.5\""), "{body}");
}

#[test]
fn what_is_no_request_is_refused_and_nothing_is_stored() {
    let house = House::with(&[], all_on());
    for (headers, body, status, message) in [
        (HEADERS, b"garbage".to_vec(), 400, "snappy"),
        (HEADERS, request(NOW + 86_400_000, 1.0), 400, "too far in the future"),
        ("Content-Type: text/plain\r\n", request(NOW, 1.0), 415, ""),
    ] {
        let told = house.ask("POST", "/api/v1/write", headers, &body);
        assert_eq!(told.status, status, "{}", told.text());
        assert!(told.text().contains(message), "{}", told.text());
    }
    let (_, body) = house.query("a");
    assert!(body.contains("\"result\":[]"), "{body}");
    let older = request(NOW - 2000, 1.0);
    assert_eq!(house.ask("POST", "/api/v1/write", HEADERS, &request(NOW - 1000, 1.0)).status, 204);
    let told = house.ask("POST", "/api/v1/write", HEADERS, &older);
    assert_eq!((told.status, told.text().trim()), (400, "out of order sample"));
}
