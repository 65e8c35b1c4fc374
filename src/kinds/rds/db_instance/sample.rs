//! The sample databases for the tests over all kinds.

use aws_sdk_rds::types::MasterUserSecret;

use super::{
    Desired,
    live::{FOREIGN, OWES_SNAPSHOT, PASSWORD, YES},
};
use crate::{
    aws,
    kind::Sample,
    kinds::rds::{self, model::Rds},
};

pub(super) fn base() -> Desired {
    Desired {
        version: "16".into(),
        class: "db.t4g.micro".into(),
        storage: 20,
        multi_az: false,
        backup_days: 7,
        protect: false,
        vpc: "vpc-given".into(),
        subnet_group: "group-given".into(),
        parameter_group: None,
        security_groups: vec!["sg-1".into()],
        username: "app".into(),
        password: "arn:of:password".into(),
        password_version: "version-0".into(),
        database: "app".into(),
    }
}

/// Returns the sample. Storage and version are tested as drift to lower values, because RDS cannot lower them.
pub(super) fn sample() -> Sample<Desired> {
    Sample::new(rds::model::cloud, base())
        .variant(&["class"], Desired { class: "db.t4g.small".into(), ..base() })
        .variant(&["multi_az"], Desired { multi_az: true, ..base() })
        .variant(&["backup_days"], Desired { backup_days: 1, ..base() })
        .variant(&["protect"], Desired { protect: true, ..base() })
        .variant(&["security_groups"], Desired { security_groups: vec!["sg-2".into()], ..base() })
        .variant(&["parameter_group"], Desired { parameter_group: Some(rds::model::OWN_PARAMETERS.into()), ..base() })
        .variant(&["subnet_group"], Desired { vpc: "vpc-other".into(), subnet_group: "group-other".into(), ..base() })
        .variant(&["username"], Desired { username: "other".into(), ..base() })
        .variant(&["database"], Desired { database: "other".into(), ..base() })
        .drift(&["version"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.change(|database| database.engine_version = Some("15.7".into())));
        })
        .drift(&["storage"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.change(|database| database.allocated_storage = Some(10)));
        })
        // The storage is full. RDS reports this for a while after the change that fixes it.
        .drift(&["storage"], |cloud| {
            let full = |rds: &mut Rds| {
                rds.change(|database| {
                    database.allocated_storage = Some(10);
                    database.db_instance_status = Some("storage-full".into());
                });
            };
            cloud.with(full);
        })
        // RDS takes a backup and accepts no change meanwhile.
        .drift(&["class"], |cloud| {
            let backed_up = |rds: &mut Rds| {
                rds.change(|database| {
                    database.db_instance_class = Some("db.t4g.large".into());
                    database.db_instance_status = Some("backing-up".into());
                });
            };
            cloud.with(backed_up);
        })
        // A run was killed before it restarted the database.
        .drift(&["parameters"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.change(|database| rds::model::give_parameters(database, None)));
        })
        .drift(&["public"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.change(|database| database.publicly_accessible = Some(true)));
        })
        .drift(&["password"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.give_tag(&aws::tag(PASSWORD, FOREIGN)));
        })
        // The secret was recreated.
        .drift(&["password"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.give_tag(&aws::tag(PASSWORD, "version-of-before")));
        })
        // A `destroy` was interrupted.
        .drift(&["protect"], |cloud| {
            cloud.with(|rds: &mut Rds| rds.give_tag(&aws::tag(OWES_SNAPSHOT, YES)));
        })
        .drift(&["password"], |cloud| {
            let managed = |rds: &mut Rds| {
                rds.change(|database| database.master_user_secret = Some(MasterUserSecret::builder().build()));
            };
            cloud.with(managed);
        })
}
