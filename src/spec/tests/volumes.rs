//! Tests volumes: those of the stack, the mounts of containers, and the errors.

use super::*;

/// A stack with `volumes`, and with `of_web` appended to the keys of its service `web`.
fn stack(volumes: &str, of_web: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nvolumes: {{ {volumes} }}\nservices:\n  web: {{ build: app, port: 80{of_web} }}\n"
    )
}

const BOTH: &str = "uploads: {}, scratch: { shared: task }";

#[test]
fn volumes_have_protection_and_backups_but_no_owner_by_default() {
    let stack = read(&stack(BOTH, "")).expect("it is valid");
    let kept =
        Kept { protect: true, backups: true, throughput: Throughput::Bursting, owner: None, mode: "0777".to_owned() };
    assert_eq!(stack.volumes["uploads"], Volume::Stack(kept));
    assert_eq!(stack.volumes["scratch"], Volume::Task);
    let owned = "uploads: { owner: \"1000:1000\", backups: false, throughput: elastic, protect: false }";
    let owned = read(&self::stack(owned, "")).expect("it is valid").volumes["uploads"].clone();
    let Volume::Stack(owned) = owned else { panic!("it is kept: {owned:?}") };
    assert_eq!((owned.owner.as_deref(), owned.mode.as_str()), (Some("1000:1000"), "0755"));
    assert_eq!((owned.protect, owned.backups, owned.throughput), (false, false, Throughput::Elastic));
}

#[test]
fn containers_mount_each_volume_at_its_path() {
    let of_web = ", volumes: { uploads: /data, scratch: { path: /scratch/, read_only: true } }, sidecars: { proxy: { image: \
                  nginx, volumes: { uploads: { path: /srv, read_only: true } } } }";
    let stack = read(&stack(BOTH, of_web)).expect("it is valid");
    let mount = |path: &str, read_only| Mount { path: path.to_owned(), read_only };
    let web = &stack.services["web"];
    assert_eq!(web.volumes["uploads"], mount("/data", false));
    assert_eq!(web.volumes["scratch"], mount("/scratch/", true));
    assert_eq!(web.sidecars["proxy"].volumes["uploads"], mount("/srv", true));
}

#[test]
fn disk_and_tmpfs_are_decoded() {
    let of = |more: &str| read(&stack(BOTH, more)).expect("it is valid").services["web"].clone();
    let web = of(", memory: 1024 MiB, cpu: 256, disk: 30 GiB, tmpfs: { /tmp: 64, /run: 1MiB }");
    assert_eq!((web.memory, web.disk), (1024, Some(30)));
    assert_eq!(web.tmpfs.into_iter().collect::<Vec<_>>(), [("/run".to_owned(), 1), ("/tmp".to_owned(), 64)]);
    assert_eq!(of(", disk: 21").disk, Some(21));
    let table = [
        (
            ", disk: 20",
            "5:38 expected a whole number from 21 to 200, found `20` [write it in GiB, such as 21 or 21 GiB]",
        ),
        (", disk: 30 GB", "5:38 expected a whole number from 21 to 200, found `30 GB` [write 30 or 30 GiB]"),
        (
            ", tmpfs: [/tmp]",
            "5:39 expected a mapping, found a list [write each folder with its size in MiB, such as tmpfs: { /tmp: 64 }]",
        ),
        (
            ", tmpfs: { tmp: 64 }",
            "5:41 invalid mount path `tmp` [write the absolute path of a folder, such as /data; /, /dev, /proc and /sys are not possible]",
        ),
        (
            ", tmpfs: { /tmp: 512 }",
            "5:39 `tmpfs` needs 512 MiB, and the task has 512 MiB of memory [use smaller sizes, or increase `memory`; \
             files in tmpfs use the memory of the task]",
        ),
        (
            ", tmpfs: { /data: 64 }, volumes: { uploads: /data }",
            "5:41 the volume `uploads` already has the path /data [use a different folder for each]",
        ),
    ];
    for (more, problem) in table {
        assert_eq!(problems(&stack(BOTH, more)), [problem], "{more}");
    }
}

#[test]
fn invalid_volumes_are_reported_with_a_fix() {
    const FOLDER: &str = "write the absolute path of a folder, such as /data; /, /dev, /proc and /sys are not possible";
    let unplaced = |path: &str| format!("5:52 invalid mount path `{path}` [{FOLDER}]");
    let table = [
        (stack("Uploads: {}", ""), "3:12 invalid volume name `Uploads` [use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter]".to_owned()),
        (
            stack("cache: { shared: task, owner: \"1:1\" }", ""),
            "3:42 `owner` needs `shared: stack` [remove it; a volume with `shared: task` is deleted with its task]".to_owned(),
        ),
        (
            stack("uploads: { owner: node }", ""),
            "3:30 invalid owner `node` [write the IDs of a user and a group in quotes, such as owner: \"1000:1000\"]".to_owned(),
        ),
        (
            stack("uploads: { mode: \"0888\" }", ""),
            "3:29 invalid mode `0888` [write three or four octal digits in quotes, such as mode: \"0750\"]".to_owned(),
        ),
        (stack(BOTH, ", volumes: { uploads: data }"), unplaced("data")),
        (stack(BOTH, ", volumes: { uploads: /var/../etc }"), unplaced("/var/../etc")),
        (stack(BOTH, ", volumes: { uploads: /proc/x }"), unplaced("/proc/x")),
        (stack(BOTH, ", volumes: { upload: /data }"), "5:43 volume `upload` not found [did you mean `uploads`?]".to_owned()),
        (
            stack(BOTH, ", volumes: { media: /data }"),
            "5:43 volume `media` not found [add it at the top of the file: volumes: { media: {} }]".to_owned(),
        ),
        (
            stack(BOTH, ", volumes: [\"uploads:/data\"]"),
            "5:41 expected a mapping, found a list [write each volume with its path, such as volumes: { uploads: /data }]".to_owned(),
        ),
        (
            stack(BOTH, ", volumes: { uploads: /data, scratch: /data/ }"),
            "5:68 `uploads` and `scratch` have the same path, /data/ [use a different folder for each]".to_owned(),
        ),
        (
            stack(BOTH, ", volumes: { uploads: { read_only: true } }"),
            "5:52 missing key `path` in `services.web.volumes.uploads` [add `path: /data`]".to_owned(),
        ),
    ];
    for (file, problem) in table {
        assert_eq!(problems(&file), [problem], "{file}");
    }
}
