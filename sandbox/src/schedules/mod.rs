//! EventBridge Scheduler and the scheduled actions of Application Auto Scaling. moto stores them; this module starts
//! their tasks and sets their limits on time.
//!
//! Time can pass faster here, as for other durations, so that an event hours away happens within seconds.

#[path = "../../../src/times.rs"]
mod expression;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    api::{Answer, ApiError, Call},
    autoscaling,
    ecs::Ecs,
    moto::Moto,
    place::Place,
};
use expression::Expression;

/// How often to look for schedules that are due.
const LOOK: Duration = Duration::from_millis(100);

/// The service that assumes a schedule's role.
const PRINCIPAL: &str = "scheduler.amazonaws.com";

/// The schedules of the control plane.
pub(crate) struct Schedules {
    place: Arc<Place>,
    moto: Arc<Moto>,
    ecs: Arc<Ecs>,
    calendar: Mutex<Calendar>,
}

struct Calendar {
    clock: Clock,
    /// The entries, by group and name.
    entries: BTreeMap<(String, String), Entry>,
}

struct Entry {
    /// The definition of its times. A change restarts the schedule.
    when: (String, String),
    expression: Expression,
    zone: TimeZone,
    does: Does,
    next: Option<Timestamp>,
}

/// The action of a schedule.
#[derive(Clone)]
enum Does {
    /// Starts the target of a schedule.
    Start(Value),
    /// Sets other limits for a scalable target of this region.
    Scale { region: String, input: Value },
}

/// A clock that runs faster than this computer's by a factor.
struct Clock {
    scale: f64,
    began: Instant,
    at: Timestamp,
}

impl Clock {
    fn new(scale: f64) -> Self {
        Self { scale, began: Instant::now(), at: Timestamp::now() }
    }

    fn now(&self) -> Timestamp {
        let passed = self.began.elapsed().as_secs_f64() / self.scale.max(1e-6);
        self.at.checked_add(SignedDuration::from_secs_f64(passed)).unwrap_or(self.at)
    }
}

impl Schedules {
    pub(crate) fn new(place: Arc<Place>, moto: Arc<Moto>, ecs: Arc<Ecs>) -> Self {
        let calendar = Calendar { clock: Clock::new(place.settings.schedule_scale()), entries: BTreeMap::new() };
        Self { place, moto, ecs, calendar: Mutex::new(calendar) }
    }

    /// Reads the schedules again after a change in the control plane.
    async fn refresh(&self) {
        let schedules = self.moto.get("/schedules").await.unwrap_or_default();
        let actions = self.moto.get("/scheduled-actions").await.unwrap_or_default();
        let enabled = schedules.as_array().into_iter().flatten().filter(|schedule| schedule["State"] == "ENABLED").map(
            |schedule| {
                let keys = ["GroupName", "Name", "ScheduleExpression", "ScheduleExpressionTimezone"];
                (keys.map(|key| text(schedule, key)), Does::Start(schedule["Target"].clone()))
            },
        );
        let scaled = actions.as_array().into_iter().flatten().map(|action| {
            let [name, schedule, zone, region] =
                ["Name", "Schedule", "Timezone", "Region"].map(|key| text(action, key));
            let of = text(&action["Target"], "ResourceId");
            ([of, name, schedule, zone], Does::Scale { region, input: action["Target"].clone() })
        });
        let mut calendar = self.calendar.lock().expect("nobody panics while holding this");
        let now = calendar.clock.now();
        let mut before = std::mem::take(&mut calendar.entries);
        for ([group, name, schedule, zone], does) in enabled.chain(scaled) {
            let (key, when) = ((group, name), (schedule, zone));
            let Some((expression, zone)) = Expression::parse(&when.0).zip(TimeZone::get(&when.1).ok()) else {
                continue;
            };
            let known = before.remove(&key).filter(|known| known.when == when);
            let next = known.map_or_else(|| first(&expression, now, &zone), |known| known.next);
            calendar.entries.insert(key, Entry { when, expression, zone, does, next });
        }
    }

    /// Refuses a schedule that could never start a task.
    pub(crate) async fn check(&self, call: &Call) -> Result<(), ApiError> {
        if !matches!(call.operation.as_str(), "CreateSchedule" | "UpdateSchedule") {
            return Ok(());
        }
        let refused = |message: String| Err(ApiError::client("ValidationException", message));
        let input = call.json()?;
        let text = |key: &str| input[key].as_str().unwrap_or_default();
        let Some(expression) = Expression::parse(text("ScheduleExpression")) else {
            return refused(format!("Invalid Schedule Expression {}.", text("ScheduleExpression")));
        };
        let zone = input["ScheduleExpressionTimezone"].as_str().unwrap_or("UTC");
        let Ok(zone) = TimeZone::get(zone) else { return refused(format!("Invalid time zone {zone}.")) };
        if matches!(expression, Expression::At(_)) && expression.next(Timestamp::now(), &zone).is_none() {
            return refused("A schedule for one time must be in the future.".to_owned());
        }
        let role = input["Target"]["RoleArn"].as_str().unwrap_or_default();
        if !self.ecs.may_be_assumed(role, PRINCIPAL).await {
            let message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
            return refused(message.to_owned());
        }
        Ok(())
    }

    /// Follows a change in the control plane.
    pub(crate) async fn after(&self, answer: &Answer) {
        if answer.status < 300 {
            self.refresh().await;
        }
    }

    /// Returns the actions that are due. Each is due at most once, even if several of its times have passed since the
    /// last look.
    fn due(&self, scale: f64) -> Vec<(String, Does)> {
        let mut calendar = self.calendar.lock().expect("nobody panics while holding this");
        if calendar.clock.scale.to_bits() != scale.to_bits() {
            calendar.clock = Clock::new(scale);
            let now = calendar.clock.now();
            for entry in calendar.entries.values_mut().filter(|entry| entry.next.is_some()) {
                entry.next = entry.expression.next(now, &entry.zone);
            }
        }
        let now = calendar.clock.now();
        let mut due = Vec::new();
        for ((_, name), entry) in &mut calendar.entries {
            if entry.next.is_some_and(|next| next <= now) {
                entry.next = entry.expression.next(now, &entry.zone);
                due.push((name.clone(), entry.does.clone()));
            }
        }
        due
    }
}

/// Returns the first time of an entry created at `now`. A rate starts at once.
fn first(expression: &Expression, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if matches!(expression, Expression::Rate(_)) { Some(now) } else { expression.next(now, zone) }
}

/// Starts actions that are due, until the sandbox stops.
pub(crate) async fn keep_time(schedules: Arc<Schedules>) {
    loop {
        tokio::time::sleep(LOOK).await;
        for (name, does) in schedules.due(schedules.place.settings.schedule_scale()) {
            let done = match &does {
                Does::Start(target) => schedules.ecs.start_on_time(&name, target).await,
                Does::Scale { region, input } => {
                    autoscaling::scale_on_time(&schedules.moto, &schedules.ecs, region, input).await
                }
            };
            if let Err(error) = done {
                tracing::warn!(schedule = name, code = error.code, "it was not done on time: {}", error.message);
            }
        }
    }
}

fn text(document: &Value, key: &str) -> String {
    document[key].as_str().unwrap_or_default().to_owned()
}
