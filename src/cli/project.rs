//! What the commands share: reading stack.yaml, opening the session, observing AWS and building the desired graph.

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

/// Reads stack.yaml for the environment on the command line.
pub(super) fn read(global: &Global) -> Result<Stack, Stop> {
    Ok(spec::load(&global.file, &global.env, &|name| std::env::var(name).ok())?)
}

/// An open project: stack.yaml and its session on AWS.
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
    /// The listener that stack.yaml names, as found by the first view.
    listener: OnceLock<GivenListener>,
    /// Whether the message about the delegation of zones was printed.
    told: AtomicBool,
    /// Whether the message about missing images was printed.
    told_of_images: AtomicBool,
    /// Whether this run waited for another run's lock.
    has_waited: AtomicBool,
}

/// The live state on AWS.
#[derive(Clone)]
pub(super) struct View {
    /// The facts from which the desired graph is built, without a release or a dump.
    pub(super) facts: Facts,
    /// The resources of the stack.
    pub(super) live: Vec<LiveResource>,
    /// The context of these reads, so that later checks can reuse them.
    pub(super) cx: Context,
}

/// Passes the lines of the image builder to the current reporter, if there is one.
#[derive(Clone, Default)]
struct Relay(Arc<Mutex<Option<Events>>>);

impl Project {
    /// Reads stack.yaml and opens a session, without calls to AWS.
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

    /// Marks the command as one that deletes everything it finds.
    pub(super) fn deleting_all(self) -> Self {
        Self { cx: self.cx.deleting_all(), ..self }
    }

    /// Reads the resources of the stack and the existing resources that it uses, all at the same time.
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
        // Boxed, because together these futures are too large for the stack.
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

    /// Returns the listener that stack.yaml names, if a view has found it.
    pub(super) fn listener(&self) -> Option<&GivenListener> {
        self.listener.get()
    }

    /// Reads the kinds that `plan` changes again, and takes the rest from `view`.
    pub(super) async fn look_again(&self, view: View, plan: &Plan) -> Result<View, Failure> {
        let kinds: BTreeSet<&str> = plan.steps.iter().map(|step| step.address.kind()).collect();
        let cx = self.cx.fresh();
        let live = engine::observe_again(&self.kinds, &cx, &kinds, &view.live).await?;
        let zones = view.facts.zones;
        self.view(cx, live, (view.facts.hosted_zones, view.facts.network, view.facts.listener), zones).await
    }

    /// Creates the view for `live`. The zones of the region are read only if the stack must choose some and they are
    /// not known yet: an existing stack keeps its zones.
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

    /// Returns whether this run waited for another run's lock.
    pub(super) fn has_waited(&self) -> bool {
        self.has_waited.load(Ordering::Relaxed)
    }

    /// Prints which hosted zones must be delegated for a new certificate, once in a run and only before the certificate
    /// exists. A missing delegation is the usual reason for a certificate that is never issued, and no call to AWS
    /// reports it.
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

    /// Prints, with `-v`, how long calls have waited to stay within AWS's request limits.
    pub(super) fn tell_of_waits(&self) {
        if let Some(waited) = self.cx.aws.pace.waited().filter(|_| self.verbose) {
            let (calls, longest, operation) = (waited.calls, waited.longest.as_secs(), waited.operation);
            self.output.status(&format!(
                "{calls} calls waited to stay within AWS's request limits; the longest wait was {longest} s \
                 ({operation})."
            ));
        }
    }

    /// Prints once in a run which services use a deleted image. Otherwise nothing fails until ECS starts a task.
    fn tell_of_images_that_are_gone(&self, facts: &Facts) {
        // A sidecar can run the image of its service.
        let is_told = |name: &str, image: &str| {
            let of_service = name.split_once('/').and_then(|(service, _)| facts.running.get(service));
            of_service.is_some_and(|of_service| of_service.image == image)
        };
        let gone =
            facts.running.iter().filter(|(name, running)| running.digest.is_none() && !is_told(name, &running.image));
        let gone: Vec<_> = gone.collect();
        if gone.is_empty() || self.told_of_images.swap(true, Ordering::Relaxed) {
            return;
        }
        for (service, running) in gone {
            self.output.status(&image_is_gone(service, &running.image));
        }
    }

    /// Returns the desired graph. `releases` are the images to run; services without one keep their current image.
    /// `load` is a dump to load into the database.
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

    /// Returns the plan from the live state to stack.yaml.
    pub(super) fn plan(&self, view: View, releases: &BTreeMap<ImageSource, BuiltImage>) -> Result<Plan, Failure> {
        engine::plan(&self.kinds, &self.cx.id, &self.graph(&view, releases, None)?, view.live)
    }

    /// Returns the result of `plan` for `view`, after a full read of the resources that it changes.
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

    /// Returns the plan that deletes everything in `view`.
    pub(super) fn plan_to_delete(&self, view: View) -> Result<Plan, Failure> {
        engine::plan(&self.kinds, &self.cx.id, &Graph::new(), view.live)
    }

    /// Returns every resource of one kind that the stack owns.
    pub(super) async fn observe_kind(&self, kind: &str) -> Result<Vec<LiveResource>, Failure> {
        engine::observe_kind(&self.kinds, &self.cx, kind).await
    }

    /// Returns the live services for the command `command`: the one called `name`, or all of stack.yaml that exist.
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

    /// Returns the image builder.
    pub(super) fn images(&self) -> &Builder {
        &self.images
    }

    /// Runs `work` and reports its events and the lines of the image builder.
    pub(super) async fn reporting<T>(&self, forecast: Forecast, work: impl AsyncFnOnce(&Events) -> T) -> T {
        let (events, receiver) = Events::channel();
        let reporting = tokio::spawn(self.output.reporter(forecast).run(receiver));
        self.relay.to(Some(events.clone()));
        let done = work(&events).await;
        self.relay.to(None);
        drop(events);
        // The reporter ends with the last sender. The runtime has already reported a panic in it.
        drop(reporting.await);
        done
    }

    /// Returns the handler that stops the current run.
    pub(super) fn stopper(&self) -> &Stopper {
        &self.stopper
    }

    /// Runs `work` under the stack's lock, for the command `command`. If the lock is lost, nothing new is started.
    pub(super) fn under_lock<'a, T: 'a, E: Into<Stop> + 'a>(
        &'a self,
        command: &'static str,
        global: &'a Global,
        work: impl Future<Output = Result<T, E>> + 'a,
    ) -> LocalBoxFuture<'a, Result<T, Stop>> {
        // Boxed, because the futures under the lock are large.
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

    /// Returns the store of the stack's lock.
    pub(super) fn lock_store(&self) -> SsmStore {
        SsmStore::new(Arc::clone(&self.cx.aws), &self.cx.id)
    }

    /// Returns this run as a holder of the lock.
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

/// Returns the folder to which paths in stack.yaml are relative.
pub(super) fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
