//! Builds container images and pushes them to a registry. An image comes from a Cargo package (built without Docker),
//! from a Dockerfile (built by Docker) or from another registry, with the service's files added on top. The same
//! toolchain builds the same package into a byte-identical image; an image that Docker builds is only as reproducible
//! as Docker's cache.

mod blob;
mod dockerfile;
mod dump;
mod elf;
mod files;
mod kept;
mod layer;
mod layered;
mod lines;
mod manifest;
mod package;
mod program;
mod programs;
mod push;
mod registry;
mod remote;
mod sbom;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::{
    kind::{Base, BuiltImage, ImageSource, Images, RegistryLogin},
    model::Failure,
};

pub use programs::{CargoProgram, programs};
pub use registry::Logins;

use dockerfile::Build;
use files::Files;
use layered::Layered;
use manifest::Assembled;

/// A progress line about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildEvent {
    /// The source of the image: the folder of the package, the path of the Dockerfile or dump, or the name of the
    /// image.
    pub source: String,
    /// What the builder does.
    pub message: String,
}

/// Receives [`BuildEvent`]s.
pub type Progress = Arc<dyn Fn(BuildEvent) + Send + Sync>;

/// Builds each image once, even if it is requested several times, and pushes it.
pub struct Builder {
    root: PathBuf,
    logins: Logins,
    progress: Progress,
    built: Mutex<HashMap<ImageSource, Arc<OnceCell<Arc<Assembled>>>>>,
}

impl Builder {
    /// Returns a builder for sources below `root`, the folder of stack.yaml.
    pub fn new(root: PathBuf, logins: Logins, progress: Progress) -> Self {
        Self { root, logins, progress, built: Mutex::default() }
    }

    async fn assembled(&self, source: &ImageSource) -> Result<Arc<Assembled>, Failure> {
        let cell = {
            let mut built = self.built.lock().expect("nobody panics while holding this");
            Arc::clone(built.entry(source.clone()).or_default())
        };
        cell.get_or_try_init(|| self.make(source)).await.cloned()
    }

    async fn make(&self, source: &ImageSource) -> Result<Arc<Assembled>, Failure> {
        self.say(source, "building");
        let say = |line: &str| self.say(source, line);
        let assembled = match &source.base {
            Base::Dump(file) => {
                let file = file.clone();
                blocking("cannot split the dump", move || dump::assemble(&file)).await?
            }
            Base::Package(folder) => {
                let (program, kept) = package::build(&self.root.join(folder), source.arch, &say).await?;
                self.laid(source, move || program::image(&program, &kept)).await?
            }
            Base::Dockerfile { path, context, target, args } => {
                let (dockerfile, context) = (self.root.join(path), self.root.join(context));
                let (target, platform) = (target.as_deref(), format!("linux/{}", source.arch.name()));
                let build = Build { dockerfile: &dockerfile, context: &context, target, args, platform: &platform };
                let image = dockerfile::build("docker".as_ref(), &build, &say).await?;
                self.laid(source, || Ok(image)).await?
            }
            Base::Named(name) => {
                let image = registry::pull(name, source.arch, &self.logins).await?;
                self.laid(source, || Ok(image)).await?
            }
        };
        self.say(source, &format!("built {} ({:.1} MB)", assembled.short_digest(), assembled.megabytes()));
        Ok(Arc::new(assembled))
    }

    /// Adds the certificate authorities and the service's files to the image, and finishes it.
    async fn laid(
        &self,
        source: &ImageSource,
        image: impl FnOnce() -> Result<Layered, Failure> + Send + 'static,
    ) -> Result<Assembled, Failure> {
        let (root, files) = (self.root.clone(), source.files.clone());
        let lay = move || {
            let files = Files::read(&root, files.iter())?;
            let image = image()?.with_authorities()?.with_files(&files)?.assemble()?;
            Ok((image, files.secret_by_looks()))
        };
        let (image, secret_by_looks) = blocking("cannot assemble the image", lay).await?;
        for file in secret_by_looks {
            self.say(
                source,
                &format!("warning: {file} looks like a secret; everybody who can pull the image can read it"),
            );
        }
        Ok(image)
    }

    fn say(&self, source: &ImageSource, message: &str) {
        let name = match &source.base {
            Base::Package(path) | Base::Dockerfile { path, .. } | Base::Dump(path) => path.display().to_string(),
            Base::Named(name) => name.clone(),
        };
        (self.progress)(BuildEvent { source: name, message: message.to_owned() });
    }
}

/// Runs `work`, which is CPU-bound, on a blocking thread.
async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::internal(format!("{what}: {error}")))?
}

impl Images for Builder {
    fn build<'a>(&'a self, source: &'a ImageSource) -> BoxFuture<'a, Result<BuiltImage, Failure>> {
        Box::pin(async move {
            let assembled = self.assembled(source).await?;
            Ok(BuiltImage { digest: assembled.digest.clone(), version: assembled.version.clone() })
        })
    }

    fn push<'a>(
        &'a self,
        source: &'a ImageSource,
        repository: &'a str,
        tag: &'a str,
        login: &'a RegistryLogin,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let assembled = self.assembled(source).await?;
            let sent = push::push(&assembled, repository, tag, login, &|line| self.say(source, line)).await?;
            self.say(source, &format!("pushed {tag}: {sent}"));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
