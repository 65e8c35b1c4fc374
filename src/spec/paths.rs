//! Checks the paths in stack.yaml: paths in the project, and paths in an image.

use std::path::{Component, Path};

/// Whether a path relative to the folder of stack.yaml stays inside it.
pub(super) fn is_below(path: &Path) -> bool {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    inside && !path.as_os_str().is_empty()
}

/// The longest path of a file in an image, in bytes. Linux allows 4,096, but the path must fit into a header of the
/// archive.
pub(super) const LONGEST_IMAGE_PATH: usize = 255;

/// Returns what is wrong with the path of a file that is added to an image; none if the path is valid.
pub(super) fn image_path_problem(path: &str) -> Option<&'static str> {
    let parts = path.strip_prefix('/').map(|path| path.split('/').collect::<Vec<&str>>());
    match parts.as_deref() {
        None => Some("is not an absolute path"),
        _ if path.len() > LONGEST_IMAGE_PATH => Some("is longer than 255 characters"),
        _ if path.contains(|c: char| c.is_control()) => Some("contains a control character"),
        Some(parts) if parts.iter().any(|part| ["", ".", ".."].contains(part)) => Some("is not a path of a file"),
        // The container runtime mounts these folders over those of the image.
        Some(["dev" | "proc" | "sys", ..]) => Some("is below /dev, /proc or /sys, which the kernel provides"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_paths_stay_inside_the_project() {
        for inside in ["deploy/nginx.conf", "./a", "."] {
            assert!(is_below(Path::new(inside)), "{inside}");
        }
        for outside in ["", "/etc/passwd", "../a", "a/../../b"] {
            assert!(!is_below(Path::new(outside)), "{outside}");
        }
    }

    #[test]
    fn image_paths_are_absolute_and_outside_kernel_folders() {
        for good in ["/etc/nginx/conf.d/default.conf", "/a b", "/procs/x"] {
            assert_eq!(image_path_problem(good), None, "{good}");
        }
        for bad in ["etc/x", "/", "/etc//x", "/etc/../x", "/etc/x/", "/proc/x", "/dev/shm/x", "/a\n"] {
            assert!(image_path_problem(bad).is_some(), "{bad}");
        }
        assert!(image_path_problem(&format!("/{}", "a".repeat(255))).is_some());
    }
}
