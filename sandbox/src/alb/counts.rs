//! The CloudWatch metrics of load balancers: 5xx responses that they generated, and 5xx responses from their targets.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use serde_json::{Value, json};

/// The CloudWatch namespace of these metrics.
const NAMESPACE: &str = "AWS/ApplicationELB";

/// A metric of a load balancer or of one of its target groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    metric: String,
    balancer: String,
    group: Option<String>,
}

/// Sums per minute since 1970, as floats because CloudWatch reports floats.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<Series, BTreeMap<i64, f64>>>);

impl Counts {
    /// Counts a response that the load balancer generated itself.
    pub(super) fn by_itself(&self, balancer: &str, status: u16) {
        if status >= 500 {
            self.add("HTTPCode_ELB_5XX_Count", balancer, None);
            self.add(&format!("HTTPCode_ELB_{status}_Count"), balancer, None);
        }
    }

    /// Counts a response from a target of the group.
    pub(super) fn by_target(&self, balancer: &str, group: &str, status: u16) {
        if (500..600).contains(&status) {
            self.add("HTTPCode_Target_5XX_Count", balancer, None);
            self.add("HTTPCode_Target_5XX_Count", balancer, Some(group));
        }
    }

    fn sums(&self) -> MutexGuard<'_, BTreeMap<Series, BTreeMap<i64, f64>>> {
        self.0.lock().expect("nobody panics while holding this")
    }

    fn add(&self, metric: &str, balancer: &str, group: Option<&str>) {
        let (metric, balancer) = (metric.to_owned(), dimension(balancer));
        let series = Series { metric, balancer, group: group.map(dimension) };
        let minute = jiff::Timestamp::now().as_second().div_euclid(60);
        *self.sums().entry(series).or_default().entry(minute).or_default() += 1.0;
    }

    /// Returns the response to `GetMetricData`, or `None` if the call also asks for other metrics.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
    pub(super) fn answer(&self, input: &Value) -> Option<Value> {
        let queries = input["MetricDataQueries"].as_array()?;
        let minutes = minute(&input["StartTime"])?..=minute(&input["EndTime"])?;
        let sums = self.sums();
        let results = queries.iter().map(|query| {
            let values: Vec<(i64, f64)> = sums.get(&Series::asked_for(&query["MetricStat"]["Metric"])?).map_or_else(Vec::new, |sums| {
                sums.range(minutes.clone()).map(|(minute, sum)| (*minute, *sum)).collect()
            });
            // A minute without requests has no data point.
            let times: Vec<i64> = values.iter().map(|(minute, _)| minute * 60).collect();
            let sums: Vec<f64> = values.iter().map(|(_, sum)| *sum).collect();
            Some(json!({ "Id": query["Id"], "Label": query["Id"], "Timestamps": times, "Values": sums, "StatusCode": "Complete" }))
        });
        Some(json!({ "MetricDataResults": results.collect::<Option<Vec<Value>>>()?, "Messages": [] }))
    }
}

impl Series {
    fn asked_for(metric: &Value) -> Option<Self> {
        if metric["Namespace"] != NAMESPACE {
            return None;
        }
        let dimensions = metric["Dimensions"].as_array()?;
        let of = |name: &str| {
            let found = dimensions.iter().find(|dimension| dimension["Name"] == name)?;
            found["Value"].as_str().map(str::to_owned)
        };
        Some(Self {
            metric: metric["MetricName"].as_str()?.to_owned(),
            balancer: of("LoadBalancer")?,
            group: of("TargetGroup"),
        })
    }
}

fn minute(time: &Value) -> Option<i64> {
    let seconds = time
        .as_i64()
        .or_else(|| jiff::SignedDuration::try_from_secs_f64(time.as_f64()?).ok().map(|time| time.as_secs()));
    Some(seconds?.div_euclid(60))
}

/// Returns the CloudWatch dimension value of the load balancer or the target group with this ARN.
fn dimension(arn: &str) -> String {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/1";
    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop-web/2";

    fn query(metric: &str, namespace: &str) -> Value {
        let dimensions = [json!({ "Name": "LoadBalancer", "Value": "app/shop/1" })];
        let metric = json!({ "Namespace": namespace, "MetricName": metric, "Dimensions": dimensions });
        json!({ "Id": "m0", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } })
    }

    #[test]
    fn responses_of_balancer_and_targets_are_counted_apart() {
        let counts = Counts::default();
        for status in [200, 404, 502, 502, 504] {
            counts.by_itself(BALANCER, status);
        }
        for status in [200, 500, 502, 503] {
            counts.by_target(BALANCER, GROUP, status);
        }
        let now = jiff::Timestamp::now().as_second();
        let ask = |queries: Vec<Value>, start: i64| {
            counts.answer(&json!({ "MetricDataQueries": queries, "StartTime": start, "EndTime": now + 60 }))
        };
        let sum = |metric: &str, start: i64| {
            let answer = ask(vec![query(metric, NAMESPACE)], start).expect("it knows these");
            let values = answer["MetricDataResults"][0]["Values"].as_array().expect("a list").clone();
            values.iter().filter_map(Value::as_f64).reduce(|sum, value| sum + value)
        };
        assert_eq!(sum("HTTPCode_ELB_502_Count", now - 60), Some(2.0));
        assert_eq!(sum("HTTPCode_ELB_5XX_Count", now - 60), Some(3.0));
        assert_eq!(sum("HTTPCode_Target_5XX_Count", now - 60), Some(3.0));
        assert_eq!(sum("HTTPCode_ELB_502_Count", now + 60), None);
        assert_eq!(ask(vec![query("CPUUtilization", "AWS/ECS")], now - 60), None);
    }
}
