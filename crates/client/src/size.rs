//! Sizes as people write them: `50GiB`, `1.5 TB`.

/// Units and their bytes. Decimal ones are there because disks are sold by them.
const UNITS: [(&str, u64); 11] = [
    ("b", 1),
    ("kb", 1000),
    ("kib", 1 << 10),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
    ("pb", 1_000_000_000_000_000),
    ("pib", 1 << 50),
];

/// A number of bytes. Without a unit only 0 is one: `50` for `50GiB` would delete nearly everything.
///
/// # Errors
/// A sentence about what a size looks like.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "'{text}' is no size: give a number and its unit (B, or KB, KiB to PB, PiB), such as 50GiB, 1.5TB or 500MB; 0 is no limit"
        )
    };
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let number = number.trim();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = number.parse::<f64>().ok().filter(|_| plain).ok_or_else(wrong)?;
    // By its digits: what is merely too small to be told from 0 must not take the limit away.
    let zero = number.bytes().all(|b| b"0.".contains(&b));
    if zero && unit.is_empty() {
        return Ok(0);
    }
    let unit = unit.to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    if zero {
        return Ok(0);
    }
    #[expect(clippy::cast_precision_loss, reason = "the factors are exact")]
    let bytes = (value * *factor as f64).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and within bounds"
    )]
    // Databases count to 2^63.
    (1.0..9.2e18).contains(&bytes).then_some(bytes as u64).ok_or_else(wrong)
}

/// A number of bytes for people, such as `1.5 GiB`.
pub(crate) fn shown(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if value < 1023.95 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::{bytes, shown};

    #[test]
    fn sizes_read_well() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (1_610_612_736, "1.5 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0GiB", Some(0)),
            ("1B", Some(1)),
            ("50GiB", Some(50 << 30)),
            (" 1.5 tb ", Some(1_500_000_000_000)),
            ("0.5KiB", Some(512)),
            ("10pib", Some(10 << 50)),
            ("2 PB", Some(2_000_000_000_000_000)),
            (".5GB", Some(500_000_000)),
            ("0.0", Some(0)),
            ("00 kb", Some(0)),
            ("0x10", None),
            ("0foo", None),
            ("0 bananas", None),
            ("0G", None),
            ("0 0", None),
            ("-0", None),
            ("-1", None),
            (".5G", None),
            ("5 G B", None),
            ("1,5GB", None),
            ("1.2.3GB", None),
            ("0x10GiB", None),
            ("1_000GB", None),
            ("+1GB", None),
            ("\u{661}\u{660}GB", None),
            ("NaN", None),
            ("50", None),
            ("", None),
            ("GiB", None),
            (".", None),
            ("0.1B", None),
            ("-1GiB", None),
            ("1e3GiB", None),
            ("infGiB", None),
            ("1GiB 2", None),
            ("9000000pib", None),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text:?}");
        }
        let tiny = format!("0.{}1GiB", "0".repeat(400));
        assert!(bytes(&tiny).is_err(), "too small to be told from 0, which is no limit");
        let error = bytes("50").expect_err("no unit");
        assert!(error.contains("50GiB"), "{error}");
    }
}
