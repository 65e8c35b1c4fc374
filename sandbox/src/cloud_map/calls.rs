//! The calls of Cloud Map's API.
//!
//! <https://docs.aws.amazon.com/cloud-map/latest/api/API_Operations.html>

use serde_json::{Value, json};
use tokio::time::Instant;

use super::map::{CloudMap, Namespace, Operation, Service, State};
use crate::{
    api::{Answer, ApiError, Call, now, text},
    place::ACCOUNT,
};

/// How long the creation or deletion of a namespace takes, in seconds: about as long as for its hosted zone.
const OPERATION: f64 = 30.0;

/// The longest name of a service, which is a DNS label.
const LONGEST_NAME: usize = 63;

fn id(prefix: &str, length: usize) -> String {
    format!("{prefix}-{}", &uuid::Uuid::new_v4().simple().to_string()[..length])
}

impl CloudMap {
    pub(crate) fn call(&self, call: &Call) -> Result<Answer, ApiError> {
        let input = call.json()?;
        let mut state = self.state();
        let answer = match call.operation.as_str() {
            "CreatePrivateDnsNamespace" => self.create_namespace(&mut state, &call.region, &input),
            "DeleteNamespace" => self.delete_namespace(&mut state, &input),
            "ListNamespaces" => Ok(list_namespaces(&state, &call.region, &input)),
            "GetOperation" => operation(&state, &input),
            "CreateService" => create_service(&mut state, &call.region, &input),
            "UpdateService" => self.update_service(&mut state, &input),
            "DeleteService" => delete_service(&mut state, &input),
            "ListServices" => Ok(list_services(&state, &call.region, &input)),
            _ => Err(ApiError::not_implemented(call)),
        }?;
        Ok(Answer::json(&answer))
    }

    fn begin(&self, state: &mut State, kind: &'static str, target: (&'static str, &str)) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let ends = Instant::now() + self.place.settings.provision(OPERATION);
        let target = (target.0, target.1.to_owned());
        state.operations.insert(id.clone(), Operation { kind, target, created: now(), ends });
        id
    }

    fn create_namespace(&self, state: &mut State, region: &str, input: &Value) -> Result<Value, ApiError> {
        if let Some(why) = &self.mute {
            return Err(ApiError::client("ResourceLimitExceeded", why));
        }
        let (name, vpc, token) = (text(input, "Name"), text(input, "Vpc"), text(input, "CreatorRequestId"));
        let there = state.namespaces.iter().find(|known| known.name == name && known.vpc == vpc);
        if let Some(there) = there {
            let began = state.operations.iter().find(|(_, known)| {
                known.kind == "CREATE_NAMESPACE" && known.target.1 == there.id && known.ends > Instant::now()
            });
            return match began {
                Some((operation, _)) if there.token == token && !token.is_empty() => {
                    Ok(json!({ "OperationId": operation }))
                }
                _ => Err(ApiError::client("NamespaceAlreadyExists", format!("{name} exists already"))),
            };
        }
        let namespace = id("ns", 16);
        let operation = self.begin(state, "CREATE_NAMESPACE", ("NAMESPACE", &namespace));
        state.namespaces.push(Namespace {
            arn: format!("arn:aws:servicediscovery:{region}:{ACCOUNT}:namespace/{namespace}"),
            id: namespace,
            name: name.to_owned(),
            vpc: vpc.to_owned(),
            description: input["Description"].clone(),
            token: token.to_owned(),
            created: now(),
            ready: Instant::now() + self.place.settings.provision(OPERATION),
            gone: None,
        });
        Ok(json!({ "OperationId": operation }))
    }

    fn delete_namespace(&self, state: &mut State, input: &Value) -> Result<Value, ApiError> {
        let namespace = text(input, "Id").to_owned();
        let known = state.namespaces.iter().position(|known| known.id == namespace);
        let at = known.ok_or_else(|| ApiError::client("NamespaceNotFound", format!("{namespace} does not exist")))?;
        if state.services.iter().any(|service| service.namespace == namespace) {
            return Err(ApiError::client("ResourceInUse", format!("{namespace} has services")));
        }
        if state.namespaces[at].gone.is_some() {
            return Err(ApiError::client("DuplicateRequest", format!("{namespace} is being deleted already")));
        }
        let operation = self.begin(state, "DELETE_NAMESPACE", ("NAMESPACE", &namespace));
        state.namespaces[at].gone = Some(Instant::now() + self.place.settings.provision(OPERATION));
        Ok(json!({ "OperationId": operation }))
    }

    /// Updates a service. Omitted records are removed; an omitted description stays.
    /// <https://docs.aws.amazon.com/cloud-map/latest/api/API_UpdateService.html>
    fn update_service(&self, state: &mut State, input: &Value) -> Result<Value, ApiError> {
        let wanted = text(input, "Id").to_owned();
        let service = state.services.iter_mut().find(|known| known.id == wanted);
        let service = service.ok_or_else(|| service_not_found(&wanted))?;
        let change = &input["Service"];
        service.dns["DnsRecords"] = change["DnsConfig"]["DnsRecords"].clone();
        if !change["Description"].is_null() {
            service.description = change["Description"].clone();
        }
        Ok(json!({ "OperationId": self.begin(state, "UPDATE_SERVICE", ("SERVICE", &wanted)) }))
    }
}

fn service_not_found(id: &str) -> ApiError {
    ApiError::client("ServiceNotFound", format!("{id} does not exist"))
}

fn operation(state: &State, input: &Value) -> Result<Value, ApiError> {
    let wanted = text(input, "OperationId");
    let known = state.operations.get(wanted);
    let known = known.ok_or_else(|| ApiError::client("OperationNotFound", format!("{wanted} does not exist")))?;
    let status = if known.ends > Instant::now() { "PENDING" } else { "SUCCESS" };
    Ok(json!({ "Operation": {
        "Id": wanted, "Type": known.kind, "Status": status, "CreateDate": known.created, "UpdateDate": known.created,
        "Targets": { known.target.0: known.target.1 },
    } }))
}

/// Returns the value of an equality filter, if there is one.
fn filtered<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    let filters = input["Filters"].as_array().into_iter().flatten();
    filters.into_iter().find(|filter| filter["Name"] == name).and_then(|filter| filter["Values"][0].as_str())
}

fn list_namespaces(state: &State, region: &str, input: &Value) -> Value {
    let at = format!("arn:aws:servicediscovery:{region}:");
    let here = state.namespaces.iter().filter(|known| known.arn.starts_with(&at) && known.gone.is_none());
    let wanted = here.filter(|known| filtered(input, "NAME").is_none_or(|name| known.name == name));
    let shown = wanted.map(|known| {
        json!({
            "Id": known.id, "Arn": known.arn, "Name": known.name, "Type": "DNS_PRIVATE",
            "Description": known.description, "CreateDate": known.created,
            "Properties": { "DnsProperties": { "HostedZoneId": known.id.replace("ns-", "Z").to_uppercase() } },
        })
    });
    json!({ "Namespaces": shown.collect::<Vec<_>>() })
}

fn create_service(state: &mut State, region: &str, input: &Value) -> Result<Value, ApiError> {
    let namespace = input["NamespaceId"].as_str().or(input["DnsConfig"]["NamespaceId"].as_str()).unwrap_or_default();
    if !state
        .namespaces
        .iter()
        .any(|known| known.id == namespace && known.gone.is_none() && known.ready <= Instant::now())
    {
        return Err(ApiError::client("NamespaceNotFound", format!("{namespace} does not exist")));
    }
    let (name, token) = (text(input, "Name"), text(input, "CreatorRequestId"));
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_label) {
        return Err(ApiError::client("InvalidInput", format!("{name} is no label of DNS")));
    }
    let there = state.services.iter().find(|known| known.namespace == namespace && known.name == name);
    if let Some(there) = there {
        if !token.is_empty() && there.token == token {
            return Ok(json!({ "Service": shown(there) }));
        }
        let message = format!("{name} exists already, as {}", there.id);
        return Err(ApiError::client("ServiceAlreadyExists", message));
    }
    let service = id("srv", 16);
    let service = Service {
        arn: format!("arn:aws:servicediscovery:{region}:{ACCOUNT}:service/{service}"),
        id: service,
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        description: input["Description"].clone(),
        dns: input["DnsConfig"].clone(),
        custom_health: input["HealthCheckCustomConfig"].clone(),
        token: token.to_owned(),
        created: now(),
        instances: std::collections::BTreeMap::new(),
    };
    let answer = json!({ "Service": shown(&service) });
    state.services.push(service);
    Ok(answer)
}

fn delete_service(state: &mut State, input: &Value) -> Result<Value, ApiError> {
    let wanted = text(input, "Id");
    let at = state.services.iter().position(|known| known.id == wanted).ok_or_else(|| service_not_found(wanted))?;
    if !state.services[at].instances.is_empty() {
        return Err(ApiError::client("ResourceInUse", format!("{wanted} has registered instances")));
    }
    state.services.remove(at);
    Ok(json!({}))
}

fn list_services(state: &State, region: &str, input: &Value) -> Value {
    let at = format!("arn:aws:servicediscovery:{region}:");
    let here = state.services.iter().filter(|known| known.arn.starts_with(&at));
    let wanted = here.filter(|known| filtered(input, "NAMESPACE_ID").is_none_or(|id| known.namespace == id));
    json!({ "Services": wanted.map(shown).collect::<Vec<_>>() })
}

fn shown(service: &Service) -> Value {
    let mut shown = json!({
        "Id": service.id, "Arn": service.arn, "Name": service.name, "Type": "DNS_HTTP",
        "InstanceCount": service.instances.len(), "DnsConfig": service.dns, "CreateDate": service.created,
    });
    for (key, value) in [("Description", &service.description), ("HealthCheckCustomConfig", &service.custom_health)] {
        if !value.is_null() {
            shown[key] = value.clone();
        }
    }
    shown
}
