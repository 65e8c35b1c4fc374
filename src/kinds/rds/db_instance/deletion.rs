//! The deletion of a database: one that is protected goes with a final snapshot.

use super::live::{Live, OWES_SNAPSHOT, YES, tag_instance};
use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    kinds::rds,
    model::Failure,
};

pub(super) async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
    if live.status == "deleting" {
        return Ok(());
    }
    let mut call = cx.aws.rds.delete_db_instance().db_instance_identifier(&live.identifier);
    if live.protect && !live.owes_snapshot {
        // A run that ends between the two calls leaves a database without protection: the next one is still to keep it.
        tag_instance(cx, &live.arn, vec![aws::tag(OWES_SNAPSHOT, YES)]).await?;
    }
    if live.protect {
        let off = cx.aws.rds.modify_db_instance().db_instance_identifier(&live.identifier);
        let off = off.deletion_protection(false).apply_immediately(true).customize().once();
        off.send().await.or_absent("ModifyDBInstance", rds::NOT_FOUND)?;
    }
    if live.protect || live.owes_snapshot {
        // A name of its own each time: the one of an earlier stack of this name is still there.
        let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        call =
            call.skip_final_snapshot(false).final_db_snapshot_identifier(format!("{}-final-{stamp}", live.identifier));
    } else {
        call = call.skip_final_snapshot(true).delete_automated_backups(true);
    }
    let answer = call.customize().once().send().await;
    answer.or_absent("DeleteDBInstance", rds::NOT_FOUND).map(drop)
}
