//! A listener: a port of the load balancer with its protocol, its certificate and its default action.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html>

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, Listener as SdkListener, ProtocolEnum,
    RedirectActionConfig, RedirectActionStatusCodeEnum,
};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::elb,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, Shown, fields},
};

/// The security policy: TLS 1.3, and TLS 1.2 with forward secrecy.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const TLS_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// The error codes of Elastic Load Balancing for a certificate that was just issued or imported, or that just got its
/// last name. An invalid certificate has the same codes.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>
const CERTIFICATE_IS_NEW: &[&str] = &["CertificateNotFound", "UnsupportedCertificate"];

/// How long a valid certificate may be rejected in this way. AWS gives no figure; other tools wait this long.
/// <https://github.com/hashicorp/terraform/pull/10180>
const CERTIFICATE_LAGS: Duration = Duration::from_secs(300);

/// A listener.
pub struct Listener;

/// The protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// The action for requests that match no rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultAction {
    /// Redirects with 301 to the same URL over HTTPS.
    RedirectToHttps,
    /// Returns 404.
    NotFound,
    /// Forwards to a target group, by ARN.
    Forward(Input),
}

/// The listener that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the load balancer.
    pub load_balancer: Input,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// The ARN of the certificate, for HTTPS.
    pub certificate: Option<Input>,
    /// The action for requests that match no rule.
    pub action: DefaultAction,
}

/// The listener as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The ARN of the load balancer.
    pub load_balancer: String,
    /// The port.
    pub port: i32,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// The ARN of the certificate. Empty without a certificate.
    pub certificate: String,
    /// The TLS policy. Empty without TLS.
    pub tls_policy: String,
    /// The default action, as text.
    pub action: String,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Port = "port",
        Protocol = "protocol",
        Certificate = "certificate",
        TlsPolicy = "tls_policy",
        DefaultAction = "default_action",
    }

    /// The fields whose change replaces the listener.
    pub enum Fixed {
        LoadBalancer = "load_balancer",
    }
}

/// Sets one field in the call that creates or modifies a listener.
macro_rules! set {
    ($call:expr, $field:expr, $desired:expr) => {
        match $field {
            Field::Port => $call.port(i32::from($desired.port)),
            Field::Protocol => $call.protocol($desired.protocol.sdk()),
            Field::Certificate => $call.set_certificates(certificates($desired)?),
            Field::TlsPolicy => {
                $call.set_ssl_policy(($desired.protocol == Protocol::Https).then(|| TLS_POLICY.to_owned()))
            }
            Field::DefaultAction => $call.default_actions($desired.action.sdk()?),
        }
    };
}

impl Kind for Listener {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "listener";
    const HEADLINE: &'static [&'static str] = &["protocol", "port"];
    const DOC: Doc = Doc {
        summary: "A port that the load balancer listens on.",
        page: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html",
    };
    const USES: &'static [&'static str] = &["load_balancer", "certificate", "target_group"];
    const COST: Cost<Desired, Live> = Cost::Free("the price of the load balancer includes it");
    const NOT_YET: &'static [&'static str] = elb::NOT_YET;
    const PATIENCE: Duration = CERTIFICATE_LAGS;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeTags"]),
        Permission::make(
            &[
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:ModifyListener",
            ],
            On::Named(elb::ARNS),
        ),
        Permission::delete(&["elasticloadbalancing:DeleteListener"], On::Named(elb::ARNS)),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let listeners = elb::listeners(cx).await?;
        Ok(listeners
            .into_iter()
            .map(|(address, listener)| {
                let live = live(&listener);
                Found { address, id: live.arn.clone(), live }
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::LoadBalancer, &live.load_balancer, &desired.load_balancer);
        diff.field(Field::Port, &live.port, &i32::from(desired.port));
        diff.field(Field::Protocol, &live.protocol, &desired.protocol.word().to_owned());
        let none = Input::from("");
        diff.input(Field::Certificate, &live.certificate, desired.certificate.as_ref().unwrap_or(&none));
        let policy = if desired.protocol == Protocol::Https { TLS_POLICY } else { "" };
        diff.field(Field::TlsPolicy, &live.tls_policy, &policy.to_owned());
        match desired.action.words() {
            Some(words) => diff.field(Field::DefaultAction, &live.action, &words),
            None => diff.push(Field::DefaultAction, Shown::value(&live.action), Shown::KnownAfterApply),
        };
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let call = cx.aws.elb.create_listener().load_balancer_arn(desired.load_balancer.get()?);
        let mut call = call.set_tags(Some(aws::tags(&cx.id, address)));
        for field in Field::ALL {
            call = set!(call, field, desired);
        }
        let answer = call.customize().once().send().await.during("CreateListener")?;
        let made = answer.listeners.and_then(|made| made.into_iter().next());
        Ok(live(&given(made, "CreateListener", "Listeners")?))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut call = cx.aws.elb.modify_listener().listener_arn(&live.arn);
        // The call sets all fields, because protocol, certificate and policy must fit together in every call.
        for field in Field::ALL {
            call = set!(call, field, desired);
        }
        let answer = call.customize().once().send().await.during("ModifyListener")?;
        let made = answer.listeners.and_then(|made| made.into_iter().next());
        Ok(self::live(&given(made, "ModifyListener", "Listeners")?))
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.elb.delete_listener().listener_arn(&live.arn);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteListener", &["ListenerNotFound", "LoadBalancerNotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(CERTIFICATE_IS_NEW).then_some("Elastic Load Balancing to accept the certificate")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use elb::model::{BALANCER, Elb, GROUP, OTHER_BALANCER, OTHER_GROUP, cloud};
        let base = || Desired {
            load_balancer: BALANCER.into(),
            port: 443,
            protocol: Protocol::Https,
            certificate: Some("certificate-given".into()),
            action: DefaultAction::NotFound,
        };
        let plain = Desired { protocol: Protocol::Http, certificate: None, ..base() };
        crate::kind::Sample::new(cloud, base())
            .variant(&["load_balancer"], Desired { load_balancer: OTHER_BALANCER.into(), ..base() })
            .variant(&["port"], Desired { port: 8443, ..base() })
            .variant(&["protocol", "certificate", "tls_policy"], plain)
            .variant(&["certificate"], Desired { certificate: Some("certificate-other".into()), ..base() })
            .variant(&["default_action"], Desired { action: DefaultAction::RedirectToHttps, ..base() })
            .variant(&["default_action"], Desired { action: DefaultAction::Forward(GROUP.into()), ..base() })
            .variant(&["default_action"], Desired { action: DefaultAction::Forward(OTHER_GROUP.into()), ..base() })
            .drift(&["tls_policy"], |cloud| cloud.with(Elb::allow_old_tls))
            .delay("its certificate is new", |cloud| cloud.with(Elb::renew_certificates))
    }
}

impl Protocol {
    fn word(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    fn sdk(self) -> ProtocolEnum {
        match self {
            Self::Http => ProtocolEnum::Http,
            Self::Https => ProtocolEnum::Https,
        }
    }
}

impl DefaultAction {
    /// Returns the action as the text of [`Live::action`]. `None` until the target group exists.
    fn words(&self) -> Option<String> {
        match self {
            Self::RedirectToHttps => Some("redirect 301 to HTTPS://#{host}:443/#{path}?#{query}".to_owned()),
            Self::NotFound => Some("return 404".to_owned()),
            Self::Forward(group) => group.known().map(|group| format!("forward to {group}")),
        }
    }

    fn sdk(&self) -> Result<Action, Failure> {
        let action = match self {
            Self::RedirectToHttps => {
                let redirect = RedirectActionConfig::builder()
                    .protocol("HTTPS")
                    .port("443")
                    .status_code(RedirectActionStatusCodeEnum::Http301)
                    .build();
                Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(redirect)
            }
            Self::NotFound => {
                Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(not_found())
            }
            Self::Forward(group) => Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group.get()?),
        };
        Ok(action.build())
    }
}

/// Returns the response for requests that match no rule.
fn not_found() -> FixedResponseActionConfig {
    FixedResponseActionConfig::builder().status_code("404").content_type("text/plain").message_body("Not found").build()
}

fn certificates(desired: &Desired) -> Result<Option<Vec<Certificate>>, Failure> {
    let Some(certificate) = &desired.certificate else { return Ok(None) };
    Ok(Some(vec![Certificate::builder().certificate_arn(certificate.get()?).build()]))
}

fn live(listener: &SdkListener) -> Live {
    Live {
        arn: listener.listener_arn().unwrap_or_default().to_owned(),
        load_balancer: listener.load_balancer_arn().unwrap_or_default().to_owned(),
        port: listener.port().unwrap_or_default(),
        protocol: listener.protocol().map_or(String::new(), |protocol| protocol.as_str().to_owned()),
        certificate: listener
            .certificates()
            .first()
            .and_then(Certificate::certificate_arn)
            .unwrap_or_default()
            .to_owned(),
        tls_policy: listener.ssl_policy().unwrap_or_default().to_owned(),
        action: words(listener.default_actions()),
    }
}

/// Returns the text for actions of AWS.
fn words(actions: &[Action]) -> String {
    let action = actions.last();
    let kind = action.and_then(Action::r#type);
    match (action, kind) {
        (Some(action), Some(ActionTypeEnum::Redirect)) => {
            let to = action.redirect_config();
            let part = |value: Option<&str>, otherwise: &str| value.unwrap_or(otherwise).to_owned();
            format!(
                "redirect {} to {}://{}:{}{}?{}",
                to.and_then(RedirectActionConfig::status_code)
                    .map_or("", |code| code.as_str().trim_start_matches("HTTP_")),
                part(to.and_then(RedirectActionConfig::protocol), "#{protocol}"),
                part(to.and_then(RedirectActionConfig::host), "#{host}"),
                part(to.and_then(RedirectActionConfig::port), "#{port}"),
                part(to.and_then(RedirectActionConfig::path), "/#{path}"),
                part(to.and_then(RedirectActionConfig::query), "#{query}"),
            )
        }
        (Some(action), Some(ActionTypeEnum::FixedResponse)) => {
            let status = action.fixed_response_config().and_then(FixedResponseActionConfig::status_code);
            format!("return {}", status.unwrap_or_default())
        }
        (Some(action), Some(ActionTypeEnum::Forward)) => {
            format!("forward to {}", action.target_group_arn().unwrap_or_default())
        }
        (_, kind) => kind.map_or(String::new(), |kind| kind.as_str().to_owned()),
    }
}
