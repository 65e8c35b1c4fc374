//! The sample alarms for the tests over all kinds.

use super::*;
use crate::{aws::model::Cloud, kind::Sample, kinds::cloudwatch::model};

fn base() -> Desired {
    Desired {
        description: "It is busy".into(),
        namespace: "AWS/ECS".into(),
        metric: "CPUUtilization".into(),
        dimensions: BTreeMap::from([("ServiceName".into(), "shop-test-web".into())]),
        statistic: Statistic::Average,
        period: 300,
        periods: 3,
        bad_periods: 3,
        bad: Bad::From(85.0),
        missing: Missing::Unknown,
        topic: "arn:topic".into(),
    }
}

pub(super) fn sample() -> Sample<Desired> {
    let of = |name: &str, of: &str| BTreeMap::from([(name.to_owned(), Input::from(of))]);
    let longer = Desired { period: 60, periods: 5, bad_periods: 4, ..base() };
    Sample::new(model::cloud, base())
        .variant(&["metric"], Desired { metric: "MemoryUtilization".into(), ..base() })
        .variant(&["statistic"], Desired { statistic: Statistic::Maximum, ..base() })
        .variant(&["periods"], longer)
        .variant(&["comparison"], Desired { bad: Bad::UpTo(85.0), ..base() })
        .variant(&["threshold"], Desired { bad: Bad::From(90.0), ..base() })
        .variant(&["missing"], Desired { missing: Missing::Good, ..base() })
        .variant(&["description"], Desired { description: "It is very busy".into(), ..base() })
        .variant(&["of.ServiceName"], Desired { dimensions: of("ServiceName", "shop-test-worker"), ..base() })
        .variant(
            &["of.ServiceName", "of.ClusterName"],
            Desired { dimensions: of("ClusterName", "shop-test-main"), ..base() },
        )
        .variant(&["rings_at", "calms_at"], Desired { topic: "arn:other".into(), ..base() })
        .drift(&["enabled"], |cloud| change(cloud, |alarm| alarm.actions_enabled = Some(false)))
        .drift(&["rings_at"], |cloud| change(cloud, |alarm| alarm.alarm_actions = None))
        .drift(&["calms_at"], |cloud| change(cloud, |alarm| alarm.ok_actions = Some(vec!["arn:more".to_owned()])))
}

fn change(cloud: &Cloud, change: impl Fn(&mut MetricAlarm)) {
    cloud.with(|alarms: &mut model::Alarms| alarms.change(change));
}
