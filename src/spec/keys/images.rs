//! The keys of what an image is made of: `build` with a Dockerfile, and one of `files`.

use super::{Absence, Foreign, Key, Kind, Section, texts};

/// What `build` of a container can be.
pub(in crate::spec) const BUILD: Kind = Kind::Either(&[Kind::Text(&texts::FOLDER), Kind::Map(&DOCKERFILE)]);

/// What `files` of a container can be.
pub(in crate::spec) const FILES: Kind =
    Kind::Named { names: &texts::IMAGE_PATH, of: &Kind::Either(&[Kind::Text(&texts::FILE), Kind::Map(&FILE)]) };

pub(in crate::spec) static FILE: Section = Section {
    name: "file",
    doc: "A file or folder to add to an image, with its permissions.",
    keys: &[
        Key {
            name: "from",
            kind: Kind::Text(&texts::FILE),
            absence: Absence::Error("deploy/start.sh"),
            doc: "The file or folder, relative to the folder of stack.yaml and inside it.",
        },
        Key {
            name: "mode",
            kind: Kind::Scalar,
            absence: Absence::Means("0755 for an executable file, else 0644"),
            doc: "The permissions in the image of the file, or of each file of the folder, in octal digits, such as \
                  `0755`. The owner is root.",
        },
    ],
    foreign: &[
        Foreign { words: &["file", "source", "path"], help: "use `from` for the file or folder of the project" },
        Foreign {
            words: &["target"],
            help: "write the path in the image as the key: `files: { /etc/app.conf: app.conf }`",
        },
        Foreign {
            words: &["uid", "gid", "user", "owner"],
            help: "remove it; the owner of the files is root, and `mode` sets their permissions",
        },
    ],
};

pub(in crate::spec) static DOCKERFILE: Section = Section {
    name: "dockerfile",
    doc: "A Dockerfile to build the image from.",
    keys: &[
        Key {
            name: "dockerfile",
            kind: Kind::Text(&texts::FILE),
            absence: Absence::Error("./Dockerfile"),
            doc: "The Dockerfile, relative to the folder of stack.yaml and inside it.",
        },
        Key {
            name: "context",
            kind: Kind::Text(&texts::FOLDER),
            absence: Absence::Means("the folder of the Dockerfile"),
            doc: "The build context, which contains the files of its COPY lines. Its `.dockerignore` applies.",
        },
        Key {
            name: "target",
            kind: Kind::Text(&texts::BUILD_STAGE),
            absence: Absence::Means("the last stage"),
            doc: "The stage of the Dockerfile to build, with the name from its FROM line. Services that build \
                  different stages of a Dockerfile have separate repositories.",
        },
        Key {
            name: "args",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &Kind::Scalar },
            absence: Absence::Means("none"),
            doc: "Build arguments, for the ARG lines of the Dockerfile. Anyone with the image can read them, so do not \
                  use them for secrets: [more](#a-dockerfile).",
        },
    ],
    foreign: &[
        Foreign { words: &["file"], help: "use `dockerfile`, such as `dockerfile: ./Dockerfile`" },
        Foreign { words: &["path"], help: "use `context` for the folder, or `dockerfile` for the file" },
        Foreign { words: &["build_args", "buildargs"], help: "use `args` for build arguments" },
        Foreign { words: &["stage"], help: "use `target` for the stage to build" },
        Foreign { words: &["cache_from", "cache_to"], help: "remove it; Docker uses its local cache" },
        Foreign {
            words: &["platform", "platforms", "arch"],
            help: "use `arch` of the service: amd64 or arm64, such as `arch: arm64`",
        },
    ],
};
