//! Root file systems: the layers of an image, unpacked once per digest.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use tempfile::TempDir;

use crate::{authority::Authorities, ecr::Pulled, emulator};

/// The devices in every container: name, major and minor number.
/// <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices>
const DEVICES: &[(&str, u64, u64)] =
    &[("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// The settings of the region that every container gets, whatever its image.
#[derive(Clone)]
pub(super) struct World {
    /// The authorities that it trusts.
    pub(super) authorities: Arc<Authorities>,
    /// Its name server, or `None` for the one of this computer.
    pub(super) name_server: Option<Ipv4Addr>,
}

/// Adds what a container runtime adds to an image: devices, if this user may create them, and the name server. Also
/// adds the authorities of this sandbox to the certificates that the image trusts.
fn furnish(root: &Path, world: &World) -> Result<()> {
    fs::create_dir_all(root.join("dev"))?;
    fs::create_dir_all(root.join("etc"))?;
    match world.name_server {
        Some(server) => fs::write(root.join("etc/resolv.conf"), format!("nameserver {server}\n"))?,
        None => drop(fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"))),
    }
    world.authorities.trusted_in(root)?;
    if nix::unistd::geteuid().is_root() {
        let everybody = Mode::from_bits_truncate(0o666);
        for (name, major, minor) in DEVICES {
            let path = root.join("dev").join(name);
            mknod(&path, SFlag::S_IFCHR, everybody, makedev(*major, *minor))
                .with_context(|| format!("cannot make {}", path.display()))?;
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
        }
    }
    Ok(())
}

/// The root file system of a container.
pub(super) enum Root {
    /// The files of the image, which the container does not change.
    Shared(PathBuf),
    /// A copy that the container may change. It is deleted at the end.
    Own(TempDir),
}

impl Root {
    /// Returns the files of the image in `root`. Unless `read_only`, it is a copy, so that other tasks see no
    /// changes.
    pub(super) fn of(root: PathBuf, read_only: bool) -> Result<Self> {
        if read_only {
            return Ok(Self::Shared(root));
        }
        let beside = root.parent().unwrap_or(&root);
        let own = tempfile::Builder::new().prefix("task").tempdir_in(beside)?;
        // cp preserves devices, links and owners.
        let copied = Command::new("cp").arg("--archive").arg(root.join(".")).arg(own.path()).status();
        ensure!(copied.context("cannot run cp")?.success(), "cannot copy {}", root.display());
        fs::set_permissions(own.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(Self::Own(own))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Shared(root) => root,
            Self::Own(root) => root.path(),
        }
    }
}

/// Returns the folder with the image's files. Unpacks them if they do not exist yet.
pub(super) fn unpack(images: &Path, image: &Pulled, world: &World) -> Result<PathBuf> {
    assemble(images, &image.digest.replace(':', "-"), world, |root| {
        lay(image, root)?;
        emulator::lay(&image.config, root)
    })
}

/// Returns the folder `name`, filled by `fill` and furnished. Creates it if it does not exist yet.
pub(super) fn assemble(
    images: &Path,
    name: &str,
    world: &World,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let root = images.join(name);
    if root.exists() {
        return Ok(root);
    }
    fs::create_dir_all(images)?;
    // The folder is filled under a temporary name and renamed, so that concurrent tasks never see half of it.
    let beside = tempfile::Builder::new().prefix("unpacking").tempdir_in(images)?;
    fill(beside.path())?;
    furnish(beside.path(), world)?;
    let made = beside.keep();
    fs::set_permissions(&made, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    if fs::rename(&made, &root).is_err() {
        // Another task finished first.
        drop(fs::remove_dir_all(&made));
    }
    Ok(root)
}

/// Unpacks the layers of an image in order.
fn lay(image: &Pulled, root: &Path) -> Result<()> {
    for layer in &image.layers {
        let file = File::open(layer).with_context(|| format!("the layer {} is gone", layer.display()))?;
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        archive.set_preserve_permissions(true);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some(removed) = name.strip_prefix(".wh.") {
                let target = root.join(path.with_file_name(removed));
                drop(fs::remove_file(&target).or_else(|_| fs::remove_dir_all(&target)));
            } else {
                entry.unpack_in(root)?;
            }
        }
    }
    Ok(())
}
