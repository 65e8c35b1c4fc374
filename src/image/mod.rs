//! Images: from a Cargo package to an OCI image to a registry, without Docker, or from a Dockerfile by Docker. What the same
//! toolchain builds from the same package is the same image, to the last bit; what Docker builds is as good as its cache.

mod blob;
mod dockerfile;
mod dump;
mod elf;
mod kept;
mod layer;
mod lines;
mod manifest;
mod package;
mod programs;
mod push;
mod sbom;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::{
    kind::{BuiltImage, ImageSource, Images, RegistryLogin},
    model::Failure,
};

pub use programs::{CargoProgram, programs};

use dockerfile::Build;
use manifest::Assembled;

/// A line about an image on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildEvent {
    /// Which one: the package's folder.
    pub source: String,
    /// What is done.
    pub message: String,
}

/// Where [`BuildEvent`]s go.
pub type Progress = Arc<dyn Fn(BuildEvent) + Send + Sync>;

/// Builds each image once, however often it is asked for, and pushes it.
pub struct Builder {
    root: PathBuf,
    progress: Progress,
    built: Mutex<HashMap<ImageSource, Arc<OnceCell<Arc<Assembled>>>>>,
}

impl Builder {
    /// A builder of sources below `root`, the folder of stack.yaml.
    pub fn new(root: PathBuf, progress: Progress) -> Self {
        Self { root, progress, built: Mutex::default() }
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
        let assembled = match source {
            ImageSource::Package(folder) => {
                let (program, kept) = package::build(&self.root.join(folder), &say).await?;
                tokio::task::spawn_blocking(move || manifest::assemble(&program, &kept))
                    .await
                    .map_err(|error| Failure::internal(format!("the image could not be assembled: {error}")))??
            }
            ImageSource::Dockerfile { path, context, target, args } => {
                let (dockerfile, context) = (self.root.join(path), self.root.join(context));
                let build = Build { dockerfile: &dockerfile, context: &context, target: target.as_deref(), args };
                dockerfile::build("docker".as_ref(), &build, &say).await?
            }
            ImageSource::Dump(file) => {
                let file = file.clone();
                tokio::task::spawn_blocking(move || dump::assemble(&file))
                    .await
                    .map_err(|error| Failure::internal(format!("the dump could not be taken apart: {error}")))??
            }
        };
        self.say(source, &format!("built {} ({:.1} MB)", assembled.short_digest(), assembled.megabytes()));
        Ok(Arc::new(assembled))
    }

    fn say(&self, source: &ImageSource, message: &str) {
        let (ImageSource::Package(path) | ImageSource::Dockerfile { path, .. } | ImageSource::Dump(path)) = source;
        (self.progress)(BuildEvent { source: path.display().to_string(), message: message.to_owned() });
    }
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
