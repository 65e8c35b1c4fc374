//! Recognizes values in the format of another tool, and says what to write instead.

/// The most CPU units of a task. A key with a larger range does not count CPU units.
const MOST_CPU: u32 = 16_384;

/// Returns the help for `text`, the value of `key`, where a whole number from `least` to `most` is expected.
pub(super) fn number(key: &str, text: &str, (least, most): (u32, u32), unit: &str) -> Option<String> {
    let meant = match (key, unit) {
        ("cpu", "") if most == MOST_CPU => vcpus(text).map(|units| format!("1 vCPU is 1024 CPU units: write {units}")),
        (_, "MiB") => mebibytes(text).map(|mebibytes| format!("write {mebibytes} or {mebibytes} MiB")),
        (_, "GiB") => mebibytes(text)
            .filter(|mebibytes| mebibytes % 1024 == 0)
            .map(|mebibytes| format!("write {0} or {0} GiB", mebibytes / 1024)),
        (_, "") if most == u32::from(u16::MAX) => {
            let (_, port) = text.rsplit_once(':')?;
            let port = port.parse::<u16>().ok()?;
            Some(format!("write only the port that the container listens on: {port}"))
        }
        _ => None,
    };
    let in_units = || format!("write it in {unit}, such as {least} or {least} {unit}");
    meant.or_else(|| matches!(unit, "MiB" | "GiB").then(in_units))
}

/// Converts `0.25`, `1` or `0.5 vCPU` to CPU units.
fn vcpus(text: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let number = lower.strip_suffix("vcpu").or(lower.strip_suffix("cpu")).unwrap_or(&lower).trim_end();
    let units = number.parse::<f64>().ok()? * 1024.0;
    whole(units).filter(|units| (256..=MOST_CPU).contains(units))
}

/// Converts `512MB`, `1g` or `0.5 Gi` to MiB.
fn mebibytes(text: &str) -> Option<u32> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let factor = match unit.to_lowercase().as_str() {
        "m" | "mb" | "mi" | "mib" => 1.0,
        "g" | "gb" | "gi" | "gib" => 1024.0,
        _ => return None,
    };
    whole(number.trim_end().parse::<f64>().ok()? * factor)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked to be in the range of u32")]
fn whole(number: f64) -> Option<u32> {
    let is_whole = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
    is_whole.then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ports_of_other_tools_are_converted() {
        let memory = |text: &str| number("memory", text, (512, 122_880), "MiB").expect("it has a help");
        assert_eq!(memory("512MB"), "write 512 or 512 MiB");
        assert_eq!(memory("1g"), "write 1024 or 1024 MiB");
        assert_eq!(memory("0.5 Gi"), "write 512 or 512 MiB");
        assert_eq!(memory("much"), "write it in MiB, such as 512 or 512 MiB");
        assert_eq!(number("disk", "30 GB", (21, 200), "GiB").as_deref(), Some("write 30 or 30 GiB"));
        let cpu = |text: &str| number("cpu", text, (256, 16_384), "");
        assert_eq!(cpu("0.25 vCPU").as_deref(), Some("1 vCPU is 1024 CPU units: write 256"));
        assert_eq!(cpu("1").as_deref(), Some("1 vCPU is 1024 CPU units: write 1024"));
        assert_eq!(cpu("many"), None);
        assert_eq!(number("cpu", "0.5", (1, 100), ""), None, "a share of `scale` has no vCPUs");
        let port = number("port", "80:3000", (1, 65_535), "");
        assert_eq!(port.as_deref(), Some("write only the port that the container listens on: 3000"));
    }
}
