//! Numbers as people read them, the same everywhere.

/// `1,718`.
pub fn human_count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// At most seven characters: exact below a million, `1.23 M`, `12.3 G` above.
pub(crate) fn short_count(n: u64) -> String {
    const UNITS: [&str; 5] = ["M", "G", "T", "P", "E"];
    if n < 1_000_000 {
        return human_count(n);
    }
    let mut value = n as f64 / 1e6;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// Three digits after any zeros: `0.00878`, `0.123`, `12.3`.
pub(crate) fn significant(value: f64) -> String {
    if value <= 0.0 || value >= 0.1 {
        return three_digits(value);
    }
    let decimals = (2.0 - value.log10().floor()).min(12.0) as usize;
    format!("{value:.decimals$}")
}

/// `12.3 MB`: three digits, powers of 1,000.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1e3;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// `45`, `0.0326`: at most four decimals.
pub fn human_number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `0.123`, `1.23`, `12.3`, `123`.
pub(crate) fn three_digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// `12.3%`; empty where there is no whole.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { format!("{:.1}%", 100.0 * part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_width() {
        assert_eq!([0, 999, 1_718, 1_234_567].map(human_count), ["0", "999", "1,718", "1,234,567"]);
        assert_eq!([0, 999, 1_000, 12_345_678].map(human_bytes), ["0 B", "999 B", "1.00 kB", "12.3 MB"]);
        assert_eq!([999_499, 999_500, 999_949_999].map(human_bytes), ["999 kB", "1.00 MB", "1.00 GB"]);
        assert_eq!([0.0004, 0.9996, 9.996, 99.96].map(three_digits), ["0.000", "1.00", "10.0", "100"]);
        assert_eq!(human_bytes(u64::MAX), "18.4 EB");
        assert_eq!([999_999, 1_000_000, 12_345_678_901].map(short_count), ["999,999", "1.00 M", "12.3 G"]);
        assert_eq!(
            [0.0, 0.00878, 0.0999, 0.5, 12.34].map(significant),
            ["0.000", "0.00878", "0.0999", "0.500", "12.3"]
        );
    }
}
