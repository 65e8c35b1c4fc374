//! A secret value in Secrets Manager: a generated password, a URL or another text that contains one, or URLs that grant
//! access. stackctl never shows, compares or passes on the value.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/intro.html>

mod look;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod value;

use serde::{Deserialize, Serialize};

pub use look::Live;
pub use value::{Part, Pieces, Source, cache_url, database_url};

use look::{INPUTS, described, name, seen};
use value::{GIVEN, fingerprint, generate, make};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::secretsmanager,
    model::{
        Address, Cause, Changed, Changes, Diff, Failure, Found, NoField, Outputs, Permission, Phase, Shown, fields,
    },
};

/// How long a deleted value that a user set can be restored, in days (7 to 30).
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>
const RECOVERY_DAYS: i64 = 7;

/// The maximum length of a value, in bytes.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
pub const LONGEST: usize = 65_536;

/// A secret.
pub struct Secret;

/// The secret that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The source of its value.
    pub source: Source,
}

/// Returns `arn` in the form that a policy needs. AWS adds a hyphen and six characters to the name of each secret. A
/// policy must contain them, while ECS also accepts an ARN without them. An ARN that ends in such a suffix is taken as
/// complete, as in Secrets Manager itself.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen>
pub fn policy_arn(arn: &str) -> String {
    let added = arn.rsplit_once('-').map(|(_, added)| added);
    let is_whole = added.is_some_and(|added| added.len() == 6 && added.chars().all(|c| c.is_ascii_alphanumeric()));
    if is_whole { arn.to_owned() } else { format!("{arn}-??????") }
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Value = "value",
    }
}

impl Kind for Secret {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "secret";
    const DOC: Doc = Doc {
        summary: "A password, a URL that contains a password, or a value that you set.",
        page: "https://docs.aws.amazon.com/secretsmanager/latest/userguide/intro.html",
    };
    const USES: &'static [&'static str] = &[];
    // A password is the only access to a cache or database, and all three kinds may contain data that a service
    // encrypted with a generated value.
    const OUTLIVES: &'static [&'static str] = &["bucket", "cache", "db_instance"];
    const COST: Cost<Desired, Live> = Cost::Each { what: "a secret", price: "secret month" };
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["secretsmanager:ListSecrets"]),
        Permission::look_at(&["secretsmanager:DescribeSecret"], secretsmanager::ARNS),
        Permission::make(
            &[
                "secretsmanager:CreateSecret",
                "secretsmanager:PutSecretValue",
                "secretsmanager:RestoreSecret",
                "secretsmanager:TagResource",
            ],
            secretsmanager::ARNS,
        ),
        secretsmanager::READING,
        Permission::delete(&["secretsmanager:DeleteSecret"], secretsmanager::ARNS),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        look::all(cx, Self::NAME).await
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        match &desired.source {
            Source::Generated { .. } | Source::Given => {}
            source => match fingerprint(source) {
                Some(inputs) if inputs == live.inputs => {}
                Some(_) => {
                    diff.push(Field::Value, Shown::Sensitive, Shown::Sensitive);
                }
                None => {
                    diff.push(Field::Value, Shown::Sensitive, Shown::KnownAfterApply);
                }
            },
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        let version = Some(&live.version).filter(|version| !version.is_empty());
        Outputs::new().with("arn", &live.arn).with("name", &live.name).with_some("version", version)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let inputs = fingerprint(&desired.source).unwrap_or_default();
        create(cx, address, make(cx, &desired.source).await?, inputs).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::Value => {
                    let inputs = fingerprint(&desired.source).unwrap_or_default();
                    write(cx, &live, make(cx, &desired.source).await?, inputs).await?
                }
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.inputs == GIVEN {
            // Nobody can generate this value again, so a user must be able to restore it after a mistaken deletion.
            let call = cx.aws.secrets.delete_secret().secret_id(&live.arn).recovery_window_in_days(RECOVERY_DAYS);
            let answer = call.customize().once().send().await;
            let gone = ["ResourceNotFoundException", "InvalidRequestException"];
            return answer.or_absent("DeleteSecret", &gone).map(drop);
        }
        // stackctl can generate this value again. With a recovery window, the name would be blocked for a week, and the
        // next `up` could not finish.
        let call = cx.aws.secrets.delete_secret().secret_id(&live.arn).force_delete_without_recovery(true);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteSecret", &["ResourceNotFoundException"]).map(drop)
    }

    async fn gone(cx: &Context, live: &Live) -> Result<Option<bool>, Failure> {
        Ok(Some(described(cx, &live.arn).await?.is_none()))
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // A secret that was deleted without recovery keeps its name for a moment.
        // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
        let going =
            failure.is_of("RestoreSecret") && failure.is(&["InvalidRequestException", "ResourceNotFoundException"]);
        going.then_some("the previous secret of this name to be deleted")
    }

    fn by_hand(address: &Address, desired: &Desired, live: Option<&Live>) -> Option<String> {
        let name = address.name().replace('/', ".");
        (desired.source == Source::Given && live.is_none())
            .then(|| format!("has no value yet; run `stackctl secrets set {name}` to set it"))
    }

    fn loss(address: &Address) -> Option<&'static str> {
        // Only secrets of services have a name with a slash. All other values can be generated again.
        address.name().contains('/').then_some(
            "is deleted with its value; to restore it within 7 days, add it to stack.yaml again and run \
                        `stackctl up`",
        )
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the value of a secret, for the one place that passes it on.
///
/// # Errors
/// Returns an error if a call to Secrets Manager fails.
pub async fn reveal(cx: &Context, live: &Live) -> Result<String, Failure> {
    Ok(secretsmanager::value(cx, &live.arn).await?.expose().to_owned())
}

/// Replaces the value of a generated secret.
///
/// # Errors
/// Returns an error if a call to Secrets Manager fails.
pub async fn renew(cx: &Context, live: &Live, length: usize) -> Result<(), Failure> {
    put(cx, live, generate(length)).await.map(drop)
}

/// Stores a value. Returns the id of the new version.
async fn put(cx: &Context, live: &Live, value: String) -> Result<String, Failure> {
    // The call has a token by which AWS detects a repetition, so the SDK may retry it.
    let call = cx.aws.secrets.put_secret_value().secret_id(&live.arn).secret_string(value);
    let answer = call.send().await.during("PutSecretValue").map_err(|failure| match failure.cause {
        Cause::Ambiguous => {
            failure.hint("the value of the secret may have changed: run `stackctl up` to finish the change")
        }
        _ => failure,
    })?;
    given(answer.version_id, "PutSecretValue", "VersionId")
}

/// Sets the value of the secret at `address`. Creates the secret if necessary.
///
/// # Errors
/// Returns an error if a call to Secrets Manager fails.
pub async fn give(cx: &Context, address: &Address, live: Option<&Live>, value: String) -> Result<Live, Failure> {
    match live {
        Some(live) => write(cx, live, value, GIVEN.to_owned()).await,
        None => create(cx, address, value, GIVEN.to_owned()).await,
    }
}

async fn create(cx: &Context, address: &Address, value: String, inputs: String) -> Result<Live, Failure> {
    let name = name(cx, address.name());
    let mut tags = aws::tags(&cx.id, address);
    if !inputs.is_empty() {
        tags.push(aws::tag(INPUTS, &inputs));
    }
    let call = cx.aws.secrets.create_secret().name(&name).secret_string(&value).set_tags(Some(tags));
    let answer = match call.customize().once().send().await.during("CreateSecret") {
        // The list may take five minutes to contain the secret.
        // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
        Err(failure) if failure.is(&["ResourceExistsException"]) => {
            return match described(cx, &name).await? {
                Some((of, live)) if of == *address && inputs.is_empty() => Ok(live),
                Some((of, live)) if of == *address => write(cx, &live, value, inputs).await,
                _ => {
                    Err(failure.hint("a secret of this name exists outside this stack: delete it, or rename the stack"))
                }
            };
        }
        Err(failure) if failure.is(&["InvalidRequestException"]) => None,
        answer => Some(answer?),
    };
    let Some(answer) = answer else { return call_back(cx, address, &name, value, inputs).await };
    let version = answer.version_id.unwrap_or_default();
    Ok(Live { arn: given(answer.arn, "CreateSecret", "ARN")?, name, inputs, version, changed: None })
}

/// Restores a secret whose deletion somebody scheduled, because its name would be blocked for days. The secret keeps
/// its value, which may be the password that a database was created with. The value is overwritten only if its parts
/// changed, or if a user sets it.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RestoreSecret.html>
async fn call_back(
    cx: &Context,
    address: &Address,
    name: &str,
    value: String,
    inputs: String,
) -> Result<Live, Failure> {
    let before = seen(cx, name).await?;
    if before.as_ref().is_some_and(|seen| seen.address.as_ref() != Some(address)) {
        let message = format!("{name} is scheduled for deletion and does not belong to this stack");
        return Err(
            Failure::refused("CreateSecret", message).hint("rename the stack, or wait until the secret is deleted")
        );
    }
    let call = cx.aws.secrets.restore_secret().secret_id(name).customize().once();
    call.send().await.during("RestoreSecret")?;
    let live = match before {
        Some(seen) => Some(seen.live),
        None => described(cx, name).await?.map(|(_, live)| live),
    };
    let live = given(live, "DescribeSecret", "the secret that was called back")?;
    let is_kept = inputs != GIVEN && (inputs.is_empty() || inputs == live.inputs) && !live.version.is_empty();
    if is_kept { Ok(live) } else { write(cx, &live, value, inputs).await }
}

async fn write(cx: &Context, live: &Live, value: String, inputs: String) -> Result<Live, Failure> {
    let version = put(cx, live, value).await?;
    if !inputs.is_empty() && inputs != live.inputs {
        let call = cx.aws.secrets.tag_resource().secret_id(&live.arn).tags(aws::tag(INPUTS, &inputs));
        call.customize().once().send().await.during("TagResource")?;
    }
    Ok(Live { inputs, version, ..live.clone() })
}
