//! The paths that stack.yaml names: in the project, and in an image.

use std::path::{Component, Path};

/// Whether a path from the folder of stack.yaml stays below it.
pub(super) fn is_below(path: &Path) -> bool {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    inside && !path.as_os_str().is_empty()
}

/// The longest path of a file in an image, in bytes: Linux's own limit is 4,096, and it has to fit into an archive's header.
pub(super) const LONGEST_IMAGE_PATH: usize = 255;

/// What is wrong with the path of a file that is laid over an image; none if nothing is.
pub(super) fn image_path_problem(path: &str) -> Option<&'static str> {
    let parts = path.strip_prefix('/').map(|path| path.split('/').collect::<Vec<&str>>());
    match parts.as_deref() {
        None => Some("is not an absolute path"),
        _ if path.len() > LONGEST_IMAGE_PATH => Some("is longer than 255 characters"),
        _ if path.contains(|c: char| c.is_control()) => Some("contains a control character"),
        Some(parts) if parts.iter().any(|part| ["", ".", ".."].contains(part)) => Some("is not a path of a file"),
        // A container finds its own there, whatever the image has.
        Some(["dev" | "proc" | "sys", ..]) => Some("is below /dev, /proc or /sys, which the kernel provides"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_project_stays_in_it() {
        for inside in ["deploy/nginx.conf", "./a", "."] {
            assert!(is_below(Path::new(inside)), "{inside}");
        }
        for outside in ["", "/etc/passwd", "../a", "a/../../b"] {
            assert!(!is_below(Path::new(outside)), "{outside}");
        }
    }

    #[test]
    fn a_path_in_an_image_is_whole_and_not_the_kernels() {
        for good in ["/etc/nginx/conf.d/default.conf", "/a b", "/procs/x"] {
            assert_eq!(image_path_problem(good), None, "{good}");
        }
        for bad in ["etc/x", "/", "/etc//x", "/etc/../x", "/etc/x/", "/proc/x", "/dev/shm/x", "/a\n"] {
            assert!(image_path_problem(bad).is_some(), "{bad}");
        }
        assert!(image_path_problem(&format!("/{}", "a".repeat(255))).is_some());
    }
}
