//! Checks that a program is statically linked: the image contains no dynamic loader that could start any other program.

/// The type of the program header that names the dynamic loader.
/// <https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html>
const PT_INTERP: u32 = 3;

/// Whether `program` is a 64-bit little-endian ELF file that needs no dynamic loader.
pub(super) fn is_static(program: &[u8]) -> bool {
    loader_headers(program).is_some_and(|count| count == 0)
}

/// Counts the program headers that name a loader. Returns `None` if `program` is not a 64-bit little-endian ELF file.
fn loader_headers(program: &[u8]) -> Option<usize> {
    let is_elf64_little = program.starts_with(b"\x7fELF") && program.get(4..6)? == [2, 1];
    if !is_elf64_little {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(program.get(32..40)?.try_into().ok()?)).ok()?;
    let size = usize::from(u16::from_le_bytes(program.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(program.get(56..58)?.try_into().ok()?));
    let mut loaders = 0;
    for index in 0..count {
        let at = table.checked_add(index.checked_mul(size)?)?;
        let kind = u32::from_le_bytes(program.get(at..at.checked_add(4)?)?.try_into().ok()?);
        loaders += usize::from(kind == PT_INTERP);
    }
    Some(loaders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_check_reads_elf_and_rejects_other_files() {
        let own = std::fs::read(std::env::current_exe().expect("a test has a program")).expect("it can be read");
        assert!(loader_headers(&own).is_some());
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(b"\x7fELF"));
    }
}
