//! What the commands share: stack.yaml read, the session opened, the cloud observed, the desired graph drawn.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::LocalBoxFuture;

use crate::{
    aws::{Configured, SessionOptions},
    blueprint::{self, Facts, Load},
    cli::{commands::sandbox, error::Stop, global::Global, interrupt::Stopper, provenance},
    engine::{self, Event, Events, Forecast, Holder, Jitter, Lock, SsmStore, WaitsFor},
    image::{Builder, Logins},
    kind::{BuiltImage, Context, ImageSource, Images, Registry},
    kinds::{self, ecs::service},
    model::{Address, Failure, GivenListener, GivenNetwork, Graph, HostedZone, LiveResource, Place, Plan, Subject},
    output::{Output, image_is_gone},
    spec::{self, Stack, Tls},
};

/// stack.yaml in the environment that the command line names.
pub(super) fn read(global: &Global) -> Result<Stack, Stop> {
    Ok(spec::load(&global.file, &global.env, &|name| std::env::var(name).ok())?)
}

/// An open project: stack.yaml and the cloud it is for.
pub(super) struct Project {
    pub(super) stack: Stack,
    pub(super) cx: Context,
    /// The kinds of resources.
    pub(super) kinds: Registry,
    /// The path of stack.yaml.
    pub(super) file: PathBuf,
    /// The folder of stack.yaml.
    pub(super) folder: PathBuf,
    images: Arc<Builder>,
    relay: Relay,
    stopper: Stopper,
    output: Output,
    verbose: bool,
    /// The listener that stack.yaml names, as the first look has found it.
    listener: OnceLock<GivenListener>,
    /// Whether it was said already what a certificate waits for.
    told: AtomicBool,
    /// Whether it was said already which images are gone that run.
    told_of_images: AtomicBool,
    /// Whether another run had the lock that this one has now.
    has_waited: AtomicBool,
}

/// What AWS has.
#[derive(Clone)]
pub(super) struct View {
    /// What the desired graph is drawn from, without a release or a dump.
    pub(super) facts: Facts,
    /// The resources of the stack.
    pub(super) live: Vec<LiveResource>,
    /// What this look has read: who asks a moment later need not ask AWS again.
    pub(super) cx: Context,
}

/// Where the image builder's lines go: to the reporter that runs at the time, or nowhere.
#[derive(Clone, Default)]
struct Relay(Arc<Mutex<Option<Events>>>);

impl Project {
    /// Reads stack.yaml and opens a session; no call to AWS yet.
    pub(super) async fn open(global: &Global, output: &Output) -> Result<Self, Stop> {
        let stack = read(global)?;
        let running = if global.sandbox { Some(sandbox::must_run()?) } else { None };
        let limits = running.as_ref().is_some_and(|running| running.limits);
        let endpoint = running.map(|running| running.endpoint);
        let configured = Configured::load(&SessionOptions { region: stack.region.clone(), endpoint, limits }).await;
        if global.verbose > 0 {
            let place = configured.place();
            output.status(&format!("{}/{} in {} at {place}", stack.name, stack.environment, stack.region));
        }
        let aws = configured.connect().await?;
        let id = blueprint::id(&stack);
        let relay = Relay::default();
        let to = relay.clone();
        let folder = folder(&global.file);
        let aws = Arc::new(aws);
        let of_account = Arc::clone(&aws);
        let logins: Logins = Arc::new(move || {
            let aws = Arc::clone(&of_account);
            Box::pin(async move { kinds::ecr::image::login(&aws).await })
        });
        let images = Arc::new(Builder::new(folder.clone(), logins, Arc::new(move |event| to.image(event))));
        let cx = Context::new(id, aws, Arc::clone(&images) as Arc<dyn Images>).expecting(expected(&stack));
        let verbose = global.verbose > 0;
        let (stopper, output, kinds) = (Stopper::default(), output.clone(), kinds::registry());
        let (listener, told, told_of_images, has_waited) = Default::default();
        Ok(Self {
            stack,
            cx,
            kinds,
            file: global.file.clone(),
            folder,
            images,
            relay,
            stopper,
            output,
            verbose,
            listener,
            told,
            told_of_images,
            has_waited,
        })
    }

    /// The same, for a command that deletes all that it finds.
    pub(super) fn deleting_all(self) -> Self {
        Self { cx: self.cx.deleting_all(), ..self }
    }

    /// Looks at the cloud: what the stack owns, and what it stands on that is not its own. All at once.
    pub(super) async fn look(&self) -> Result<View, Failure> {
        let (cx, aws) = (self.cx.fresh(), &self.cx.aws);
        let domains = self.stack.load_balancer.as_ref().map(|balancer| balancer.domains.as_slice()).unwrap_or_default();
        let hosted_zones = aws.hosted_zones(domains);
        let network = async {
            let Some(given) = &self.stack.network.given else { return Ok(None) };
            let subnets: Vec<String> = given.public_subnets.iter().chain(&given.private_subnets).cloned().collect();
            let groups = self.stack.security_groups();
            aws.given_network(&given.vpc, &subnets, &groups).await.map(Some)
        };
        let listener = async {
            match self.stack.load_balancer.as_ref().and_then(|balancer| balancer.listener.as_deref()) {
                Some(arn) => aws.given_listener(arn).await,
                None => Ok(None),
            }
        };
        // Boxed, because all of them together are larger than a stack likes.
        let (hosted_zones, network, listener, live) =
            Box::pin(async { futures::try_join!(hosted_zones, network, listener, engine::observe(&self.kinds, &cx)) })
                .await?;
        if self.verbose {
            self.output.status(&format!("as {}; {} resources found", aws.caller().await?.arn, live.len()));
        }
        self.tell_of_delegation(&hosted_zones, &live).await?;
        if let Some(listener) = &listener {
            drop(self.listener.set(listener.clone()));
        }
        self.view(cx, live, (hosted_zones, network, listener), Vec::new()).await
    }

    /// The listener that stack.yaml names, if a look has found it.
    pub(super) fn listener(&self) -> Option<&GivenListener> {
        self.listener.get()
    }

    /// Looks again at the kinds that `plan` changes; the rest is as `view` has it.
    pub(super) async fn look_again(&self, view: View, plan: &Plan) -> Result<View, Failure> {
        let kinds: BTreeSet<&str> = plan.steps.iter().map(|step| step.address.kind()).collect();
        let cx = self.cx.fresh();
        let live = engine::observe_again(&self.kinds, &cx, &kinds, &view.live).await?;
        let zones = view.facts.zones;
        self.view(cx, live, (view.facts.hosted_zones, view.facts.network, view.facts.listener), zones).await
    }

    /// What `live` comes to. The region's zones are read where some are to be chosen, unless they are known already: a stack that
    /// stands stays where it is.
    async fn view(
        &self,
        cx: Context,
        live: Vec<LiveResource>,
        (hosted_zones, network, listener): (
            BTreeMap<String, Vec<HostedZone>>,
            Option<GivenNetwork>,
            Option<GivenListener>,
        ),
        zones: Vec<String>,
    ) -> Result<View, Failure> {
        let facts = Facts { hosted_zones, network, listener, ..blueprint::facts(&self.cx.id, &live)? };
        if blueprint::stands(&self.stack, &facts) {
            return Ok(View { facts, live, cx });
        }
        let zones = if zones.is_empty() { self.cx.aws.zones().await? } else { zones };
        Ok(View { facts: Facts { zones, ..facts }, live, cx })
    }

    /// Whether another run had the lock that this one has now.
    pub(super) fn has_waited(&self) -> bool {
        self.has_waited.load(Ordering::Relaxed)
    }

    /// Says once in a run, and only before there is a certificate, what it waits for: that nobody is sent to a zone is the
    /// usual reason why it is never issued, and no call of AWS's tells it.
    async fn tell_of_delegation(
        &self,
        hosted_zones: &BTreeMap<String, Vec<HostedZone>>,
        live: &[LiveResource],
    ) -> Result<(), Failure> {
        let is_asked_for = self.stack.load_balancer.as_ref().is_some_and(|one| one.tls == Tls::Acm);
        let mut waited: BTreeMap<&str, (&HostedZone, Vec<&str>)> = BTreeMap::new();
        for (domain, zones) in hosted_zones.iter().filter(|_| is_asked_for) {
            let proof = blueprint::proof_of(domain);
            if let ([zone], false) = (zones.as_slice(), live.iter().any(|resource| resource.address == proof)) {
                waited.entry(&zone.name).or_insert((zone, Vec::new())).1.push(domain);
            }
        }
        if waited.is_empty() || self.told.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        for (zone, domains) in waited.into_values() {
            let servers = self.cx.aws.name_servers(zone).await?.join(", ");
            self.output.status(&format!(
                "ACM issues the certificate for {domains} once {name} is delegated to its hosted zone: at the \
                 registrar or in the parent zone, set the name servers {servers}. Check with `dig NS {name}` \
                 (docs/guides/domains.md).",
                domains = domains.join(", "),
                name = zone.name,
            ));
        }
        Ok(())
    }

    /// Says, with `-v`, for how long calls have waited because AWS takes no more of them at once.
    pub(super) fn tell_of_waits(&self) {
        if let Some(waited) = self.cx.aws.pace.waited().filter(|_| self.verbose) {
            let (calls, longest, operation) = (waited.calls, waited.longest.as_secs(), waited.operation);
            self.output.status(&format!(
                "{calls} calls waited to stay within AWS's request limits; the longest wait was {longest} s \
                 ({operation})."
            ));
        }
    }

    /// Says once in a run which services run an image that somebody has deleted: nothing fails before ECS has to start a task.
    fn tell_of_images_that_are_gone(&self, facts: &Facts) {
        let gone: Vec<_> = facts.running.iter().filter(|(_, running)| running.digest.is_none()).collect();
        if gone.is_empty() || self.told_of_images.swap(true, Ordering::Relaxed) {
            return;
        }
        for (service, running) in gone {
            self.output.status(&image_is_gone(service, &running.image));
        }
    }

    /// What stack.yaml asks for. `releases` names the images that are to run; without one, what runs is kept. `load` is a dump
    /// on its way into the database.
    pub(super) fn graph(
        &self,
        view: &View,
        releases: &BTreeMap<ImageSource, BuiltImage>,
        load: Option<&Load>,
    ) -> Result<Graph, Failure> {
        self.tell_of_images_that_are_gone(&view.facts);
        let releases = releases.iter().map(|(source, built)| (source.clone(), built.digest.clone())).collect();
        let facts = Facts { releases, load: load.cloned(), ..view.facts.clone() };
        blueprint::graph(&self.stack, &facts)
    }

    /// The plan from what is there to what stack.yaml asks for.
    pub(super) fn plan(&self, view: View, releases: &BTreeMap<ImageSource, BuiltImage>) -> Result<Plan, Failure> {
        engine::plan(&self.kinds, &self.cx.id, &self.graph(&view, releases, None)?, view.live)
    }

    /// What `plan` makes of `view`, once all is read of what it changes.
    pub(super) async fn planned(
        &self,
        view: View,
        plan: &(dyn Fn(View) -> Result<Plan, Failure> + Sync),
    ) -> Result<Plan, Failure> {
        let planned = plan(view.clone())?;
        let account = account_of(&view.live);
        let planned = match engine::whole(&self.kinds, &view.cx, &planned, &view.live).await? {
            Some(live) => plan(View { live, ..view })?,
            None => planned,
        };
        if planned.is_empty() {
            return Ok(planned);
        }
        let account = match account {
            Some(account) => account,
            None => self.cx.aws.caller().await?.account,
        };
        Ok(Plan { place: Some(Place { region: self.stack.region.clone(), account }), ..planned })
    }

    /// Every resource of one kind that the stack owns.
    pub(super) async fn observe_kind(&self, kind: &str) -> Result<Vec<LiveResource>, Failure> {
        engine::observe_kind(&self.kinds, &self.cx, kind).await
    }

    /// The services as they run, for the command `command`: the one called `name`, or all of stack.yaml that are there.
    pub(super) async fn services(
        &self,
        command: &str,
        name: Option<&str>,
    ) -> Result<Vec<(String, service::Live)>, Stop> {
        let known = &self.stack.services;
        if let Some(name) = name.filter(|name| !known.contains_key(*name)) {
            let known: Vec<&str> = known.keys().map(String::as_str).collect();
            let message = format!("stack.yaml has no service `{name}`");
            return Err(Stop::usage(message, format!("services: {}", known.join(", "))));
        }
        let mut services = Vec::new();
        for found in self.observe_kind("service").await? {
            let own = found.address.name();
            if name.map_or(known.contains_key(own), |name| name == own) {
                services.push((own.to_owned(), found.decoded()?));
            }
        }
        if services.is_empty() {
            let what = name.map_or_else(|| "services".to_owned(), |name| Address::new("service", name).to_string());
            return Err(Failure::about(Subject::command(command), format!("{} has no {what}", self.cx.id))
                .hint("create it first: stackctl up")
                .into());
        }
        Ok(services)
    }

    /// Builds the images of `sources`.
    pub(super) async fn build(
        &self,
        sources: &BTreeSet<ImageSource>,
    ) -> Result<BTreeMap<ImageSource, BuiltImage>, Failure> {
        let mut built = BTreeMap::new();
        for source in sources {
            let image = self.images.build(source).await?;
            built.insert(source.clone(), image);
        }
        Ok(built)
    }

    /// What builds images.
    pub(super) fn images(&self) -> &Builder {
        &self.images
    }

    /// Does `work`, and reports what happens meanwhile: its own events, and the lines of the image builder.
    pub(super) async fn reporting<T>(&self, forecast: Forecast, work: impl AsyncFnOnce(&Events) -> T) -> T {
        let (events, receiver) = Events::channel();
        let reporting = tokio::spawn(self.output.reporter(forecast).run(receiver));
        self.relay.to(Some(events.clone()));
        let done = work(&events).await;
        self.relay.to(None);
        drop(events);
        // The reporter ends with the last sender; a panic in it has been reported by the runtime.
        drop(reporting.await);
        done
    }

    /// What stops what is being carried out.
    pub(super) fn stopper(&self) -> &Stopper {
        &self.stopper
    }

    /// Does `work` under the stack's lock, for the command `command`. If the lock is lost meanwhile, nothing more is begun.
    pub(super) fn under_lock<'a, T: 'a, E: Into<Stop> + 'a>(
        &'a self,
        command: &'static str,
        global: &'a Global,
        work: impl Future<Output = Result<T, E>> + 'a,
    ) -> LocalBoxFuture<'a, Result<T, Stop>> {
        // On the heap, because what is done under a lock is large.
        Box::pin(self.locked(command, global, work))
    }

    async fn locked<T, E: Into<Stop>>(
        &self,
        command: &'static str,
        global: &Global,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Stop> {
        let waits = |what: &WaitsFor<'_>| match what {
            WaitsFor::Run(other) => {
                self.has_waited.store(true, Ordering::Relaxed);
                let most = jiff::SignedDuration::try_from(global.lock_timeout).unwrap_or(jiff::SignedDuration::MAX);
                let id = &self.cx.id;
                self.output.status(&format!("Waiting up to {most:#} for the lock: {id} is locked by {other}."));
            }
            WaitsFor::Name => self.output.status(
                "Waiting about 30 s until AWS accepts the name of the lock again, which another command has just \
                 released.",
            ),
        };
        let (stopper, output) = (self.stopper.clone(), self.output.clone());
        let lost = move |other: Option<Holder>| {
            let by = other.map_or_else(|| "was removed".to_owned(), |other| format!("is now held by {other}"));
            output.status(&format!("The stack's lock {by}: finishing calls in progress, starting no new steps."));
            stopper.lose();
        };
        let holder = Self::holder(command);
        let (store, patience) = (Arc::new(self.lock_store()), global.lock_timeout);
        let lock = Lock::take(store, holder, patience, &Jitter::random(), waits, lost).await?;
        let holding = self.stopper.hold(&self.output);
        let done = tokio::select! {
            done = work => done.map_err(Into::into),
            by = holding.asked() => Err(Stop::Asked(by)),
        };
        if let Err(failure) = lock.release().await {
            self.output.status(&format!("the lock could not be released and expires within one minute: {failure}"));
        }
        drop(holding);
        done
    }

    /// Where the stack's lock is.
    pub(super) fn lock_store(&self) -> SsmStore {
        SsmStore::new(Arc::clone(&self.cx.aws), &self.cx.id)
    }

    /// Who this run is, for the lock.
    fn holder(command: &str) -> Holder {
        Holder {
            who: provenance::user(),
            host: provenance::host(),
            pid: std::process::id(),
            command: command.to_owned(),
            since: jiff::Timestamp::now(),
            nonce: format!("{:016x}", rand::random::<u64>()),
        }
    }
}

impl Relay {
    fn to(&self, events: Option<Events>) {
        *self.0.lock().expect("nobody panics while holding this") = events;
    }

    fn image(&self, event: crate::image::BuildEvent) {
        if let Some(events) = &*self.0.lock().expect("nobody panics while holding this") {
            events.send(Event::Image { source: event.source, message: event.message });
        }
    }
}

/// The account that the ARN of a resource names.
fn account_of(live: &[LiveResource]) -> Option<String> {
    let arn = live.iter().find_map(|found| found.live.get("arn")?.as_str().filter(|arn| arn.starts_with("arn:")))?;
    arn.split(':').nth(4).filter(|account| !account.is_empty()).map(str::to_owned)
}

/// All that a command may have made of `stack`. What is wrong with it otherwise, its graph says.
fn expected(stack: &Stack) -> Vec<(Address, serde_json::Value)> {
    let graph = blueprint::sketch_of_all(stack);
    let nodes = |graph: Graph| graph.nodes().map(|node| (node.address.clone(), node.desired.clone())).collect();
    graph.map(nodes).unwrap_or_default()
}

/// The folder that relative paths in stack.yaml start from.
pub(super) fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
