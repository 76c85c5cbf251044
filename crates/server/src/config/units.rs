//! Sizes: `512MB`, `1GiB`, `0`, in powers of 1024 as Prometheus reads them.

use model::labels::Quoted;

/// Units and how often they count 1024.
const UNITS: [(&str, u32); 14] = [
    ("B", 0),
    ("KB", 1),
    ("KiB", 1),
    ("MB", 2),
    ("MiB", 2),
    ("GB", 3),
    ("GiB", 3),
    ("TB", 4),
    ("TiB", 4),
    ("PB", 5),
    ("PiB", 5),
    ("EB", 6),
    ("EiB", 6),
    ("", 0),
];

/// A text that is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BytesError {
    /// No number at the front.
    #[error("not a valid size: {}", Quoted(.0))]
    NoNumber(String),
    /// A number with something else behind it.
    #[error("unknown unit {} in size {}", Quoted(.unit), Quoted(.text))]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// A number other than 0 without a unit.
    #[error("missing unit in size {}", Quoted(.0))]
    NoUnit(String),
    /// More than 2^64 bytes.
    #[error("size {} is too large", Quoted(.0))]
    TooLarge(String),
}

/// Reads a size, in bytes. The number may have a fraction: `1.5GB`.
pub fn parse_bytes(text: &str) -> Result<u64, BytesError> {
    let number_len = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (number, unit) = text.split_at(number_len);
    let number: f64 = number.parse().map_err(|_| BytesError::NoNumber(text.to_owned()))?;
    if unit.is_empty() && number != 0.0 {
        return Err(BytesError::NoUnit(text.to_owned()));
    }
    let power = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, power)| *power);
    let power = power
        .ok_or_else(|| BytesError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() })?;
    whole_bytes(number * 1024_f64.powf(f64::from(power)))
        .ok_or_else(|| BytesError::TooLarge(text.to_owned()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be within what u64 holds; a fraction of a byte is dropped on purpose"
)]
fn whole_bytes(bytes: f64) -> Option<u64> {
    (bytes < 18_446_744_073_709_551_616.0).then_some(bytes as u64)
}

/// Bytes in the largest unit that leaves a whole number.
pub fn bytes_text(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = (bytes.trailing_zeros() / 10).min(6);
    let unit = units.get(usize::try_from(power).unwrap_or(0)).unwrap_or(&"B");
    format!("{}{unit}", bytes >> (10 * power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in
            [("0", 0), ("0B", 0), ("512MB", 512 << 20), ("1GiB", 1 << 30), ("1.5KB", 1536)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for (text, message) in [
            ("10XB", r#"unknown unit "XB" in size "10XB""#),
            ("10", r#"missing unit in size "10""#),
            ("", r#"not a valid size: """#),
            ("MB", r#"not a valid size: "MB""#),
            ("99EB", r#"size "99EB" is too large"#),
        ] {
            assert_eq!(parse_bytes(text).expect_err(text).to_string(), message);
        }
    }
}
